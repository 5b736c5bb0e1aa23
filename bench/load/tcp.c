/* Load over TCP: persistent connections with many queries in flight. RFC 7766 section 6.2.1.1. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"
#include "window.h"

enum { PREFIX_OCTETS = 2, IN_OCTETS = 1 << 17, OUT_OCTETS = SEND_BATCH * (QUERY_OCTETS + PREFIX_OCTETS) };

struct connection {
  int fd;
  struct window window;
  size_t in_length, out_start, out_end;
  uint8_t in[IN_OCTETS], out[OUT_OCTETS];
};

static void open_connection(struct connection *connection, const struct plan *plan) {
  connection->fd = connect_to(plan, SOCK_STREAM);
  connection->in_length = connection->out_start = connection->out_end = 0;
  window_open(&connection->window, plan->window);
}

/* A server may close when it likes; the queries then in flight are lost. */
static void reopen(struct connection *connection, const struct plan *plan, struct tally *tally) {
  tally->reconnects++;
  tally->lost += (uint64_t)(connection->window.size - connection->window.free_count);
  close(connection->fd);
  open_connection(connection, plan);
}

/* Counts the whole answers in the buffer and keeps the rest. */
static void take_answers(struct connection *connection, struct tally *tally, int64_t now) {
  const uint8_t *in = connection->in;
  size_t at = 0;
  while (at + PREFIX_OCTETS <= connection->in_length) {
    size_t length = (size_t)(in[at] << 8 | in[at + 1]);
    const uint8_t *message = in + at + PREFIX_OCTETS;
    if (at + PREFIX_OCTETS + length > connection->in_length) break;
    int64_t sent_at =
        length < 12 ? 0 : window_leave(&connection->window, (uint16_t)(message[0] << 8 | message[1]));
    if (sent_at == 0) tally->late++;
    else count_answer(tally, message, now - sent_at);
    at += PREFIX_OCTETS + length;
  }
  connection->in_length -= at;
  memmove(connection->in, in + at, connection->in_length);
}

static bool receive(struct connection *connection, const struct plan *plan, struct tally *tally,
                    int64_t now) {
  ssize_t count = recv(connection->fd, connection->in + connection->in_length,
                       IN_OCTETS - connection->in_length, MSG_DONTWAIT);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
    reopen(connection, plan, tally);
    return false;
  }
  if (count < 0) return false;
  /* A server that leaves Nagle's algorithm on would else wait 40 ms for our acknowledgement. */
  setsockopt(connection->fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
  connection->in_length += (size_t)count;
  take_answers(connection, tally, now);
  return true;
}

/* Half a window or more of queries, as one write. */
static void fill(struct connection *connection, struct queries *queries, struct tally *tally,
                 int64_t now) {
  int count = connection->window.free_count;
  if (count < (connection->window.size + 1) / 2) return;
  if (count > SEND_BATCH) count = SEND_BATCH;
  size_t at = 0;
  for (int i = 0; i < count; i++) {
    uint8_t *to = connection->out + at;
    size_t length = take_query(queries, to + PREFIX_OCTETS, window_enter(&connection->window, now));
    to[0] = (uint8_t)(length >> 8);
    to[1] = (uint8_t)length;
    at += PREFIX_OCTETS + length;
  }
  connection->out_start = 0;
  connection->out_end = at;
  tally->sent += (uint64_t)count;
}

static bool flush(struct connection *connection) {
  size_t left = connection->out_end - connection->out_start;
  if (left == 0) return false;
  ssize_t count =
      send(connection->fd, connection->out + connection->out_start, left, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count > 0) connection->out_start += (size_t)count;
  return count > 0;
}

double tcp_loop(const struct plan *plan, struct queries *queries, struct tally *tally) {
  struct connection *connections = calloc((size_t)plan->sockets, sizeof *connections);
  for (int i = 0; i < plan->sockets; i++) open_connection(&connections[i], plan);
  int64_t start = now_ns(), now = start, end = start + (int64_t)(plan->seconds * 1e9);
  while (now < end) {
    bool moved = false;
    for (int i = 0; i < plan->sockets; i++) {
      struct connection *connection = &connections[i];
      moved |= receive(connection, plan, tally, now);
      if (connection->out_start == connection->out_end) fill(connection, queries, tally, now);
      moved |= flush(connection);
    }
    if (!moved) rest();
    now = now_ns();
  }
  for (int i = 0; i < plan->sockets; i++) {
    struct window *window = &connections[i].window;
    tally->lost += (uint64_t)window_expire(window, now - plan->timeout);
    close(connections[i].fd);
  }
  free(connections);
  return (double)(now - start) / 1e9;
}

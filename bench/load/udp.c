/* Load over UDP, sent and received in batches. */
#define _GNU_SOURCE
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "load.h"
#include "window.h"

enum { REPLY_OCTETS = 4096 };

/* Receive and send buffers, used by one socket after the other. */
static uint8_t replies[SEND_BATCH][REPLY_OCTETS], messages[SEND_BATCH][QUERY_OCTETS];
static struct iovec reply_vectors[SEND_BATCH], message_vectors[SEND_BATCH];
static struct mmsghdr incoming[SEND_BATCH], outgoing[SEND_BATCH];

static void prepare_batches(void) {
  for (int i = 0; i < SEND_BATCH; i++) {
    reply_vectors[i] = (struct iovec){replies[i], REPLY_OCTETS};
    message_vectors[i] = (struct iovec){messages[i], 0};
    incoming[i].msg_hdr = (struct msghdr){.msg_iov = &reply_vectors[i], .msg_iovlen = 1};
    outgoing[i].msg_hdr = (struct msghdr){.msg_iov = &message_vectors[i], .msg_iovlen = 1};
  }
}

static inline uint16_t id_of(const uint8_t *message) {
  return (uint16_t)(message[0] << 8 | message[1]);
}

/* ---- closed loop ---- */

struct lane {
  int fd;
  struct window window;
};

static bool receive(struct lane *lane, struct tally *tally, int64_t now) {
  int count = recvmmsg(lane->fd, incoming, SEND_BATCH, MSG_DONTWAIT, NULL);
  for (int i = 0; i < count; i++) {
    int64_t sent_at = incoming[i].msg_len < 12 ? 0 : window_leave(&lane->window, id_of(replies[i]));
    if (sent_at == 0) tally->late++;
    else count_answer(tally, replies[i], now - sent_at);
  }
  return count > 0;
}

/* Sends when half of the window is free, so that batches stay large on both sides. */
static bool refill(struct lane *lane, struct queries *queries, struct tally *tally, int64_t now) {
  int count = lane->window.free_count;
  if (count < (lane->window.size + 1) / 2) return false;
  if (count > SEND_BATCH) count = SEND_BATCH;
  for (int i = 0; i < count; i++)
    message_vectors[i].iov_len = take_query(queries, messages[i], window_enter(&lane->window, now));
  int sent = sendmmsg(lane->fd, outgoing, (unsigned)count, MSG_DONTWAIT);
  if (sent < 0) sent = 0;
  for (int i = sent; i < count; i++) window_leave(&lane->window, id_of(messages[i]));
  tally->sent += (uint64_t)sent;
  return sent > 0;
}

static bool all_empty(const struct lane *lanes, int count) {
  for (int i = 0; i < count; i++)
    if (!window_empty(&lanes[i].window)) return false;
  return true;
}

double closed_loop(const struct plan *plan, struct queries *queries, struct tally *tally) {
  struct lane *lanes = calloc((size_t)plan->sockets, sizeof *lanes);
  prepare_batches();
  for (int i = 0; i < plan->sockets; i++) {
    lanes[i].fd = connect_to(plan, SOCK_DGRAM);
    window_open(&lanes[i].window, plan->window);
  }
  int64_t start = now_ns(), now = start, expired = start;
  int64_t end = start + (int64_t)(plan->seconds * 1e9);
  while (now < end) {
    bool more = plan->queries == 0 || queries->taken < plan->queries, moved = false;
    for (int i = 0; i < plan->sockets; i++) {
      moved |= receive(&lanes[i], tally, now);
      if (more) moved |= refill(&lanes[i], queries, tally, now);
    }
    if (!more && all_empty(lanes, plan->sockets)) break;
    if (!moved) rest();
    now = now_ns();
    if (now - expired < plan->timeout / 8) continue;
    for (int i = 0; i < plan->sockets; i++)
      tally->lost += (uint64_t)window_expire(&lanes[i].window, now - plan->timeout);
    expired = now;
  }
  free(lanes);
  return (double)(now - start) / 1e9;
}

/* ---- open loop ---- */

/* Every ID of a socket once: 65,536 times sockets queries before an ID comes again. */
struct track {
  int fd;
  uint16_t next;
  int64_t due[65536]; /* when the query should have left; 0: not in flight */
};

/* Latency counts from when the query was due, so that a late start of ours is not forgiven. */
static void send_due(struct track *track, struct queries *queries, struct tally *tally, int64_t due) {
  uint16_t id = track->next++;
  size_t length = take_query(queries, messages[0], id);
  if (track->due[id] != 0) tally->lost++;
  track->due[id] = due;
  tally->sent++;
  send(track->fd, messages[0], length, MSG_DONTWAIT);
}

static void receive_any(struct track *track, struct tally *tally) {
  for (;;) {
    int count = recvmmsg(track->fd, incoming, SEND_BATCH, MSG_DONTWAIT, NULL);
    int64_t now = now_ns();
    for (int i = 0; i < count; i++) {
      int64_t *due = &track->due[id_of(replies[i])];
      if (*due == 0) tally->late++;
      else count_answer(tally, replies[i], now - *due);
      *due = 0;
    }
    if (count < SEND_BATCH) return;
  }
}

/* All sockets, until `until` or until something can be read. */
static void wait_until(struct pollfd *polls, int count, int64_t until) {
  int64_t left = until - now_ns();
  struct timespec limit = {left / 1000000000, left % 1000000000};
  if (left > 0) ppoll(polls, (nfds_t)count, &limit, NULL);
}

double open_loop(const struct plan *plan, struct queries *queries, struct tally *tally) {
  struct track *tracks = calloc((size_t)plan->sockets, sizeof *tracks);
  struct pollfd polls[MAX_SOCKETS];
  prepare_batches();
  prctl(PR_SET_TIMERSLACK, 1000); /* leave within a microsecond of when it is due, not 50 */
  /* Whatever else runs on this core must not look like a slow server; only root may ask for this. */
  sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
  for (int i = 0; i < plan->sockets; i++) {
    tracks[i].fd = connect_to(plan, SOCK_DGRAM);
    polls[i] = (struct pollfd){tracks[i].fd, POLLIN, 0};
  }
  int64_t start = now_ns(), step = (int64_t)(1e9 / plan->rate), due = start;
  int64_t end = start + (int64_t)(plan->seconds * 1e9), close = end + plan->timeout;
  for (int64_t now = start; now < close; now = now_ns()) {
    for (; due <= now && due < end; due += step)
      send_due(&tracks[queries->taken % (uint64_t)plan->sockets], queries, tally, due);
    for (int i = 0; i < plan->sockets; i++) receive_any(&tracks[i], tally);
    if (due >= end && tally->sent == tally->answered + tally->lost) break;
    wait_until(polls, plan->sockets, due < end ? due : close);
  }
  tally->lost = tally->sent - tally->answered;
  free(tracks);
  return (double)(now_ns() - start) / 1e9;
}

/*
 * tls PORT FILE CONNECTIONS
 *
 * Opens connections with TLS to 127.0.0.1 and prints "open". Then, for each line with a number of seconds on its input,
 * keeps exactly one query in flight on each connection for that long, and prints how many were answered. Ends when its
 * input does, or at the first error.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "queries.h"

/* PREFIX: RFC 1035 section 4.2.2. HEADER: section 4.1.1. */
enum { PREFIX_OCTETS = 2, HEADER_OCTETS = 12, ANSWER_OCTETS = 2048, EVENTS = 256, PATIENCE_MS = 2000 };

struct connection {
  SSL *tls;
  uint16_t id;
  size_t length;
  uint8_t answer[ANSWER_OCTETS];
};

static void stop(const char *what) {
  fprintf(stderr, "tls: %s: %s\n", what, strerror(errno));
  ERR_print_errors_fp(stderr);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void open_connection(struct connection *connection, SSL_CTX *context, int port, int epoll) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in server = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) != 0) stop("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  connection->tls = SSL_new(context);
  SSL_set_fd(connection->tls, fd);
  if (SSL_connect(connection->tls) != 1) stop("handshake");
  fcntl(fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) stop("epoll");
}

static void ask(struct connection *connection, struct queries *queries) {
  uint8_t message[PREFIX_OCTETS + QUERY_OCTETS];
  size_t length = take_query(queries, message + PREFIX_OCTETS, ++connection->id);
  message[0] = (uint8_t)(length >> 8);
  message[1] = (uint8_t)length;
  connection->length = 0;
  if (SSL_write(connection->tls, message, (int)(PREFIX_OCTETS + length)) <= 0) stop("write");
}

/* Whether the answer is there as a whole. Anything else than an answer to the query ends the program. */
static bool take_answer(struct connection *connection) {
  uint8_t *answer = connection->answer;
  int size = SSL_read(connection->tls, answer + connection->length, ANSWER_OCTETS - (int)connection->length);
  if (size <= 0) {
    if (SSL_get_error(connection->tls, size) != SSL_ERROR_WANT_READ) stop("read");
    return false;
  }
  connection->length += (size_t)size;
  if (connection->length < PREFIX_OCTETS + HEADER_OCTETS) return false;
  size_t length = PREFIX_OCTETS + (size_t)(answer[0] << 8 | answer[1]);
  if (connection->length < length) return false;
  uint16_t id = (uint16_t)(answer[PREFIX_OCTETS] << 8 | answer[PREFIX_OCTETS + 1]);
  if (connection->length > length || id != connection->id) stop("not the answer to the query");
  return true;
}

static uint64_t run(struct connection *connections, int count, struct queries *queries, int epoll, double seconds) {
  struct epoll_event events[EVENTS];
  uint64_t answers = 0;
  int open = count;
  double end = now() + seconds;
  for (int i = 0; i < count; i++) ask(&connections[i], queries);
  while (open > 0) {
    int ready = epoll_wait(epoll, events, EVENTS, PATIENCE_MS);
    if (ready == 0 || (ready < 0 && errno != EINTR)) stop("no answer");
    bool over = now() >= end;
    for (int i = 0; i < ready; i++) {
      struct connection *connection = events[i].data.ptr;
      if (!take_answer(connection)) continue;
      answers++;
      if (over) open--;
      else ask(connection, queries);
    }
  }
  return answers;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: tls PORT FILE CONNECTIONS\n");
    return 2;
  }
  int port = atoi(argv[1]), count = atoi(argv[3]), epoll = epoll_create1(0);
  struct queries queries = read_queries(argv[2]);
  struct connection *connections = calloc((size_t)count, sizeof *connections);
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (connections == NULL || context == NULL || epoll < 0) stop("start");
  SSL_CTX_set_read_ahead(context, 1);
  for (int i = 0; i < count; i++) open_connection(&connections[i], context, port, epoll);
  printf("open\n");
  fflush(stdout);
  for (double seconds; scanf("%lf", &seconds) == 1; fflush(stdout))
    printf("%llu\n", (unsigned long long)run(connections, count, &queries, epoll, seconds));
  return 0;
}

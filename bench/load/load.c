/*
 * load --port PORT --queries FILE [--seconds 2] [--sockets 16] [--window 16] [--count N]
 *      [--timeout 0.5] [--fresh SERIAL] [--rate QUERIES_PER_SECOND | --tcp]
 *
 * Puts DNS load on 127.0.0.1 and prints one line of JSON. Without --rate: closed loop, `window`
 * queries in flight on each socket. With --rate: open loop, queries leave by the clock whatever
 * comes back. --tcp: closed loop over persistent connections. --fresh: every query a new name.
 */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "window.h"

static const struct option OPTIONS[] = {
    {"port", required_argument, NULL, 'p'},    {"queries", required_argument, NULL, 'q'},
    {"seconds", required_argument, NULL, 's'}, {"sockets", required_argument, NULL, 'c'},
    {"window", required_argument, NULL, 'w'},  {"count", required_argument, NULL, 'n'},
    {"timeout", required_argument, NULL, 'o'}, {"fresh", required_argument, NULL, 'f'},
    {"rate", required_argument, NULL, 'r'},    {"tcp", no_argument, NULL, 't'},
    {NULL, 0, NULL, 0}};

int connect_to(const struct plan *plan, int type) {
  int fd = socket(AF_INET, type, 0), octets = 4 << 20, on = 1;
  struct sockaddr_in server = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)plan->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (type == SOCK_DGRAM) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
  if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) != 0) {
    perror("connect");
    exit(1);
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

void rest(void) {
  nanosleep(&(struct timespec){0, 20000}, NULL);
}

static void usage(void) {
  fprintf(stderr, "usage: load --port PORT --queries FILE [options]; see the head of load.c\n");
  exit(2);
}

int main(int count, char **arguments) {
  struct plan plan = {.seconds = 2, .sockets = 16, .window = 16, .timeout = 500000000};
  struct queries queries = {0};
  struct tally tally = {0};
  const char *path = NULL;
  int tcp = 0, fresh = 0;
  uint32_t serial = 0;
  for (int option; (option = getopt_long(count, arguments, "", OPTIONS, NULL)) != -1;) {
    switch (option) {
      case 'p': plan.port = atoi(optarg); break;
      case 'q': path = optarg; break;
      case 's': plan.seconds = atof(optarg); break;
      case 'c': plan.sockets = atoi(optarg); break;
      case 'w': plan.window = atoi(optarg); break;
      case 'n': plan.queries = strtoull(optarg, NULL, 10); break;
      case 'o': plan.timeout = (int64_t)(atof(optarg) * 1e9); break;
      case 'f': fresh = 1, serial = (uint32_t)strtoul(optarg, NULL, 10); break;
      case 'r': plan.rate = atof(optarg); break;
      case 't': tcp = 1; break;
      default: usage();
    }
  }
  if (plan.port == 0 || path == NULL || plan.sockets < 1 || plan.sockets > MAX_SOCKETS) usage();
  if (plan.window < 1 || plan.window > MAX_WINDOW) usage();
  queries = read_queries(path);
  queries.fresh = fresh;
  queries.serial = serial;
  double seconds = tcp              ? tcp_loop(&plan, &queries, &tally)
                   : plan.rate > 0 ? open_loop(&plan, &queries, &tally)
                                   : closed_loop(&plan, &queries, &tally);
  print_tally(&tally, seconds);
}

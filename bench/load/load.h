/* What the three kinds of load have in common. */
#ifndef LOAD_H
#define LOAD_H

#include "queries.h"
#include "tally.h"

enum { MAX_SOCKETS = 256, SEND_BATCH = 64 };

struct plan {
  int port;           /* of the server, on 127.0.0.1 */
  double seconds;     /* at most this long */
  uint64_t queries;   /* at most this many; 0: as many as go */
  int sockets, window;
  double rate;        /* queries a second, open loop only */
  int64_t timeout;    /* nanoseconds after which a query is lost */
};

/* A socket of this type (SOCK_DGRAM, SOCK_STREAM), connected to the server, not blocking. */
int connect_to(const struct plan *plan, int type);

/* Each returns the seconds it took. */
double closed_loop(const struct plan *plan, struct queries *queries, struct tally *tally);
double open_loop(const struct plan *plan, struct queries *queries, struct tally *tally);
double tcp_loop(const struct plan *plan, struct queries *queries, struct tally *tally);

/*
 * Sleeps 20 microseconds. Not poll: a sleeper in poll has to be woken by the server's own send,
 * which would be counted as CPU of the server, and no client on another machine costs that.
 */
void rest(void);

#endif

/* What came back, and how long it took. */
#ifndef TALLY_H
#define TALLY_H

#include <stddef.h>
#include <stdint.h>

/* 32 steps per doubling: a latency is known to 3%; 40 doublings of a nanosecond are 18 minutes. */
enum { STEPS = 32, DOUBLINGS = 40 };

struct tally {
  uint64_t sent, answered, lost, late, truncated, reconnects;
  uint64_t rcodes[16];
  uint64_t latencies[STEPS * DOUBLINGS];
  int64_t worst; /* nanoseconds */
};

/* Nanoseconds of a clock that only moves forward. */
int64_t now_ns(void);

/* Counts one answer, `message` being at least four octets long. */
void count_answer(struct tally *tally, const uint8_t *message, int64_t took);

/* One line of JSON on standard output; times in microseconds. */
void print_tally(const struct tally *tally, double seconds);

#endif

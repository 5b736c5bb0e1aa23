#include "tally.h"

#include <stdio.h>
#include <time.h>

int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static int step_of(int64_t took) {
  if (took < STEPS) return took < 0 ? 0 : (int)took;
  int doubling = 63 - __builtin_clzll((unsigned long long)took) - 4; /* 32..63 ns is doubling 1 */
  int step = doubling * STEPS + (int)((took >> (doubling - 1)) & (STEPS - 1));
  return step < STEPS * DOUBLINGS ? step : STEPS * DOUBLINGS - 1;
}

/* The largest latency of a step, nanoseconds. */
static double latency_of(int step) {
  if (step < STEPS) return step;
  int doubling = step / STEPS;
  return (double)((int64_t)(STEPS + step % STEPS + 1) << (doubling - 1));
}

void count_answer(struct tally *tally, const uint8_t *message, int64_t took) {
  tally->answered++;
  tally->rcodes[message[3] & 15]++;
  tally->truncated += (message[2] & 2) != 0;
  tally->latencies[step_of(took)]++;
  if (took > tally->worst) tally->worst = took;
}

static double percentile(const struct tally *tally, double share) {
  uint64_t wanted = (uint64_t)((double)tally->answered * share), seen = 0;
  for (int step = 0; step < STEPS * DOUBLINGS; step++) {
    seen += tally->latencies[step];
    if (seen > wanted && latency_of(step) < (double)tally->worst) return latency_of(step) / 1e3;
  }
  return (double)tally->worst / 1e3;
}

void print_tally(const struct tally *tally, double seconds) {
  printf("{\"seconds\":%.4f,\"sent\":%lu,\"answered\":%lu,\"lost\":%lu,\"late\":%lu,"
         "\"truncated\":%lu,\"reconnects\":%lu,\"rcodes\":[",
         seconds, tally->sent, tally->answered, tally->lost, tally->late, tally->truncated,
         tally->reconnects);
  for (int i = 0; i < 16; i++) printf("%s%lu", i ? "," : "", tally->rcodes[i]);
  printf("],\"latency\":{\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}}\n",
         percentile(tally, 0.5), percentile(tally, 0.99), percentile(tally, 0.999),
         (double)tally->worst / 1e3);
}

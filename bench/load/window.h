/*
 * The queries in flight on one socket. A query's ID holds its slot in the low octet and a
 * generation in the high one, so that an answer to a query already given up is told from an
 * answer to the query that has its slot now.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdbool.h>
#include <stdint.h>

enum { MAX_WINDOW = 256 };

struct window {
  int size, free_count;
  uint8_t free_slots[MAX_WINDOW];
  uint8_t generations[MAX_WINDOW];
  int64_t sent_at[MAX_WINDOW]; /* 0: slot is free */
};

static inline void window_open(struct window *window, int size) {
  *window = (struct window){.size = size, .free_count = size};
  for (int i = 0; i < size; i++) window->free_slots[i] = (uint8_t)i;
}

/* The ID for one more query; there must be a free slot. */
static inline uint16_t window_enter(struct window *window, int64_t now) {
  uint8_t slot = window->free_slots[--window->free_count];
  window->sent_at[slot] = now;
  return (uint16_t)(window->generations[slot] << 8 | slot);
}

static inline void window_free(struct window *window, uint8_t slot) {
  window->sent_at[slot] = 0;
  window->generations[slot]++;
  window->free_slots[window->free_count++] = slot;
}

/* When the answered query was sent, its slot now free; 0 where it is not in flight. */
static inline int64_t window_leave(struct window *window, uint16_t id) {
  uint8_t slot = id & 0xff;
  if (slot >= window->size || window->generations[slot] != id >> 8) return 0;
  int64_t sent_at = window->sent_at[slot];
  if (sent_at != 0) window_free(window, slot);
  return sent_at;
}

/* Gives up every query sent before `limit`; returns how many. */
static inline int window_expire(struct window *window, int64_t limit) {
  int given_up = 0;
  for (int slot = 0; slot < window->size; slot++) {
    if (window->sent_at[slot] == 0 || window->sent_at[slot] >= limit) continue;
    window_free(window, (uint8_t)slot);
    given_up++;
  }
  return given_up;
}

static inline bool window_empty(const struct window *window) {
  return window->free_count == window->size;
}

#endif

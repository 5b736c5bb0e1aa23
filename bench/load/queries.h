/* The questions of a query file, ready as wire messages. */
#ifndef QUERIES_H
#define QUERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QUERY_OCTETS = 320 };

struct queries {
  uint8_t *octets;  /* all messages, one after the other */
  uint32_t *starts; /* count + 1 positions in `octets` */
  size_t count;
  size_t next;      /* the one to send next, below `count` */
  uint64_t taken;   /* how many were handed out so far */
  bool fresh;       /* write `serial` over the first eight octets of each name */
  uint32_t serial;
};

/* Reads `NAME TYPE` lines, as dnsperf does; ends the program on anything else. */
struct queries read_queries(const char *path);

/* Writes the next query with this ID to `to`; returns its length, at most QUERY_OCTETS. */
size_t take_query(struct queries *queries, uint8_t *to, uint16_t id);

#endif

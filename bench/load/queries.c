#include "queries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Recursion desired, one question, one additional record. RFC 1035 section 4.1.1. */
static const uint8_t HEADER[12] = {0, 0, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 1};
/* OPT record with payload size 1232. RFC 6891 section 6.1.2. */
static const uint8_t OPT[11] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};

enum { FRESH_DIGITS = 8, FIRST_LABEL = 13 };

static const struct { const char *name; int number; } TYPES[] = {
    {"A", 1}, {"NS", 2}, {"SOA", 6}, {"PTR", 12}, {"MX", 15}, {"TXT", 16},
    {"AAAA", 28}, {"SRV", 33}, {"SVCB", 64}, {"HTTPS", 65}};

static void stop(const char *path, size_t line, const char *why) {
  fprintf(stderr, "%s:%zu: %s\n", path, line, why);
  exit(2);
}

static int type_number(const char *name) {
  for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
    if (strcmp(TYPES[i].name, name) == 0) return TYPES[i].number;
  return 0;
}

/* Length of the message, or 0 where `name` is not a domain name. */
static size_t encode(uint8_t *to, const char *name, int type) {
  size_t at = sizeof HEADER;
  memcpy(to, HEADER, sizeof HEADER);
  while (*name != 0) {
    size_t length = strcspn(name, ".");
    if (length == 0 || length > 63 || at + length > sizeof HEADER + 253) return 0;
    to[at++] = (uint8_t)length;
    memcpy(to + at, name, length);
    at += length;
    name += length + (name[length] == '.');
  }
  const uint8_t question[5] = {0, (uint8_t)(type >> 8), (uint8_t)type, 0, 1};
  memcpy(to + at, question, sizeof question);
  memcpy(to + at + sizeof question, OPT, sizeof OPT);
  return at + sizeof question + sizeof OPT;
}

struct queries read_queries(const char *path) {
  struct queries queries = {0};
  FILE *file = fopen(path, "r");
  char line[600], name[512], type[16];
  size_t room = 0, slots = 0, used = 0, number = 0;
  if (file == NULL) stop(path, 0, "cannot be read");
  while (fgets(line, sizeof line, file) != NULL) {
    number++;
    if (line[0] == '#' || line[0] == ';' || line[0] == '\n') continue;
    if (sscanf(line, "%511s %15s", name, type) != 2) stop(path, number, "wanted NAME TYPE");
    if (used + QUERY_OCTETS > room) queries.octets = realloc(queries.octets, room = 2 * room + (1 << 16));
    if (queries.count + 2 > slots)
      queries.starts = realloc(queries.starts, (slots = 2 * slots + 1024) * sizeof *queries.starts);
    if (queries.octets == NULL || queries.starts == NULL) stop(path, number, "out of memory");
    size_t length = encode(queries.octets + used, name, type_number(type));
    if (length == 0 || type_number(type) == 0) stop(path, number, "unknown type or bad name");
    queries.starts[queries.count++] = (uint32_t)used;
    used += length;
    queries.starts[queries.count] = (uint32_t)used;
  }
  fclose(file);
  if (queries.count == 0) stop(path, number, "no queries");
  return queries;
}

static void write_serial(uint8_t *label, uint32_t serial) {
  static const char DIGITS[] = "0123456789abcdef";
  for (int i = FRESH_DIGITS - 1; i >= 0; i--, serial >>= 4) label[i] = (uint8_t)DIGITS[serial & 15];
}

size_t take_query(struct queries *queries, uint8_t *to, uint16_t id) {
  uint32_t start = queries->starts[queries->next];
  size_t length = queries->starts[queries->next + 1] - start;
  memcpy(to, queries->octets + start, length);
  to[0] = (uint8_t)(id >> 8);
  to[1] = (uint8_t)id;
  if (queries->fresh && to[FIRST_LABEL - 1] >= FRESH_DIGITS)
    write_serial(to + FIRST_LABEL, queries->serial++);
  if (++queries->next == queries->count) queries->next = 0;
  queries->taken++;
  return length;
}

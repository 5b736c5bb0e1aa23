/*
 * floor PORT: the floor of one core. One fixed address to every question, in batches, without
 * looking anything up: what the kernel alone costs, in any language.
 */
#define _GNU_SOURCE
#include "batch.h"

/* Owner by pointer to the question, A, IN, TTL 300, 0.0.0.0. */
static const uint8_t RECORD[] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 0, 0, 0, 0};

static size_t respond(uint8_t *message, size_t length) {
  size_t end = question_end(message, length);
  if (end == 0 || end + sizeof RECORD > SLOT_OCTETS) return 0;
  message[2] = 0x81; /* QR, RD */
  message[3] = 0x80; /* RA */
  message[7] = 1;    /* one answer */
  message[10] = message[11] = 0;
  memcpy(message + end, RECORD, sizeof RECORD);
  return end + sizeof RECORD;
}

int main(int count, char **arguments) {
  if (count != 2) return fprintf(stderr, "usage: floor PORT\n"), 2;
  serve_in_batches(open_on_loopback(SOCK_DGRAM, atoi(arguments[1])), respond);
}

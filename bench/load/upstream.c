/*
 * upstream PORT: the resolver behind everybody. Every A question gets 192.0.2.1, every AAAA
 * question 2001:db8::1 (RFC 5737, RFC 3849), TTL one day; other types get an empty NOERROR.
 * An EDNS query gets an OPT record back (RFC 6891 section 6.1.1). Over TCP as well, since dnsdist
 * forwards what came over TCP over TCP.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "batch.h"

static const uint8_t RECORD_A[] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 1, 0x51, 0x80, 0, 4, 192, 0, 2, 1};
static const uint8_t RECORD_AAAA[] = {0xc0, 0x0c, 0, 28, 0, 1, 0, 1, 0x51, 0x80, 0, 16,
                                      0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
/* Root owner, type 41, payload 1232. */
static const uint8_t OPT[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};

static size_t append(uint8_t *message, size_t at, const uint8_t *octets, size_t length) {
  memcpy(message + at, octets, length);
  return at + length;
}

static size_t respond(uint8_t *message, size_t length) {
  size_t end = question_end(message, length);
  if (end == 0 || end > 512) return 0;
  int type = message[end - 4] << 8 | message[end - 3];
  int edns = message[11] != 0;
  message[2] = (uint8_t)(0x80 | (message[2] & 0x01)); /* QR, RD as asked */
  message[3] = 0x80;                                  /* RA, NOERROR */
  message[7] = type == TYPE_A || type == TYPE_AAAA;
  message[9] = 0;
  message[11] = (uint8_t)edns;
  if (type == TYPE_A) end = append(message, end, RECORD_A, sizeof RECORD_A);
  if (type == TYPE_AAAA) end = append(message, end, RECORD_AAAA, sizeof RECORD_AAAA);
  return edns ? append(message, end, OPT, sizeof OPT) : end;
}

enum { CONNECTIONS = 64, STREAM_OCTETS = 1 << 16 };

struct stream {
  size_t length;
  uint8_t octets[STREAM_OCTETS];
};

/* Answers every whole message that has arrived; false: the connection is over. */
static int serve_stream(int fd, struct stream *stream) {
  uint8_t message[2 + SLOT_OCTETS];
  ssize_t count = recv(fd, stream->octets + stream->length, STREAM_OCTETS - stream->length, 0);
  size_t at = 0;
  if (count <= 0) return 0;
  stream->length += (size_t)count;
  while (at + 2 <= stream->length) {
    size_t length = (size_t)(stream->octets[at] << 8 | stream->octets[at + 1]);
    if (length > 512) return 0;
    if (at + 2 + length > stream->length) break;
    memcpy(message + 2, stream->octets + at + 2, length);
    size_t answer = respond(message + 2, length);
    message[0] = (uint8_t)(answer >> 8);
    message[1] = (uint8_t)answer;
    if (answer == 0 || send(fd, message, 2 + answer, MSG_NOSIGNAL) < 0) return 0;
    at += 2 + length;
  }
  stream->length -= at;
  memmove(stream->octets, stream->octets + at, stream->length);
  return 1;
}

/* All connections, number 0 of `polls` being the listener. */
static void *serve_streams(void *listener) {
  static struct stream streams[CONNECTIONS];
  struct pollfd polls[CONNECTIONS] = {{*(int *)listener, POLLIN, 0}};
  for (int i = 1; i < CONNECTIONS; i++) polls[i] = (struct pollfd){-1, POLLIN, 0};
  while (poll(polls, CONNECTIONS, -1) > 0) {
    for (int i = 1; i < CONNECTIONS; i++) {
      if (polls[i].fd >= 0 && polls[i].revents && !serve_stream(polls[i].fd, &streams[i])) {
        close(polls[i].fd);
        polls[i].fd = -1;
      }
      if (polls[i].fd >= 0 || !polls[0].revents) continue;
      polls[i].fd = accept(polls[0].fd, NULL, NULL);
      polls[i].revents = polls[0].revents = 0;
      streams[i].length = 0;
    }
  }
  return NULL;
}

static int listen_for_streams(int port) {
  int fd = open_on_loopback(SOCK_STREAM, port);
  listen(fd, CONNECTIONS);
  return fd;
}

int main(int count, char **arguments) {
  if (count != 2) return fprintf(stderr, "usage: upstream PORT\n"), 2;
  int port = atoi(arguments[1]);
  int streams = listen_for_streams(port);
  pthread_t thread;
  pthread_create(&thread, NULL, serve_streams, &streams);
  serve_in_batches(open_on_loopback(SOCK_DGRAM, port), respond);
}

/*
 * A UDP server that answers in batches and does nothing else: receive up to 64 datagrams with one
 * system call, let `respond` write each answer over its query, send them with one system call.
 * floor.c and upstream.c are this with two different `respond`.
 */
#ifndef BATCH_H
#define BATCH_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SLOT_OCTETS = 2048, SOCKET_BUFFER_OCTETS = 4 << 20 };

/* DNS header and question. RFC 1035 section 4.1.1 and 4.1.2. */
enum { HEADER_OCTETS = 12, TYPE_A = 1, TYPE_AAAA = 28 };

/* Length of the answer written over the query of `length` octets, or 0 to stay silent. */
typedef size_t respond_fn(uint8_t *message, size_t length);

/* First octet after the question, or 0 where the message has none. */
static inline size_t question_end(const uint8_t *message, size_t length) {
  size_t at = HEADER_OCTETS;
  while (at < length && message[at] != 0) at += message[at] + 1u;
  return at + 5 <= length ? at + 5 : 0;
}

static inline int open_on_loopback(int type, int port) {
  int fd = socket(AF_INET, type, 0);
  int octets = SOCKET_BUFFER_OCTETS;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    perror("bind");
    exit(1);
  }
  return fd;
}

static inline void serve_in_batches(int fd, respond_fn *respond) {
  static uint8_t octets[BATCH][SLOT_OCTETS];
  static struct sockaddr_in peers[BATCH];
  static struct iovec vectors[BATCH], replies[BATCH];
  static struct mmsghdr received[BATCH], sent[BATCH];
  for (int i = 0; i < BATCH; i++) {
    vectors[i] = (struct iovec){octets[i], SLOT_OCTETS};
    received[i].msg_hdr = (struct msghdr){
        .msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  for (;;) {
    int count = recvmmsg(fd, received, BATCH, MSG_WAITFORONE, NULL);
    int answers = 0;
    for (int i = 0; i < count; i++) {
      size_t length = respond(octets[i], received[i].msg_len);
      if (length == 0) continue;
      replies[answers] = (struct iovec){octets[i], length};
      sent[answers] = received[i];
      sent[answers].msg_hdr.msg_iov = &replies[answers];
      answers++;
    }
    for (int done = 0; done < answers;) {
      int step = sendmmsg(fd, sent + done, (unsigned)(answers - done), 0);
      if (step <= 0) break;
      done += step;
    }
  }
}

#endif

import { quote } from './format.js'

/** Errors of addresses, DNS messages, sockets and upstreams. See `../error.ts`. */
export const TRAFFIC = {
  // base
  ADDRESS_INVALID: (text: string) => `${quote(text)} is not an IP address`,
  PREFIX_INVALID: (text: string) => `${quote(text)} is not a CIDR prefix`,

  // dns, tsig
  WIRE_SHORT: (at: number) => `message ends at octet ${at}, inside a field`,
  WIRE_LABEL_TYPE: (at: number) => `unknown label type at octet ${at}`,
  WIRE_POINTER: (at: number, to: number) =>
    `compression pointer at octet ${at} does not point backward (to ${to})`,
  WIRE_NAME_LONG: (at: number) => `name at octet ${at} is longer than 255 octets`,
  WIRE_LARGE: () => 'message is too large when its names are decompressed',
  WIRE_QUESTION: (at: number) => `question at octet ${at} does not match the query`,
  WIRE_RDATA: (type: string, at: number) => `malformed ${type} RDATA at octet ${at}`,
  WIRE_OPT: (at: number) => `misplaced or duplicate OPT record at octet ${at}`,
  WIRE_TSIG: (at: number) => `TSIG record at octet ${at} is malformed, or not the last record`,
  WIRE_CLASS: (at: number) => `record at octet ${at} is not of class IN`,
  NAME_INVALID: (text: string, why: string) => `${quote(text)} is not a domain name: ${why}`,
  TRUST_ANCHOR_INVALID: (text: string, why: string) =>
    `${quote(text)} is not a trust anchor: ${why}`,

  // udp, server
  SOCKET_BIND: (endpoint: string, why: string) => `cannot listen on ${endpoint}: ${why}`,
  SOCKET_PERMISSION: (endpoint: string) =>
    `cannot listen on ${endpoint}: permission denied; a port below 1024 needs root or CAP_NET_BIND_SERVICE`,
  SOCKET_NO_BATCH: (why: string) => `batch sockets are not available: ${why}`,
  CLIENT_UNKNOWN: (method: string, why: string, outcome: string) =>
    `unknown client by ${method}: ${why}; ${outcome}`,
  CLIENT_REVOKED: (method: string, why: string, outcome: string) =>
    `revoked client by ${method}: ${why}; ${outcome}`,
  CLIENT_CPU: (client: string, used: string, allowed: string) =>
    `${client} takes ${used}% of a worker's CPU time with handshakes and protocol messages, more than ${allowed}%: connections closed`,
  WATCHDOG_WITHHELD: (workers: string) =>
    `the watchdog is not notified: ${workers}; the service manager restarts this process`,
  NOTIFY_FAILED: (why: string) => `cannot notify the service manager: ${why}`,

  // upstream
  UPSTREAM_NAMESERVER: (text: string) => `nameserver: expected an IP address, found ${quote(text)}`,
  UPSTREAM_SELF: (endpoint: string) =>
    `${endpoint} is this resolver itself; it is not used as an upstream`,
  UPSTREAM_PIN: (found: string) =>
    `its certificate has none of the public keys in pin-sha256; found ${found}`,
  UPSTREAM_HANDSHAKE: (ms: number) => `no TLS handshake within ${ms} ms`,
  UPSTREAM_ALPN: () => 'it does not offer HTTP/2 (ALPN h2)',
  UPSTREAM_HTTP: (what: string) => `its HTTP response is not a DNS message: ${what}`,
  UPSTREAM_PROTOCOL: (error: string) => `it violates HTTP/2 (${error}): connection closed`,
  UPSTREAM_NONE: () =>
    'no upstream: none is configured, and the resolv.conf of this system has none that can be used'
} as const

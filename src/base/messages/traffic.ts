/** Of queries and responses on their way. See `../error.ts`. */
export const TRAFFIC = {
  // base
  ADDRESS_INVALID: (text: string) => `${JSON.stringify(text)} is not an IP address`,
  PREFIX_INVALID: (text: string) => `${JSON.stringify(text)} is not a CIDR prefix`,

  // wire
  WIRE_SHORT: (at: number) => `message ends at octet ${at}, inside a field`,
  WIRE_LABEL_TYPE: (at: number) => `unknown label type at octet ${at}`,
  WIRE_POINTER: (at: number, to: number) => `pointer at octet ${at} does not lead back (to ${to})`,
  WIRE_NAME_LONG: (at: number) => `name at octet ${at} is longer than 255 octets`,
  WIRE_LARGE: (size: number) => `message of ${size} octets without compression, over 65535`,
  WIRE_QUESTION: (at: number) => `question at octet ${at} is not the one that was asked`,
  WIRE_RDATA: (type: string, at: number) => `${type} record has broken data at octet ${at}`,
  WIRE_OPT: (at: number) => `OPT record at octet ${at} is out of place or a second one`,
  WIRE_TSIG: (at: number) => `TSIG record at octet ${at} is broken, or not the last`,
  WIRE_CLASS: (at: number) => `record at octet ${at} is of another class than IN`,
  NAME_INVALID: (text: string, why: string) =>
    `${JSON.stringify(text)} is not a domain name: ${why}`,

  // socket, server
  SOCKET_BIND: (endpoint: string, why: string) => `cannot listen on ${endpoint}: ${why}`,
  SOCKET_PERMISSION: (endpoint: string) =>
    `cannot listen on ${endpoint}: permission denied; a port below 1024 needs root or CAP_NET_BIND_SERVICE`,
  SOCKET_NO_BATCH: (why: string) => `batch sockets are not available: ${why}`,

  // upstream
  UPSTREAM_NAMESERVER: (text: string) =>
    `nameserver: found ${JSON.stringify(text)}, wanted an IP address`,
  UPSTREAM_SELF: (endpoint: string) => `${endpoint} is this resolver itself and is not asked`,
  UPSTREAM_NONE: () => 'there is no upstream to ask: none is configured and the system names none'
} as const

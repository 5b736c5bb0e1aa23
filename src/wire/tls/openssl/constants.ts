/** openssl/ssl.h: commands of SSL_CTX_ctrl, SSL_CTX_callback_ctrl and SSL_ctrl. */
export const COMMAND = {
  mode: 33,
  setSessionCache: 44,
  getSessionCache: 45,
  maxFragment: 52,
  onServerName: 53,
  serverNameArgument: 54,
  serverName: 55,
  ticketKeys: 59,
  addChain: 89,
  setGroups: 92,
  setMinVersion: 123,
  setMaxVersion: 124,
  getMinVersion: 130
} as const
/** SSL_MODE_ENABLE_PARTIAL_WRITE is not among them: the output is memory, which takes everything. */
export const MODE_RELEASE_BUFFERS = 0x10
export const SESSION_CACHE_OFF = 0
export const TLS_1_2 = 0x0303
export const TLS_1_3 = 0x0304
/** SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_COMPRESSION, and SSL_OP_IGNORE_UNEXPECTED_EOF: many peers just disconnect. */
export const OPTIONS = (1n << 30n) | (1n << 17n) | (1n << 7n)
/** bits/socket.h: MSG_DONTWAIT | MSG_NOSIGNAL. */
export const SOCKET_FLAGS = 0x4040

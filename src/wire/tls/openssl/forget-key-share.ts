import type { OpenSsl } from './openssl.js'

/** openssl/ssl.h */
const SSL_CTRL_GET_PEER_TMP_KEY = 109
/** openssl/evp.h: EVP_PKEY_RSA, but any type does. */
const ANY_TYPE = 6

const pointer = Buffer.alloc(8)

/**
 * Frees what OpenSSL keeps of the client's key share until the connection ends, although nothing needs it after the
 * handshake: 7 kB for X25519MLKEM768. A key that is given a type loses its value (EVP_PKEY_set_type(3)).
 */
export function forgetKeyShare(openSsl: OpenSsl, connection: number): void {
  if (openSsl.peerKeyShare(connection, SSL_CTRL_GET_PEER_TMP_KEY, 0, pointer) !== 1) return
  const key = Number(pointer.readBigUInt64LE())
  openSsl.setKeyType(key, ANY_TYPE)
  openSsl.freeKey(key)
}

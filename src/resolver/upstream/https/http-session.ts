import { connect, type ClientHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'

/** Largest header block that is accepted, in octets as RFC 9113 §6.5.2 counts them. */
const MAX_HEADERS = 16_384

/**
 * HTTP/2 over a TLS connection that is open. No server push. RFC 9113 §8.4
 *
 * @param streams that the server is expected to accept, until it says how many
 */
export function openHttpSession(
  socket: TLSSocket,
  authority: string,
  streams: number
): ClientHttp2Session {
  return connect(`https://${authority}`, {
    createConnection: () => socket,
    peerMaxConcurrentStreams: streams,
    settings: { enablePush: false, maxHeaderListSize: MAX_HEADERS }
  })
}

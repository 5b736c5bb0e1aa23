import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { trackDatagramSocket } from '../../base/threads/datagram-sockets.js'
import type { Milliseconds } from '../../base/units.js'
import {
  FRAME_HEAD,
  TcpMessageReader,
  writeFrameHead
} from '../../resolver/upstream/tcp/tcp-message-reader.js'
import { TlsExchange } from '../../resolver/upstream/connections/tls-exchange.js'
import type { UpstreamServer } from '../../wire/sockets/upstream-server.js'

/** How a query is sent. */
export const TRANSPORTS = ['udp', 'tcp', 'dot', 'doh'] as const
export type ProbeTransport = (typeof TRANSPORTS)[number]

/** A resolver, and one way to ask it. */
export interface Target {
  readonly server: UpstreamServer
  readonly transport: ProbeTransport
}

/** A datagram may be lost: this often it is sent. */
const ATTEMPTS = 3

/** The ways to ask a server: UDP and TCP, or what its URI says. */
export function targetsOf(server: UpstreamServer): readonly Target[] {
  if (server.tls === undefined)
    return [
      { server, transport: 'udp' },
      { server, transport: 'tcp' }
    ]
  return [{ server, transport: server.tls.path === undefined ? 'dot' : 'doh' }]
}

/**
 * Sends one query.
 *
 * @param query with ID 0 for `doh` (RFC 8484 §4.1)
 * @returns the response; undefined if none came in time, or the server cannot be reached
 */
export function exchange(
  { server, transport }: Target,
  query: Uint8Array,
  timeout: Milliseconds
): Promise<Uint8Array | undefined> {
  return new Promise(resolve => {
    let close = (): void => undefined
    const timer = setTimeout(() => settle(undefined), timeout)
    const settle = (message: Uint8Array | undefined): void => {
      clearTimeout(timer)
      close()
      resolve(message && Uint8Array.from(message))
    }
    const answered = (message: Uint8Array): void => {
      if (message[0] === query[0] && message[1] === query[1]) settle(message)
    }
    if (transport === 'udp') close = overUdp(server, query, timeout, answered)
    else if (transport === 'tcp') close = overTcp(server, query, answered, settle)
    else {
      const { tls } = server
      const tlsExchange = new TlsExchange(server, tls!, query, answered)
      void tlsExchange.ended.then(() => settle(undefined))
      close = () => tlsExchange.close()
    }
  })
}

function overUdp(
  { address, port }: UpstreamServer,
  query: Uint8Array,
  timeout: Milliseconds,
  answered: (message: Uint8Array) => void
): () => void {
  const socket = trackDatagramSocket(createSocket(address.includes(':') ? 'udp6' : 'udp4'))
  let isOpen = true
  // Nothing is said of an ICMP error: the time runs out.
  socket.on('error', () => undefined)
  socket.on('message', message => answered(message))
  const send = (): void => {
    if (isOpen) socket.send(query, port, address, () => undefined)
  }
  send()
  const timer = setInterval(send, timeout / ATTEMPTS)
  return () => {
    if (!isOpen) return
    isOpen = false
    clearInterval(timer)
    socket.close()
  }
}

function overTcp(
  { address, port }: UpstreamServer,
  query: Uint8Array,
  answered: (message: Uint8Array) => void,
  settle: (message: undefined) => void
): () => void {
  const socket = connect(port, address)
  const reader = new TcpMessageReader(answered)
  const frame = new Uint8Array(FRAME_HEAD + query.length)
  writeFrameHead(frame, query.length)
  frame.set(query, FRAME_HEAD)
  socket.on('connect', () => socket.write(frame))
  socket.on('data', (chunk: Buffer) => reader.take(chunk))
  socket.on('error', () => undefined)
  socket.on('close', () => settle(undefined))
  return () => socket.destroy()
}

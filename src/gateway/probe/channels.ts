import { createSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { trackDatagramSocket } from '../../base/threads/datagram-sockets.js'
import type { Milliseconds } from '../../base/units.js'
import { findOpt, findOption } from '../../wire/dns/edns/opt.js'
import {
  decodeProbeReply,
  OPTION_PROBE,
  type ProbeReply
} from '../../wire/dns/edns/probe-option.js'
import { DohRequest } from '../../resolver/upstream/https/doh-request.js'
import { openHttpSession } from '../../resolver/upstream/https/http-session.js'
import {
  FRAME_HEAD,
  TcpMessageReader,
  writeFrameHead
} from '../../resolver/upstream/tcp/tcp-message-reader.js'
import { TlsConnector } from '../../resolver/upstream/tcp/tls-connector.js'
import { authorityOf } from '../../wire/sockets/upstream-server.js'
import type { ProbeTransport, Target } from './probe-exchange.js'

/** A listener of the gateway itself, and one way to ask it. */
export interface Listener extends Target {
  /** The own address to ask from; undefined: that which the system chooses. */
  readonly from: string | undefined
  /** Sent before each datagram, and once on a connection: a PROXY header. */
  readonly preamble: Uint8Array | undefined
  /** By which a listener over TLS recognizes the probe, see `probeServerName`. */
  readonly serverName: string
}

/** An answer, and what it says of where it comes from. */
export interface Answer {
  readonly message: Uint8Array
  /** Undefined: the listener has not recognized the probe. */
  readonly origin: ProbeReply | undefined
}

/** Datagrams are not lost on a loopback interface, but a socket's buffer may be full. */
const ATTEMPTS = 3
/** After so many channels that led to other workers, the next one is tried only after a pause. */
const TRIES_PER_WORKER = 6
const PAUSE: Milliseconds = 5_000

/** A socket or connection, which the kernel has given to one of the workers. */
interface Channel {
  /** Undefined: not known yet. */
  worker: number | undefined
  isClosed: boolean
  readonly pending: Map<number, (message: Uint8Array | undefined) => void>
  /** Messages over HTTPS have ID 0. RFC 8484 §4.1 */
  send(query: Uint8Array, id: number): void
  close(): void
}

/**
 * Channels to one listener, one for each worker: the kernel chooses the worker by the ports of a socket
 * (SO_REUSEPORT), so sockets are opened until each worker has one.
 */
export class Channels {
  private readonly open = new Set<Channel>()
  private lastId = 0
  private tries = 0
  private triedAt: Milliseconds = -Infinity
  private isClosed = false

  constructor(
    readonly listener: Listener,
    private readonly workers: number
  ) {}

  /** Workers that have a channel. */
  get covered(): number {
    return new Set([...this.open].map(({ worker }) => worker)).size
  }

  /**
   * Asks a worker, if it can be reached; otherwise another one.
   *
   * @param query its ID is replaced
   * @returns undefined: no answer in time
   */
  async ask(query: Uint8Array, worker: number, timeout: Milliseconds): Promise<Answer | undefined> {
    const first = this.channelTo(worker)
    const message = await this.exchange(first, query, timeout)
    // It was idle, and closed by the listener while the query was sent.
    if (message === undefined && first.isClosed && !this.isClosed)
      return this.answerOf(await this.exchange(this.openChannel(), query, timeout))
    return this.answerOf(message, first)
  }

  close(): void {
    this.isClosed = true
    for (const channel of this.open) this.drop(channel)
  }

  private answerOf(message: Uint8Array | undefined, channel?: Channel): Answer | undefined {
    if (message === undefined) return undefined
    const opt = findOpt(message, 0, message.length)
    const at = opt === 0 ? 0 : findOption(message, opt, OPTION_PROBE)
    const origin = at === 0 ? undefined : decodeProbeReply(message, at)
    if (channel !== undefined && origin !== undefined) this.learn(channel, origin.worker)
    return { message, origin }
  }

  /** A channel leads to this worker: one is enough. */
  private learn(channel: Channel, worker: number): void {
    channel.worker = worker
    const isSecond = [...this.open].some(it => it !== channel && it.worker === worker)
    if (isSecond && channel.pending.size === 0) this.drop(channel)
    if (this.covered === this.workers) this.tries = 0
  }

  private channelTo(worker: number): Channel {
    const all = [...this.open]
    const found = all.find(it => it.worker === worker) ?? all.find(it => it.worker === undefined)
    if (found !== undefined) return found
    const now = performance.now()
    const mayTry =
      this.tries < TRIES_PER_WORKER * this.workers || now - this.triedAt > PAUSE || all.length === 0
    if (!mayTry) return all[worker % all.length]!
    this.tries++
    this.triedAt = now
    return this.openChannel()
  }

  private exchange(
    channel: Channel,
    query: Uint8Array,
    timeout: Milliseconds
  ): Promise<Uint8Array | undefined> {
    const id = (this.lastId = (this.lastId + 1) & 0xffff)
    const isHttp = this.listener.transport === 'doh'
    const own = Uint8Array.from(query)
    own[0] = isHttp ? 0 : id >> 8
    own[1] = isHttp ? 0 : id & 0xff
    return new Promise(resolve => {
      let attempts = 1
      const isUdp = this.listener.transport === 'udp'
      const timer = setInterval(
        () => {
          if (isUdp && attempts++ < ATTEMPTS) channel.send(own, id)
          else {
            settle(undefined)
            // A connection that does not answer is not used again.
            if (!isUdp) this.drop(channel)
          }
        },
        isUdp ? timeout / ATTEMPTS : timeout
      )
      const settle = (message: Uint8Array | undefined): void => {
        clearInterval(timer)
        channel.pending.delete(id)
        resolve(message)
      }
      channel.pending.set(id, settle)
      channel.send(own, id)
    })
  }

  private openChannel(): Channel {
    const channel = openChannel(this.listener, () => this.drop(channel))
    this.open.add(channel)
    return channel
  }

  private drop(channel: Channel): void {
    this.open.delete(channel)
    if (channel.isClosed) return
    channel.isClosed = true
    channel.close()
    for (const settle of [...channel.pending.values()]) settle(undefined)
  }
}

const openers: Record<ProbeTransport, (listener: Listener, onClosed: () => void) => Channel> = {
  udp: openUdp,
  tcp: (listener, onClosed) =>
    openFramed(listener.preamble, tcpSocket(listener), 'connect', onClosed),
  dot: (listener, onClosed) =>
    openFramed(undefined, tlsSocket(listener), 'secureConnect', onClosed),
  doh: openHttps
}

const openChannel = (listener: Listener, onClosed: () => void): Channel =>
  openers[listener.transport](listener, onClosed)

function openUdp({ server, from, preamble }: Listener, onClosed: () => void): Channel {
  const socket = trackDatagramSocket(createSocket(server.address.includes(':') ? 'udp6' : 'udp4'))
  const pending: Channel['pending'] = new Map()
  socket.on('error', onClosed)
  socket.on('message', message => pending.get(idOf(message))?.(Uint8Array.from(message)))
  if (from !== undefined) socket.bind(0, from)
  return {
    ...{ worker: undefined, isClosed: false, pending },
    send: query => {
      const datagram = preamble === undefined ? query : Buffer.concat([preamble, query])
      socket.send(datagram, server.port, server.address, () => undefined)
    },
    close: () => socket.close()
  }
}

function openFramed(
  preamble: Uint8Array | undefined,
  socket: Socket,
  connected: string,
  onClosed: () => void
): Channel {
  const pending: Channel['pending'] = new Map()
  const reader = new TcpMessageReader(message => pending.get(idOf(message))?.(message))
  const waiting: Uint8Array[] = preamble === undefined ? [] : [preamble]
  let isConnected = false
  /** What is sent in one go is one segment and one TLS record: writes are most of the cost of a probe. */
  const flush = (): void => {
    socket.write(Buffer.concat(waiting))
    waiting.length = 0
  }
  socket.on(connected, () => {
    isConnected = true
    flush()
  })
  socket.on('data', (chunk: Buffer) => reader.take(chunk))
  socket.on('error', () => undefined)
  socket.on('end', onClosed)
  socket.on('close', onClosed)
  return {
    ...{ worker: undefined, isClosed: false, pending },
    send: query => {
      const frame = new Uint8Array(FRAME_HEAD + query.length)
      writeFrameHead(frame, query.length)
      frame.set(query, FRAME_HEAD)
      if (waiting.push(frame) === 1 && isConnected) process.nextTick(flush)
    },
    close: () => socket.destroy()
  }
}

const tcpSocket = ({ server: { address, port }, from }: Listener): Socket =>
  connect({ host: address, port, noDelay: true, ...(from && { localAddress: from }) })

/** With a PROXY header before TLS. */
function tlsSocket(listener: Listener) {
  const { server, preamble, serverName: servername } = listener
  const socket = tcpSocket(listener)
  if (preamble !== undefined) socket.once('connect', () => socket.write(preamble))
  const tls = new TlsConnector(server, server.tls!).connect({ socket, servername })
  socket.once('error', () => tls.destroy())
  return tls
}

function openHttps(listener: Listener, onClosed: () => void): Channel {
  const socket = tlsSocket(listener)
  const authority = authorityOf(listener.server)
  const { path } = listener.server.tls!
  const pending: Channel['pending'] = new Map()
  const waiting: [query: Uint8Array, id: number][] = []
  let post = (query: Uint8Array, id: number): void => void waiting.push([query, id])
  socket.on('secureConnect', () => {
    if (socket.destroyed) return
    const session = openHttpSession(socket, authority, 100)
    session.on('error', () => undefined)
    session.on('goaway', onClosed)
    session.on('close', onClosed)
    post = (query, id) => {
      const settle = (message?: Uint8Array): void => pending.get(id)?.(message)
      if (session.closed || session.destroyed) return settle()
      new DohRequest(session, authority, path!, query, {
        onMessage: message => settle(Uint8Array.from(message)),
        onBadResponse: () => settle(),
        onLost: () => settle()
      })
    }
    for (const [query, id] of waiting) post(query, id)
  })
  socket.on('error', () => undefined)
  socket.on('close', onClosed)
  return {
    ...{ worker: undefined, isClosed: false, pending },
    send: (query, id) => post(query, id),
    close: () => socket.destroy()
  }
}

const idOf = (message: Uint8Array): number => (message[0]! << 8) | message[1]!

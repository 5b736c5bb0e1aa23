import type { Octets } from '../../../base/units.js'
import { InputBio, OutputBio } from './memory-bio.js'
import { loadOpenSsl } from './load-openssl.js'
import type { OpenSsl } from './openssl.js'

/** linux/eventpoll.h */
export const EPOLLIN = 1
export const EPOLLOUT = 4
export const EPOLLERR = 8
export const EPOLLHUP = 0x10
/** The other end has closed its side. */
export const EPOLLRDHUP = 0x2000
/** Edge-triggered: new data is reported once (epoll(7)). */
export const EPOLLET = 1 << 31
const EPOLL_CLOEXEC = 0o2000000
const ADD = 1
const REMOVE = 2
const CHANGE = 3
/** struct epoll_event on x86-64 is packed: events and data without padding between them. */
const EVENT_WORDS = process.arch === 'x64' ? 3 : 4
const DATA_WORD = EVENT_WORDS === 3 ? 1 : 2
/** Connections handled in one turn of the event loop: then UDP, timers and other listeners run. */
const EVENTS = 256

/** RFC 8446 §5.1: most that a record holds. */
const MAX_RECORD: Octets = 16_384
/** What one connection may read in one turn. */
const READ_SIZE: Octets = 2 * MAX_RECORD
/** Most that is encrypted at once. */
export const WRITE_SIZE: Octets = 65_536

/** A connection as the loop knows it. */
export interface Polled {
  readonly fd: number
  ready(events: number): void
}

/**
 * The connections with TLS of one thread: one epoll descriptor for all, which Node's event loop watches, and the
 * memory that they share. What comes from a socket is read at once from one memory BIO by OpenSSL; what OpenSSL writes
 * goes to another, and from there to the socket at once.
 */
export class TlsLoop {
  readonly input: InputBio
  readonly output: OutputBio
  /** What was read last, decrypted: there may have been a part of a record before. */
  readonly octets: Buffer
  readonly readAddress: number
  /** What is to be encrypted. */
  readonly plain: Uint8Array
  readonly plainAddress: number
  private readonly epoll: number
  private readonly events: Int32Array
  private readonly eventsAddress: number
  private readonly event = Buffer.alloc(4 * EVENT_WORDS)
  private readonly connections = new Map<number, Polled>()
  private waiting: Polled[] = []
  private isScheduled = false
  /** Polling ends when it becomes unreachable. */
  private readonly poll

  constructor(readonly openSsl: OpenSsl) {
    const { system } = openSsl
    this.input = new InputBio(openSsl, READ_SIZE)
    this.output = new OutputBio(openSsl)
    const read = system.map(READ_SIZE + MAX_RECORD)
    this.octets = Buffer.from(read.buffer)
    this.readAddress = read.address
    const plain = system.map(WRITE_SIZE)
    this.plain = new Uint8Array(plain.buffer)
    this.plainAddress = plain.address
    const events = system.map(4 * EVENT_WORDS * EVENTS)
    this.events = new Int32Array(events.buffer)
    this.eventsAddress = events.address
    this.epoll = openSsl.createEpoll(EPOLL_CLOEXEC)
    system.record(this.epoll)
    this.poll = system.poll(this.epoll, this.schedule)
    this.poll.stop()
  }

  add(connection: Polled, events: number): void {
    if (this.connections.size === 0) this.poll.start()
    this.connections.set(connection.fd, connection)
    this.control(ADD, connection.fd, events)
  }

  change({ fd }: Polled, events: number): void {
    this.control(CHANGE, fd, events)
  }

  remove(connection: Polled): void {
    const { fd } = connection
    // The descriptor may be closed, and that of another connection already.
    if (this.connections.get(fd) !== connection) return
    this.connections.delete(fd)
    this.control(REMOVE, fd, 0)
    // So that the event loop may end.
    if (this.connections.size === 0) this.poll.stop()
  }

  /** Calls `ready` in the next turn: there may be something to read that epoll does not report, or the end. */
  readLater(connection: Polled): void {
    this.waiting.push(connection)
    this.schedule()
  }

  private control(operation: number, fd: number, events: number): void {
    this.event.writeInt32LE(events, 0)
    this.event.writeInt32LE(fd, 4 * DATA_WORD)
    this.openSsl.controlEpoll(this.epoll, operation, fd, this.event)
  }

  private readonly schedule = (): void => {
    if (this.isScheduled) return
    this.isScheduled = true
    setImmediate(this.run)
  }

  private readonly run = (): void => {
    this.isScheduled = false
    const { openSsl, events, waiting, output } = this
    this.waiting = []
    const count = openSsl.waitEpoll(this.epoll, this.eventsAddress, EVENTS, 0)
    output.isCollecting = true
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_WORDS
      this.connections.get(events[at + DATA_WORD]!)?.ready(events[at]!)
    }
    for (const connection of waiting) connection.ready(EPOLLIN | EPOLLRDHUP)
    output.isCollecting = false
    output.send()
  }
}

let ofThread: TlsLoop | string | undefined

/** The loop of this thread, or why there is none. */
export function tlsLoop(): TlsLoop | string {
  if (ofThread === undefined) {
    const openSsl = loadOpenSsl()
    ofThread = typeof openSsl === 'string' ? openSsl : new TlsLoop(openSsl)
  }
  return ofThread
}

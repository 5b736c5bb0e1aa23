import type { Milliseconds } from '../../../base/units.js'
import { defaultSourcePorts, type SourcePorts } from '../../../wire/sockets/source-ports.js'
import type { Transport } from '../../../wire/sockets/datagram.js'
import type { UpstreamLimits } from '../upstream-limits.js'
import type { AttemptHandler, Attempt } from '../query/upstream-query.js'
import type { Random } from '../../../base/bytes/random.js'
import type { Timer, Timers } from '../../../base/time/timers.js'
import { PoolSocket, type PoolSocketOptions } from './pool-socket.js'

/** Sockets opened in a millisecond, in the long run: opening and closing one costs about as much as a miss. */
const OPENED_PER_MS = 1 / 4
/** With fewer queries in flight, each gets a new socket, however fast they follow each other. */
const FEW_IN_FLIGHT = 4
/** Sockets that may be opened at once after a pause, such as for all names of a web page. */
const MAX_OPENED_AT_ONCE = 32
/** Most queries in a row that share a socket: as many as one system call sends. */
const SHARED_QUERIES = 64
/** Wait after a socket could not be opened. */
const OPEN_RETRY: Milliseconds = 1000

export interface SocketPoolDependencies {
  readonly transport: Transport
  readonly random: Random
  readonly timers: Timers
  readonly now: () => Milliseconds
  readonly limits: UpstreamLimits
  readonly handler: AttemptHandler
}

/**
 * UDP sockets of one address family, each on a random port of its own, and none without a query.
 *
 * Every query gets a random ID and a new socket, as in BIND and Unbound, which is closed with its response: RFC 5452
 * §9.2. So a port cannot be found by scanning before it is used, and no port is kept from other programs.
 *
 * Under load not every query can have a new one: it then gets a random one of those opened within the last
 * `limits.socketAge`, too short to find them by scanning. Up to 64 queries of a millisecond share a draw, so that they
 * leave, and their answers arrive, in one system call: 0.5 µs less per query at 30,000 a second. A spoofed response
 * has to hit the port and the ID of one query, and both are uniform for each query, whether or not others share the
 * port: the expected number of hits per spoofed packet is the same.
 */
export class UdpSocketPool {
  /** For sockets opened from now on. */
  ports: SourcePorts = defaultSourcePorts()
  /** Sockets that take queries, oldest first. */
  private readonly sockets: PoolSocket[] = []
  /** Sockets that wait for their last responses. */
  private readonly retired: PoolSocket[] = []
  private readonly options: Omit<PoolSocketOptions, 'ports'>
  private inFlight = 0
  private retryOpenAt: Milliseconds = -Infinity
  private retireTimer: Timer | undefined
  /** The millisecond of the last query. */
  private tick = 0
  /** Sockets that may be opened now. */
  private openable = MAX_OPENED_AT_ONCE
  /** The socket of the last query, and how many more share it. */
  private shared: PoolSocket | undefined
  private sharing = 0

  constructor(
    family: 4 | 6,
    private readonly dependencies: SocketPoolDependencies
  ) {
    const { transport, handler, now } = dependencies
    this.options = { transport, family, handler, now, onRelease: this.onRelease }
  }

  /** Open sockets. */
  get size(): number {
    return this.sockets.length + this.retired.length
  }

  /** Sends an attempt; false without a socket. */
  send(attempt: Attempt, now: Milliseconds): boolean {
    const { random, limits } = this.dependencies
    const socket = this.select(now)
    if (socket === undefined || socket.isFull) return false
    let id = random.word() & 0xffff
    while (socket.has(id)) id = random.word() & 0xffff
    this.inFlight++
    socket.send(attempt, id)
    if (socket.uses >= limits.socketQueries && !socket.isRetired) this.retire(socket)
    return true
  }

  close(): void {
    this.retireTimer?.cancel()
    this.retryOpenAt = Infinity
    for (const socket of [...this.sockets, ...this.retired]) socket.close()
    this.sockets.length = 0
    this.retired.length = 0
  }

  /** The socket for the next query; undefined only if none could be opened. */
  private select(now: Milliseconds): PoolSocket | undefined {
    const tick = Math.floor(now)
    if (tick !== this.tick) this.startTick(tick, now)
    if (this.sharing > 0 && this.inFlight >= FEW_IN_FLIGHT && this.shared?.isRetired === false) {
      this.sharing--
      return this.shared
    }
    this.shared = this.mayOpen(now) ? (this.open(now) ?? this.drawOpen()) : this.drawOpen()
    this.sharing = this.openable >= 1 ? 0 : SHARED_QUERIES - 1
    return this.shared
  }

  private startTick(tick: number, now: Milliseconds): void {
    const earned = (tick - this.tick) * OPENED_PER_MS
    this.openable = Math.min(MAX_OPENED_AT_ONCE, this.openable + Math.max(0, earned))
    this.tick = tick
    this.sharing = 0
    this.retireOld(now)
  }

  private mayOpen(now: Milliseconds): boolean {
    if (now < this.retryOpenAt || this.size >= this.dependencies.limits.sockets) return false
    return this.openable >= 1 || this.inFlight < FEW_IN_FLIGHT || this.size === 0
  }

  private open(now: Milliseconds): PoolSocket | undefined {
    try {
      const socket = new PoolSocket({ ...this.options, ports: this.ports }, now)
      this.sockets.push(socket)
      this.openable = Math.max(0, this.openable - 1)
      this.scheduleRetirement()
      return socket
    } catch {
      // No such address family, or no free descriptors: retried later. Until then, queries share the open sockets;
      // without any, upstreams of this family are unreachable.
      this.retryOpenAt = now + OPEN_RETRY
      return undefined
    }
  }

  /** Retired sockets are used again if nothing else is left, such as when an upstream answers nothing. */
  private drawOpen(): PoolSocket | undefined {
    const from = this.sockets.length > 0 ? this.sockets : this.retired
    return from[this.dependencies.random.word() % from.length]
  }

  /** Closes a socket without queries, unless more queries arrive than sockets may be opened for. */
  private readonly onRelease = (socket: PoolSocket): void => {
    this.inFlight--
    if (!socket.isIdle) return
    if (socket.isRetired) this.remove(this.retired, socket)
    else if (this.openable >= 1) this.remove(this.sockets, socket)
  }

  private remove(from: PoolSocket[], socket: PoolSocket): void {
    const at = from.indexOf(socket)
    if (at >= 0) from.splice(at, 1)
    socket.isRetired = true
    socket.close()
  }

  /** Takes no more queries, and closes when the last one in flight has ended. */
  private retire(socket: PoolSocket): void {
    if (socket.isIdle) {
      this.remove(this.sockets, socket)
      return
    }
    socket.isRetired = true
    this.sockets.splice(this.sockets.indexOf(socket), 1)
    this.retired.push(socket)
  }

  private retireOld(now: Milliseconds): void {
    const oldest = now - this.dependencies.limits.socketAge
    for (;;) {
      const [first] = this.sockets
      if (first === undefined || first.openedAt > oldest) return
      this.retire(first)
    }
  }

  /** Retires sockets after the last query, too. */
  private scheduleRetirement(): void {
    const { timers, limits, now } = this.dependencies
    this.retireTimer ??= timers.after(limits.socketAge, () => {
      this.retireTimer = undefined
      this.retireOld(now())
      if (this.sockets.length > 0) this.scheduleRetirement()
    })
  }
}

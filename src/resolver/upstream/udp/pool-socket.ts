import type { Milliseconds, Octets } from '../../../base/units.js'
import { answersQuestion } from '../../../wire/dns/message/answers-question.js'
import { MAX_UPSTREAM_QUERY_SIZE } from '../../../wire/dns/message/encode-query.js'
import { HEADER_SIZE } from '../../../wire/dns/registry/sizes.js'
import type { DatagramBatch, Transport, UpstreamSocket } from '../../../wire/sockets/datagram.js'
import type { SourcePorts } from '../../../wire/sockets/source-ports.js'
import { messageId } from '../query/response-header.js'
import type { UpstreamQuery, Channel, AttemptHandler, Attempt } from '../query/upstream-query.js'
import { AttemptTable } from './attempt-table.js'

/** Most attempts in flight on one socket: half of all IDs, so that free ones are found quickly. */
const MAX_IN_FLIGHT = 0x8000
/** Most attempts that a mismatched response is compared with; limits the cost of a flood. */
const STRAY_CHECKS = 32

/** Datagrams sent within this time may share one segmented send (UDP GSO). */
const SAME_SEND_WINDOW: Milliseconds = 1

/** Queries are written here before the socket copies them. */
const sendBuffer = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)
/** Queries are written here for comparison, possibly while `sendBuffer` is in use. */
const compareBuffer = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)

export interface PoolSocketOptions {
  readonly transport: Transport
  readonly family: 4 | 6
  readonly ports: SourcePorts
  readonly handler: AttemptHandler
  readonly now: () => Milliseconds
  /** Called when a query is no longer in flight. */
  readonly onRelease: (socket: PoolSocket) => void
}

/** One UDP socket of the pool and the queries in flight on it, by ID. */
export class PoolSocket implements Channel {
  /** Queries sent. */
  uses = 0
  /** Takes no more queries. */
  isRetired = false
  private readonly inFlight = new AttemptTable()
  private readonly handler: AttemptHandler
  private readonly now: () => Milliseconds
  private readonly onRelease: (socket: PoolSocket) => void
  private readonly socket: UpstreamSocket

  /** @throws InterdictError SOCKET_BIND */
  constructor(
    { transport, family, ports, handler, now, onRelease }: PoolSocketOptions,
    readonly openedAt: Milliseconds
  ) {
    this.handler = handler
    this.now = now
    this.onRelease = onRelease
    this.socket = transport.open(
      family,
      batch => this.receive(batch),
      batch => this.receiveErrors(batch),
      ports
    )
  }

  get isIdle(): boolean {
    return this.inFlight.size === 0
  }

  get isFull(): boolean {
    return this.inFlight.size >= MAX_IN_FLIGHT
  }

  /** @param id random; must not be in flight here */
  send(attempt: Attempt, id: number): void {
    attempt.channel = this
    attempt.id = id
    this.uses++
    this.inFlight.add(attempt)
    const length = attempt.write(sendBuffer, 0)
    this.socket.send(sendBuffer, 0, length, attempt.upstream.peer)
  }

  has(id: number): boolean {
    return this.inFlight.get(id) !== undefined
  }

  release(id: number): void {
    this.inFlight.delete(id)
    this.onRelease(this)
  }

  close(): void {
    this.socket.close()
    this.inFlight.clear()
  }

  private receive(batch: DatagramBatch): void {
    const now = this.now()
    for (let i = 0; i < batch.count; i++) this.receiveOne(batch, i, now)
  }

  /** Address and port, ID, and question have to match the query. RFC 5452 §9.1. */
  private receiveOne(batch: DatagramBatch, i: number, now: Milliseconds): void {
    const { octets } = batch
    const start = batch.starts[i]!
    const end = start + batch.lengths[i]!
    const id = end - start < HEADER_SIZE ? -1 : messageId(octets, start)
    const attempt = this.inFlight.get(id)
    if (attempt === undefined) {
      const suspect = id < 0 ? undefined : this.findSuspect(batch, i, id, start, end)
      this.handler.onMismatch(suspect, now)
    } else if (!isFrom(batch, i, attempt)) {
      this.handler.onMismatch(attempt.query, now)
    } else if (isAnswer(octets, start, end, id, attempt, attempt.exactCase)) {
      this.handler.onResponse(attempt, octets, start, end, now)
    } else if (attempt.exactCase && isAnswer(octets, start, end, id, attempt, false)) {
      this.handler.onCaseMismatch(attempt, now)
    } else {
      this.handler.onMismatch(attempt.query, now)
    }
  }

  private receiveErrors(batch: DatagramBatch): void {
    const now = this.now()
    for (let i = 0; i < batch.count; i++)
      if (batch.lengths[i]! > 0) this.receiveError(batch, i, now)
  }

  /**
   * A spoofed ICMP message has to quote as much as a spoofed response has to guess: RFC 8085 §5.2. If
   * less than the question is quoted (RFC 792 requires only 8 octets), the query just times out.
   */
  private receiveError(batch: DatagramBatch, i: number, now: Milliseconds): void {
    const { octets } = batch
    const start = batch.starts[i]!
    const length = batch.lengths[i]!
    const attempt = this.inFlight.get(length < HEADER_SIZE ? -1 : messageId(octets, start))
    if (
      attempt === undefined ||
      !isFrom(batch, i, attempt) ||
      !quotes(octets, start, length, attempt)
    ) {
      this.handler.onMismatch(undefined, now)
      return
    }
    // More than one query: the operating system rejected a whole segmented send.
    if (length > attempt.write(compareBuffer, 0)) this.failSegments(attempt, now)
    else this.handler.onUndelivered(attempt, now)
  }

  /** Fails all attempts that were sent to the same upstream in the same segmented send. */
  private failSegments({ upstream, sentAt }: Attempt, now: Milliseconds): void {
    for (const other of [...this.inFlight.values()]) {
      if (other.upstream === upstream && Math.abs(other.sentAt - sentAt) < SAME_SEND_WINDOW) {
        this.handler.onUndelivered(other, now)
      }
    }
  }

  /** The query that a response with an unknown ID may be meant for: one with the same question. */
  private findSuspect(
    batch: DatagramBatch,
    i: number,
    id: number,
    start: Octets,
    end: Octets
  ): UpstreamQuery | undefined {
    let checks = STRAY_CHECKS
    for (const attempt of this.inFlight.values()) {
      if (checks-- === 0) return undefined
      if (!isFrom(batch, i, attempt)) continue
      if (isAnswer(batch.octets, start, end, id, attempt, false)) return attempt.query
    }
    return undefined
  }
}

function isAnswer(
  octets: Uint8Array,
  start: Octets,
  end: Octets,
  id: number,
  { query: asking }: Attempt,
  exactCase: boolean
): boolean {
  return answersQuestion(octets, start, end, id, asking.forwarded.question, exactCase)
}

/** Whether the octets are the query of an attempt as sent, at least to the end of its question. */
function quotes(octets: Uint8Array, start: Octets, length: Octets, attempt: Attempt): boolean {
  const needed = HEADER_SIZE + attempt.query.forwarded.question.length
  if (length < needed) return false
  attempt.write(compareBuffer, 0)
  for (let k = 0; k < needed; k++) if (octets[start + k] !== compareBuffer[k]) return false
  return true
}

/** Whether datagram `i` came from, or was sent to, the attempt's upstream. */
function isFrom({ peers, ports }: DatagramBatch, i: number, { upstream }: Attempt): boolean {
  const { words, endpoint } = upstream
  return (
    ports[i] === endpoint.port &&
    peers[4 * i + 3] === words[3] &&
    peers[4 * i + 2] === words[2] &&
    peers[4 * i + 1] === words[1] &&
    peers[4 * i] === words[0]
  )
}

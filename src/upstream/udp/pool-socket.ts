import type { Milliseconds, Octets } from '../../base/units.js'
import { answersQuestion } from '../../dns/message/answers-question.js'
import { MAX_INQUIRY } from '../../dns/message/inquiry.js'
import { HEADER_SIZE } from '../../dns/registry/sizes.js'
import type { DatagramBatch, Transport, UpstreamSocket } from '../../udp/datagram.js'
import type { Asking, Channel, Receiver, Try } from '../query/asking.js'
import { messageId } from '../query/response-head.js'
import { Flights } from './flights.js'

/** Queries in flight on one socket, so that free IDs are found quickly. Half of all IDs. */
const FULL = 0x8000
/** Most queries in flight that a stray response is compared with; bounds what a flood costs. */
const STRAY_CHECKS = 32

/** What leaves within this time may leave in one convoy; see socket's `Convoys`. */
const MOMENT: Milliseconds = 1

/** Where queries are written before they are copied out. */
const desk = new Uint8Array(MAX_INQUIRY)
/** Where they are written again, to be compared; that may be while the desk is in use. */
const copy = new Uint8Array(MAX_INQUIRY)

/** One UDP socket of the pool and the queries in flight on it, by ID. */
export class PoolSocket implements Channel {
  uses = 0
  private readonly flights = new Flights()
  private socket: UpstreamSocket | undefined
  private retired = false

  private constructor(
    private readonly receiver: Receiver,
    private readonly now: () => Milliseconds,
    readonly openedAt: Milliseconds
  ) {}

  static async open(
    transport: Transport,
    family: 4 | 6,
    receiver: Receiver,
    now: () => Milliseconds
  ): Promise<PoolSocket> {
    const opened = new PoolSocket(receiver, now, now())
    opened.socket = await transport.open(
      family,
      batch => {
        opened.receive(batch)
      },
      batch => {
        opened.miss(batch)
      }
    )
    return opened
  }

  get isClosed(): boolean {
    return this.socket === undefined
  }

  get isFull(): boolean {
    return this.flights.size >= FULL
  }

  /** @param id a random ID; the caller checked that it is not in flight here */
  send(attempt: Try, id: number): void {
    attempt.channel = this
    attempt.id = id
    this.uses++
    this.flights.add(attempt)
    const length = attempt.write(desk, 0)
    this.socket?.send(desk, 0, length, attempt.upstream.peer)
  }

  has(id: number): boolean {
    return this.flights.get(id) !== undefined
  }

  release(id: number): void {
    this.flights.delete(id)
    if (this.retired && this.flights.size === 0) this.close()
  }

  /** Takes no more queries and closes as soon as the last one in flight is over. */
  retire(): void {
    this.retired = true
    if (this.flights.size === 0) this.close()
  }

  close(): void {
    this.socket?.close()
    this.socket = undefined
    this.flights.clear()
  }

  private receive(batch: DatagramBatch): void {
    const now = this.now()
    for (let i = 0; i < batch.count; i++) this.take(batch, i, now)
  }

  /** RFC 5452 §9.1: address and port, ID, and question have to be those of the query. */
  private take(batch: DatagramBatch, i: number, now: Milliseconds): void {
    const { octets } = batch
    const start = batch.starts[i]!
    const end = start + batch.lengths[i]!
    const id = end - start < HEADER_SIZE ? -1 : messageId(octets, start)
    const attempt = this.flights.get(id)
    if (attempt === undefined) {
      const suspect = id < 0 ? undefined : this.suspectOf(batch, i, id, start, end)
      this.receiver.mismatched(suspect, now)
    } else if (!isFrom(batch, i, attempt)) {
      this.receiver.mismatched(attempt.asking, now)
    } else if (isAnswer(octets, start, end, id, attempt, attempt.exactCase)) {
      this.receiver.answered(attempt, octets, start, end, now)
    } else if (attempt.exactCase && isAnswer(octets, start, end, id, attempt, false)) {
      this.receiver.doubted(attempt, now)
    } else {
      this.receiver.mismatched(attempt.asking, now)
    }
  }

  private miss(batch: DatagramBatch): void {
    const now = this.now()
    for (let i = 0; i < batch.count; i++) if (batch.lengths[i]! > 0) this.undo(batch, i, now)
  }

  /**
   * Whoever forges ICMP has to know what whoever forges a response has to: RFC 8085 §5.2. Where less
   * than the question is quoted (RFC 792 wants 8 octets, which is nothing of ours), silence tells.
   */
  private undo(batch: DatagramBatch, i: number, now: Milliseconds): void {
    const { octets } = batch
    const start = batch.starts[i]!
    const length = batch.lengths[i]!
    const attempt = this.flights.get(length < HEADER_SIZE ? -1 : messageId(octets, start))
    if (
      attempt === undefined ||
      !isFrom(batch, i, attempt) ||
      !quotes(octets, start, length, attempt)
    ) {
      this.receiver.mismatched(undefined, now)
      return
    }
    // More than the query: it left in a convoy that this very system refused, once for all in it.
    if (length > attempt.write(copy, 0)) this.undoAll(attempt, now)
    else this.receiver.undelivered(attempt, now)
  }

  /** All that left for the same upstream at the same moment. */
  private undoAll({ upstream, sentAt }: Try, now: Milliseconds): void {
    for (const other of [...this.flights.values()]) {
      if (other.upstream === upstream && Math.abs(other.sentAt - sentAt) < MOMENT) {
        this.receiver.undelivered(other, now)
      }
    }
  }

  /** What somebody who does not know the ID might be after: an inquiry with the same question. */
  private suspectOf(
    batch: DatagramBatch,
    i: number,
    id: number,
    start: Octets,
    end: Octets
  ): Asking | undefined {
    let checks = STRAY_CHECKS
    for (const attempt of this.flights.values()) {
      if (checks-- === 0) return undefined
      if (!isFrom(batch, i, attempt)) continue
      if (isAnswer(batch.octets, start, end, id, attempt, false)) return attempt.asking
    }
    return undefined
  }
}

function isAnswer(
  octets: Uint8Array,
  start: Octets,
  end: Octets,
  id: number,
  { asking }: Try,
  exactCase: boolean
): boolean {
  return answersQuestion(octets, start, end, id, asking.inquiry.question, exactCase)
}

/** Whether these octets are the query of a try, to the end of its question at least, as sent. */
function quotes(octets: Uint8Array, start: Octets, length: Octets, attempt: Try): boolean {
  const needed = HEADER_SIZE + attempt.asking.inquiry.question.length
  if (length < needed) return false
  attempt.write(copy, 0)
  for (let k = 0; k < needed; k++) if (octets[start + k] !== copy[k]) return false
  return true
}

/** From, or sent to. */
function isFrom({ peers, ports }: DatagramBatch, i: number, { upstream }: Try): boolean {
  const { words, endpoint } = upstream
  return (
    ports[i] === endpoint.port &&
    peers[4 * i + 3] === words[3] &&
    peers[4 * i + 2] === words[2] &&
    peers[4 * i + 1] === words[1] &&
    peers[4 * i] === words[0]
  )
}

import { failure } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'
import {
  NO_DEVICE,
  NO_REASON,
  type DnssecVerdict,
  type QueryEvent,
  type LookupVerdict,
  type Match,
  type Protocol
} from './query-event.js'

/**
 * A lock-free ring buffer of query events in shared memory: one worker writes, the recorder thread
 * reads, and neither waits. When it is full, the writer drops the event and counts it.
 *
 *     octet   0  head: position up to which the reader is done       (written by the reader)
 *     octet  64  tail: position up to which events are published     (written by the writer)
 *     octet  68  pushed: events ever published, modulo 2^32          (written by the writer)
 *     octet  72  dropped: events ever dropped, modulo 2^32           (written by the writer)
 *     octet 128  the ring, a power of two of octets
 *
 * Positions count octets without wrapping to the ring size, modulo 2^32, so that full and empty
 * differ. Head and tail have a cache line each. An event is a fixed part of 64 octets (words below),
 * the class of the address if it has one, the QNAME, the name of the device and the reason of validation, padded to a multiple of 8.
 * Events never wrap: if one does not fit before the end
 * of the ring, the word SKIP is written and the event goes to the start of the ring.
 *
 * Memory order: the writer stores events with plain writes, then the tail with Atomics.store; the
 * reader loads the tail with Atomics.load, then reads with plain reads. Only the tail publishes, so
 * one store publishes a whole batch, and an event that a worker had half written when it died is
 * never seen.
 */
const HEAD = 0
const TAIL = 16
const PUSHED = 17
const DROPPED = 18
const HEADER: Octets = 128
const FIRST_WORD = HEADER >> 2

/** The fixed part, in 32-bit words. */
const WORD = {
  lengths: 0, // of QNAME, of the device << 8, of the reason << 16; or SKIP
  generation: 1,
  time: 2, // two words, a double
  clientClass: 4,
  client: 5, // four words
  types: 9, // QTYPE, RCODE in the upper half
  kinds: 10, // verdict, match << 8, protocol << 16, HAS_ADDRESS_CLASS, dnssec << DNSSEC_SHIFT
  claim: 11,
  record: 12,
  upstream: 13,
  latency: 14,
  ede: 15
} as const
const FIXED: Octets = 64
/** In `kinds`: the class of the address follows the fixed part. */
const HAS_ADDRESS_CLASS = 1 << 24
const DNSSEC_SHIFT = 25
const FIXED_WORDS = FIXED >> 2
const SKIP = -1

const MAX_LATENCY = 0xffffffff
const MIN_RING: Octets = 4096
const MAX_RING: Octets = 2 ** 30

/** Default size of a ring: about 45,000 events, nearly a second at 50,000 per second. */
const RING_OCTETS: Octets = 4 * 1024 * 1024

/**
 * Allocates shared memory for one empty ring.
 *
 * @throws InterdictError LOG_RING_SIZE
 */
export function createRing(octets: Octets = RING_OCTETS): SharedArrayBuffer {
  if (!Number.isInteger(Math.log2(octets)) || octets < MIN_RING || octets > MAX_RING) {
    throw failure('LOG_RING_SIZE', octets, MIN_RING, MAX_RING)
  }
  return new SharedArrayBuffer(HEADER + octets)
}

/** Typed views of the shared memory, used by both sides. */
class RingMemory {
  readonly words: Int32Array
  readonly doubles: Float64Array
  readonly octets: Uint8Array
  readonly capacity: Octets

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory)
    this.doubles = new Float64Array(memory)
    this.octets = new Uint8Array(memory)
    this.capacity = memory.byteLength - HEADER
  }
}

/**
 * The worker's side. A replacement worker continues where the dead one stopped, including the
 * counters. `push` allocates nothing.
 */
export class RingWriter {
  private readonly memory: RingMemory
  /** Next position to write; ahead of the shared tail by the uncommitted events. */
  private tail: number
  /** Last known position of the reader. Loading it is costly, and it only moves forward. */
  private head: number
  private pushed: number
  private dropped: number

  constructor(memory: SharedArrayBuffer) {
    const { words } = (this.memory = new RingMemory(memory))
    this.tail = Atomics.load(words, TAIL)
    this.head = Atomics.load(words, HEAD)
    this.pushed = Atomics.load(words, PUSHED)
    this.dropped = Atomics.load(words, DROPPED)
  }

  /**
   * Copies the event into the ring; `commit` publishes it. `qnameLength` is at most 255 (RFC 1035
   * §2.3.4), as checked by `dns/`.
   *
   * @returns false if the ring is full: the event is dropped and counted
   */
  push(event: QueryEvent): boolean {
    const { capacity } = this.memory
    const octets = sizeOf(event)
    const at = this.tail & (capacity - 1)
    const skipped = at + octets > capacity ? capacity - at : 0
    if (!this.hasRoom(skipped + octets)) {
      this.dropped = (this.dropped + 1) | 0
      Atomics.store(this.memory.words, DROPPED, this.dropped)
      return false
    }
    if (skipped > 0) this.memory.words[FIRST_WORD + (at >> 2)] = SKIP
    this.copy(event, skipped > 0 ? 0 : at)
    this.tail = (this.tail + skipped + octets) | 0
    this.pushed = (this.pushed + 1) | 0
    return true
  }

  /** Publishes everything pushed so far: once per batch of responses. */
  commit(): void {
    const { words } = this.memory
    Atomics.store(words, PUSHED, this.pushed)
    Atomics.store(words, TAIL, this.tail)
  }

  private hasRoom(octets: Octets): boolean {
    const { capacity, words } = this.memory
    if (capacity - ((this.tail - this.head) >>> 0) >= octets) return true
    // The reader can only free what is published.
    this.commit()
    this.head = Atomics.load(words, HEAD)
    return capacity - ((this.tail - this.head) >>> 0) >= octets
  }

  private copy(event: QueryEvent, at: Octets): void {
    const { words, doubles, octets } = this.memory
    const word = FIRST_WORD + (at >> 2)
    const { qname, qnameLength, device, dnssecReason, addressClass } = event
    words[word + WORD.lengths] = qnameLength | (device.length << 8) | (dnssecReason.length << 16)
    words[word + WORD.generation] = event.generation
    doubles[(word + WORD.time) >> 1] = event.time
    words[word + WORD.clientClass] = event.clientClass
    words[word + WORD.client] = event.client[0]!
    words[word + WORD.client + 1] = event.client[1]!
    words[word + WORD.client + 2] = event.client[2]!
    words[word + WORD.client + 3] = event.client[3]!
    words[word + WORD.types] = event.qtype | (event.rcode << 16)
    words[word + WORD.kinds] =
      event.verdict |
      (event.match << 8) |
      (event.protocol << 16) |
      (event.dnssec << DNSSEC_SHIFT) |
      (addressClass === 0 ? 0 : HAS_ADDRESS_CLASS)
    if (addressClass !== 0) words[word + FIXED_WORDS] = addressClass
    words[word + WORD.claim] = event.claim
    words[word + WORD.record] = event.entry
    words[word + WORD.upstream] = event.upstream
    words[word + WORD.latency] = event.latency < MAX_LATENCY ? event.latency : MAX_LATENCY
    words[word + WORD.ede] = event.ede
    // A loop, because `set` would need a `subarray`, which allocates.
    const name = HEADER + at + namesAt(addressClass)
    for (let i = 0; i < qnameLength; i++) octets[name + i] = qname[i]!
    const rest = name + qnameLength
    for (let i = 0; i < device.length; i++) octets[rest + i] = device[i]!
    const reason = rest + device.length
    for (let i = 0; i < dnssecReason.length; i++) octets[reason + i] = dnssecReason[i]!
  }
}

/** The recorder's side. */
export class RingReader {
  /** Events ever published and ever dropped, as of the last `refresh`. */
  pushed = 0
  dropped = 0
  private readonly memory: RingMemory
  private head: number
  /** The shared tail as of the last `refresh`. */
  private tail: number
  /** The shared head: the writer may overwrite everything before it. */
  private released: number

  constructor(memory: SharedArrayBuffer) {
    const { words } = (this.memory = new RingMemory(memory))
    this.head = this.released = Atomics.load(words, HEAD)
    this.tail = this.head
    this.refresh()
  }

  /**
   * Loads the writer's position and counters.
   *
   * @returns the fill level of the ring, from 0 to 1
   */
  refresh(): number {
    const { words, capacity } = this.memory
    this.tail = Atomics.load(words, TAIL)
    this.pushed += (Atomics.load(words, PUSHED) - this.pushed) >>> 0
    this.dropped += (Atomics.load(words, DROPPED) - this.dropped) >>> 0
    return ((this.tail - this.head) >>> 0) / capacity
  }

  /**
   * Fills `event` with the next event. Space is released to the writer gradually and at the end.
   *
   * @returns false if there was no further event at the last `refresh`
   */
  next(event: QueryEvent): boolean {
    if (this.head === this.tail) {
      this.releaseSpace()
      return false
    }
    const { words, capacity } = this.memory
    let at = this.head & (capacity - 1)
    if (words[FIRST_WORD + (at >> 2)] === SKIP) {
      this.head = (this.head + capacity - at) | 0
      at = 0
    }
    this.read(event, at)
    this.head = (this.head + sizeOf(event)) | 0
    if ((this.head - this.released) >>> 0 > capacity >> 3) this.releaseSpace()
    return true
  }

  private releaseSpace(): void {
    if (this.released === this.head) return
    this.released = this.head
    Atomics.store(this.memory.words, HEAD, this.head)
  }

  private read(event: QueryEvent, at: Octets): void {
    const { words, doubles, octets } = this.memory
    const word = FIRST_WORD + (at >> 2)
    const lengths = words[word + WORD.lengths]!
    event.qnameLength = lengths & 0xff
    event.generation = words[word + WORD.generation]!
    event.time = doubles[(word + WORD.time) >> 1]!
    event.clientClass = words[word + WORD.clientClass]!
    for (let i = 0; i < 4; i++) event.client[i] = words[word + WORD.client + i]!
    const types = words[word + WORD.types]!
    event.qtype = types & 0xffff
    event.rcode = types >>> 16
    const kinds = words[word + WORD.kinds]!
    event.verdict = (kinds & 0xff) as LookupVerdict
    event.match = ((kinds >>> 8) & 0xff) as Match
    event.protocol = ((kinds >>> 16) & 0xff) as Protocol
    event.dnssec = (kinds >>> DNSSEC_SHIFT) as DnssecVerdict
    event.addressClass = (kinds & HAS_ADDRESS_CLASS) === 0 ? 0 : words[word + FIXED_WORDS]!
    event.claim = words[word + WORD.claim]!
    event.entry = words[word + WORD.record]!
    event.upstream = words[word + WORD.upstream]!
    event.latency = words[word + WORD.latency]! >>> 0
    event.ede = words[word + WORD.ede]!
    const name = HEADER + at + namesAt(event.addressClass)
    for (let i = 0; i < event.qnameLength; i++) event.qname[i] = octets[name + i]!
    const rest = name + event.qnameLength
    const reason = rest + ((lengths >>> 8) & 0xff)
    event.device = reason === rest ? NO_DEVICE : octets.slice(rest, reason)
    const reasonLength = lengths >>> 16
    event.dnssecReason =
      reasonLength === 0 ? NO_REASON : octets.slice(reason, reason + reasonLength)
  }
}

/** Where the QNAME begins in an event. */
function namesAt(addressClass: number): Octets {
  return addressClass === 0 ? FIXED : FIXED + Int32Array.BYTES_PER_ELEMENT
}

function sizeOf({ addressClass, qnameLength, device, dnssecReason }: QueryEvent): Octets {
  return (namesAt(addressClass) + qnameLength + device.length + dnssecReason.length + 7) & ~7
}

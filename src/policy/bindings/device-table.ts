import type { Seconds } from '../../base/units.js'

/*
 * The devices behind addresses, in memory that one thread writes and all workers read: a hash table of buckets with eight
 * places. A place is written under a sequence number, so that a reader never takes half of two devices.
 */

const WAYS = 8
/** Words of a place: sequence, address, client (2), from, until, length of the text, text. */
const TEXT_WORDS = 16
const WORDS = 10 + TEXT_WORDS
const AT = { sequence: 0, address: 1, client: 5, from: 7, until: 8, length: 9, text: 10 } as const
/** Longest name of a device behind that of its group, in octets. */
export const MAX_DEVICE_TEXT = 4 * TEXT_WORDS
/** Words before the places: until when the table is right, in seconds of the wall clock. */
const HEADER_WORDS = 16
const MAX_READS = 16

/** Memory for a number of addresses. */
export function allocateDeviceTable(addresses: number): SharedArrayBuffer {
  const buckets = 2 ** Math.ceil(Math.log2(Math.max(1, (2 * addresses) / WAYS)))
  return new SharedArrayBuffer(4 * (HEADER_WORDS + buckets * (1 + WAYS) + buckets * WAYS * WORDS))
}

/** What the rules make of a device. */
export interface DeviceEntry {
  /** See `clientKey`; undefined: known, but no client of the rules. */
  readonly client: ClientKey | undefined
  /** Name of the device in printable ASCII; empty: that of the client says all. */
  readonly text: Uint8Array
  /** When it is certain that the device has the address. */
  readonly from: Seconds
  readonly until: Seconds
}

/** A digest of the id of a client, which stays the same when rules change. */
export type ClientKey = readonly [number, number]

/** FNV-1a, twice 32 bits. */
export function clientKey(id: string): ClientKey {
  let [low, high] = [0x811c9dc5, 0xcbf29ce4]
  for (let i = 0; i < id.length; i++) {
    low = Math.imul(low ^ id.charCodeAt(i), 0x01000193)
    high = Math.imul(high ^ id.charCodeAt(i) ^ (low >>> 24), 0x01000193)
  }
  // Zero stands for none.
  return [(low | 1) >>> 0, high >>> 0]
}

/** The memory by its parts. */
class Layout {
  readonly words: Int32Array
  readonly octets: Uint8Array
  readonly buckets: number
  /** Of each bucket: 1 if some of its addresses are in the next one. */
  readonly overflows: number
  readonly tags: number
  readonly places: number

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory)
    this.octets = new Uint8Array(memory)
    const perBucket = 1 + WAYS + WAYS * WORDS
    this.buckets = (this.words.length - HEADER_WORDS) / perBucket
    this.overflows = HEADER_WORDS
    this.tags = this.overflows + this.buckets
    this.places = this.tags + WAYS * this.buckets
  }
}

/** Never 0, which is an empty place. */
function tagOf(address: Uint32Array, at: number): number {
  let hash = 0x9e3779b9
  for (let i = 0; i < 4; i++) {
    hash = Math.imul(hash ^ address[at + i]!, 0x85ebca6b)
    hash ^= hash >>> 15
  }
  return hash === 0 ? 1 : hash
}

/** The end that workers read. It allocates nothing until `text` is read. */
export class DeviceTableReader {
  /** Of the device that `find` found: see `DeviceEntry`. */
  clientLow = 0
  clientHigh = 0
  /** Of the device found, and its sequence number then. */
  private place = 0
  private sequence = -1
  private readonly layout: Layout

  constructor(memory: SharedArrayBuffer) {
    this.layout = new Layout(memory)
  }

  /** The name of the device found, before the next call of `find`; empty if the place has changed since. */
  get text(): Uint8Array {
    const { place, sequence } = this
    const { words, octets } = this.layout
    const from = 4 * (place + AT.text)
    const text = octets.slice(from, from + Math.min(words[place + AT.length]!, MAX_DEVICE_TEXT))
    return Atomics.load(words, place + AT.sequence) === sequence ? text : NO_TEXT
  }

  /** @param address `words[at, at + 4)` @returns whether it is certain which device has it */
  find(address: Uint32Array, at: number, now: Seconds): boolean {
    const { words, buckets, overflows, tags } = this.layout
    if (now > Atomics.load(words, 0)) return false
    const tag = tagOf(address, at)
    let bucket = tag & (buckets - 1)
    for (let i = 0; i < buckets; i++) {
      const first = tags + WAYS * bucket
      for (let way = 0; way < WAYS; way++) {
        if (words[first + way] !== tag) continue
        const place = this.layout.places + (WAYS * bucket + way) * WORDS
        const found = this.read(place, address, at, now)
        if (found !== OTHER) return found === CERTAIN
      }
      if (words[overflows + bucket] === 0) return false
      bucket = (bucket + 1) & (buckets - 1)
    }
    return false
  }

  private read(place: number, address: Uint32Array, at: number, now: Seconds): Found {
    const { words } = this.layout
    for (let i = 0; i < MAX_READS; i++) {
      const sequence = Atomics.load(words, place + AT.sequence)
      if ((sequence & 1) === 1) continue
      const isOther = hasOther(words, place + AT.address, address, at)
      this.clientLow = words[place + AT.client]! >>> 0
      this.clientHigh = words[place + AT.client + 1]! >>> 0
      const isCertain = words[place + AT.from]! <= now && now < words[place + AT.until]!
      if (Atomics.load(words, place + AT.sequence) !== sequence) continue
      this.place = place
      this.sequence = sequence
      return isOther ? OTHER : isCertain ? CERTAIN : UNCERTAIN
    }
    return UNCERTAIN
  }
}

const NO_TEXT = new Uint8Array(0)

type Found = 0 | 1 | 2
const OTHER = 0
const CERTAIN = 1
const UNCERTAIN = 2

function hasOther(words: Int32Array, place: number, address: Uint32Array, at: number): boolean {
  for (let i = 0; i < 4; i++) if (words[place + i]! >>> 0 !== address[at + i]!) return true
  return false
}

/** The end that one thread writes. */
export class DeviceTableWriter {
  private readonly layout: Layout
  private readonly probe = new Uint32Array(4)

  constructor(memory: SharedArrayBuffer) {
    this.layout = new Layout(memory)
  }

  /** The table is right until then; 0: no device is certain any more. */
  trustUntil(wall: Seconds): void {
    Atomics.store(this.layout.words, 0, wall)
  }

  /** Removes all devices. */
  clear(): void {
    this.layout.words.fill(0)
  }

  /** @returns false: the table is full */
  set(address: Uint32Array, entry: DeviceEntry): boolean {
    const place = this.placeOf(address) ?? this.freePlace(address)
    if (place === undefined) return false
    this.write(place, address, entry)
    return true
  }

  delete(address: Uint32Array): void {
    const place = this.placeOf(address)
    if (place !== undefined) this.layout.words[this.layout.tags + place] = 0
  }

  private write(place: number, address: Uint32Array, entry: DeviceEntry): void {
    const { words, octets, tags, places } = this.layout
    const { client, text, from, until } = entry
    const at = places + place * WORDS
    Atomics.add(words, at + AT.sequence, 1)
    words.set(address, at + AT.address)
    words[at + AT.client] = client?.[0] ?? 0
    words[at + AT.client + 1] = client?.[1] ?? 0
    words[at + AT.from] = clamp(from)
    words[at + AT.until] = clamp(until)
    words[at + AT.length] = text.length
    octets.set(text, 4 * (at + AT.text))
    Atomics.add(words, at + AT.sequence, 1)
    Atomics.store(words, tags + place, tagOf(address, 0))
  }

  private placeOf(address: Uint32Array): number | undefined {
    return this.search(address, (tag, place) => {
      if (this.layout.words[this.layout.tags + place] !== tag) return false
      const at = this.layout.places + place * WORDS + AT.address
      this.probe.set(this.layout.words.subarray(at, at + 4))
      return this.probe.every((word, i) => word === address[i])
    })
  }

  /** Marks full buckets on its way, so that readers go on to the next one. */
  private freePlace(address: Uint32Array): number | undefined {
    return this.search(
      address,
      (_, place) => this.layout.words[this.layout.tags + place] === 0,
      bucket => Atomics.store(this.layout.words, this.layout.overflows + bucket, 1)
    )
  }

  private search(
    address: Uint32Array,
    isPlace: (tag: number, place: number) => boolean,
    onFull?: (bucket: number) => void
  ): number | undefined {
    const { words, buckets, overflows } = this.layout
    const tag = tagOf(address, 0)
    let bucket = tag & (buckets - 1)
    for (let i = 0; i < buckets; i++) {
      for (let way = 0; way < WAYS; way++) {
        const place = WAYS * bucket + way
        if (isPlace(tag, place)) return place
      }
      if (onFull === undefined && words[overflows + bucket] === 0) return undefined
      onFull?.(bucket)
      bucket = (bucket + 1) & (buckets - 1)
    }
    return undefined
  }
}

const clamp = (seconds: Seconds): number => Math.max(0, Math.min(0x7fff_ffff, seconds))

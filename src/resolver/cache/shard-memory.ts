import type { Octets } from '../../base/units.js'
import { WAYS } from './hash-index.js'

/** Answers start at multiples of this, so that a location fits into few bits. */
export const UNIT: Octets = 16

/** Largest size of a segment; a shard has at least `MIN_SEGMENTS`, smaller ones if need be. */
const MAX_SEGMENT: Octets = 2 ** 18
const MIN_SEGMENTS = 4
/**
 * Octets of answers per index entry. Short answers take 144 octets, so the index of a full cache is at
 * most about half full: an answer whose bucket is full evicts one that would otherwise have stayed.
 */
const OCTETS_PER_ENTRY: Octets = 96
/** Cache lines of the processor: what readers poll and what writers change are on different ones. */
const LINE: Octets = 64

/** Words of the header. The first line changes only when a segment is reused. */
export const SEQUENCE = 0
/** The second line: what writers change. */
export const LOCK = 16
export const ENTRIES = 17
export const SIZE = 18
/** How many segments belong to a ring. */
export const ALLOCATED = 19
/** The rings: two words each, see `SegmentRing`. */
export const PROBATION = 20
export const MAIN = 22
const HEADER: Octets = 2 * LINE

/**
 * The shared memory of one shard of a cache, and the offsets of its parts: header, table of segments,
 * index, segments. Pages are committed when they are first written.
 */
export class ShardMemory {
  readonly octets: Uint8Array
  readonly shorts: Uint16Array
  readonly words: Int32Array
  readonly doubles: Float64Array
  /** Tags and entries of the index. */
  readonly tags: Uint8Array
  readonly entries: Int32Array
  /** One word or double for each segment. */
  readonly ends: Int32Array
  readonly next: Int32Array
  readonly previous: Int32Array
  readonly onProbation: Int32Array
  readonly startedAt: Float64Array
  readonly segmentSize: Octets
  readonly segmentCount: number
  /** Position of the first segment. */
  readonly start: Octets

  /** @param size limit for the segments, as in `sharedMemoryOf` */
  constructor(buffer: SharedArrayBuffer, size: Octets) {
    const { segmentSize, segmentCount, entries, tagsAt, entriesAt, start } = layoutOf(size)
    this.segmentSize = segmentSize
    this.segmentCount = segmentCount
    this.start = start
    this.octets = new Uint8Array(buffer)
    this.shorts = new Uint16Array(buffer)
    this.words = new Int32Array(buffer)
    this.doubles = new Float64Array(buffer)
    this.tags = new Uint8Array(buffer, tagsAt, entries)
    this.entries = new Int32Array(buffer, entriesAt, entries)
    this.startedAt = new Float64Array(buffer, HEADER, segmentCount)
    const column = (number: number): Int32Array =>
      new Int32Array(buffer, HEADER + (8 + 4 * number) * segmentCount, segmentCount)
    this.ends = column(0)
    this.next = column(1)
    this.previous = column(2)
    this.onProbation = column(3)
  }
}

/** Memory for a shard, filled with zeros. @param size limit for the segments */
export function allocateShard(size: Octets): SharedArrayBuffer {
  const { start, segmentCount, segmentSize } = layoutOf(size)
  return new SharedArrayBuffer(start + segmentCount * segmentSize)
}

function layoutOf(size: Octets) {
  const small = 2 ** Math.floor(Math.log2(size / MIN_SEGMENTS))
  const segmentSize = Math.min(MAX_SEGMENT, small)
  const segmentCount = Math.floor(size / segmentSize)
  const entries = Math.max(WAYS, 2 ** Math.ceil(Math.log2(size / OCTETS_PER_ENTRY)))
  const tagsAt = roundUp(HEADER + (8 + 4 * 4) * segmentCount)
  const entriesAt = roundUp(tagsAt + entries)
  const start = roundUp(entriesAt + 4 * entries)
  return { segmentSize, segmentCount, entries, tagsAt, entriesAt, start }
}

function roundUp(position: Octets): Octets {
  return Math.ceil(position / LINE) * LINE
}

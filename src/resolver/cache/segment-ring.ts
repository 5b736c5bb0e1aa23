import type { ShardMemory } from './shard-memory.js'

/** Words of a ring. */
const CURRENT = 0
const LENGTH = 1

/** The numbers of segments that are filled in turn, as a doubly linked list in shared memory. */
export class SegmentRing {
  /** @param at first of the two words of the ring in the header */
  constructor(
    private readonly memory: ShardMemory,
    private readonly at: number
  ) {}

  /** Makes it a ring of one segment. */
  reset(first: number): void {
    const { next, previous } = this.memory
    next[first] = previous[first] = first
    this.current = first
    this.length = 1
  }

  get length(): number {
    return this.memory.words[this.at + LENGTH]!
  }

  private set length(length: number) {
    this.memory.words[this.at + LENGTH] = length
  }

  get current(): number {
    return this.memory.words[this.at + CURRENT]!
  }

  private set current(number: number) {
    this.memory.words[this.at + CURRENT] = number
  }

  /** The segment that was filled longest ago. */
  get next(): number {
    return this.memory.next[this.current]!
  }

  advance(): void {
    this.current = this.next
  }

  /** Inserts a segment after the current one, and makes it the current one. */
  insertNext(number: number): void {
    this.link(this.current, number, this.next)
    this.current = number
  }

  /** Puts another segment in place of the next one, and makes it the current one. */
  replaceNext(number: number): void {
    if (this.length === 1) {
      this.reset(number)
    } else {
      this.unlink(this.next)
      this.insertNext(number)
    }
  }

  /** Inserts a full segment before the current one, as if it had been filled last. */
  insertBefore(number: number): void {
    this.link(this.memory.previous[this.current]!, number, this.current)
  }

  private link(before: number, number: number, after: number): void {
    const { next, previous } = this.memory
    next[before] = previous[after] = number
    previous[number] = before
    next[number] = after
    this.length++
  }

  private unlink(number: number): void {
    const { next, previous } = this.memory
    const before = previous[number]!
    const after = next[number]!
    next[before] = after
    previous[after] = before
    this.length--
  }
}

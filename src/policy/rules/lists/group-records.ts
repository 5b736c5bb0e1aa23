import { randomInt } from 'node:crypto'
import type { Octets } from '../../../base/units.js'
import type { LocalData, CoverCode } from '../model/types.js'
import { PackedNames } from './packed-names.js'

const NONE = -1
/** From MurmurHash3. */
const FACTOR = 0xcc9e2d51
/** Random, so that nobody can write a list of colliding names. The result does not depend on it. */
const SEED = randomInt(2 ** 32) | 0

/**
 * Groups the records that several lines have for one name.
 *
 * Records are found by line number. A name with records on several lines gets the first of its
 * lines that no other name uses; if there is none, it shares the records of another name.
 *
 * @returns the names, each once and with the line of its records; and the records
 */
export function groupRecords(names: PackedNames): { names: PackedNames; data: LocalData } {
  return new RecordGrouper(names).group()
}

/** Uses typed arrays indexed by entry: a list may have a million names. */
class RecordGrouper {
  private octets: Uint8Array = new Uint8Array(0)
  private readonly at: Float64Array
  private readonly end: Float64Array
  private readonly length: Uint8Array
  private readonly cover: Uint8Array
  private readonly line: Int32Array
  /** Next entry of the same name, or NONE; and for the first entry of a name, its last one. */
  private readonly next: Int32Array
  private readonly last: Int32Array
  private readonly isFirst: Uint8Array
  private maxLine = 0
  private count = 0

  constructor(private readonly names: PackedNames) {
    const count = names.count
    this.at = new Float64Array(count)
    this.end = new Float64Array(count)
    this.length = new Uint8Array(count)
    this.cover = new Uint8Array(count)
    this.line = new Int32Array(count)
    this.next = new Int32Array(count).fill(NONE)
    this.last = new Int32Array(count)
    this.isFirst = new Uint8Array(count)
  }

  group(): { names: PackedNames; data: LocalData } {
    this.readEntries()
    this.linkSameNames()
    const owner = this.assignLines()
    return { names: this.uniqueNames(owner), data: this.packRecords(owner) }
  }

  private readEntries(): void {
    this.names.forEach((octets, at, length, cover, line, end) => {
      const entry = this.count++
      this.octets = octets
      this.at[entry] = at
      this.end[entry] = end
      this.length[entry] = length
      this.cover[entry] = cover
      this.line[entry] = line
      if (line > this.maxLine) this.maxLine = line
    })
  }

  /** Links entries of the same name, using a hash table. */
  private linkSameNames(): void {
    const mask = 2 ** Math.ceil(Math.log2(2 * this.count + 2)) - 1
    const slots = new Int32Array(mask + 1).fill(NONE)
    for (let entry = 0; entry < this.count; entry++) {
      let slot = this.hash(entry) & mask
      while (slots[slot] !== NONE && !this.isSame(slots[slot]!, entry)) slot = (slot + 1) & mask
      const first = slots[slot]!
      if (first === NONE) {
        slots[slot] = entry
        this.isFirst[entry] = 1
        this.last[entry] = entry
      } else {
        this.next[this.last[first]!] = entry
        this.last[first] = entry
      }
    }
  }

  /** For each line, the first entry of the name whose records the line identifies, or NONE. */
  private assignLines(): Int32Array {
    const owner = new Int32Array(this.maxLine + 1).fill(NONE)
    const take = (first: number, isAlone: boolean): void => {
      if (this.isFirst[first] === 0 || (this.next[first] === NONE) !== isAlone) return
      for (let entry = first; entry !== NONE; entry = this.next[entry]!) {
        if (owner[this.line[entry]!] !== NONE) continue
        owner[this.line[entry]!] = first
        return
      }
    }
    for (let entry = 0; entry < this.count; entry++) take(entry, true)
    for (let entry = 0; entry < this.count; entry++) take(entry, false)
    return owner
  }

  private uniqueNames(owner: Int32Array): PackedNames {
    const once = new PackedNames()
    for (let first = 0; first < this.count; first++) {
      if (this.isFirst[first] === 0) continue
      const line = this.lineOf(first, owner)
      once.add(
        this.octets,
        this.at[first]!,
        this.length[first]!,
        this.cover[first] as CoverCode,
        line
      )
    }
    return once
  }

  private lineOf(first: number, owner: Int32Array): number {
    for (let entry = first; entry !== NONE; entry = this.next[entry]!) {
      const line = this.line[entry]!
      if (owner[line] === first || this.haveSameLines(owner[line]!, first)) return line
    }
    return this.line[first]!
  }

  /** Whether two names have records on the same lines. */
  private haveSameLines(one: number, other: number): boolean {
    for (; one !== NONE && other !== NONE; one = this.next[one]!, other = this.next[other]!) {
      if (this.line[one] !== this.line[other]) return false
    }
    return one === other
  }

  private packRecords(owner: Int32Array): LocalData {
    const lines = new Int32Array(new SharedArrayBuffer(4 * owner.filter(it => it !== NONE).length))
    const starts = new Int32Array(new SharedArrayBuffer(4 * (lines.length + 1)))
    let size: Octets = 0
    let count = 0
    for (const [line, first] of owner.entries()) {
      if (first === NONE) continue
      lines[count++] = line
      for (let entry = first; entry !== NONE; entry = this.next[entry]!) size += this.sizeOf(entry)
      starts[count] = size
    }
    const octets = new Uint8Array(new SharedArrayBuffer(size))
    lines.forEach((line, i) => {
      let to = starts[i]!
      for (let entry = owner[line]!; entry !== NONE; entry = this.next[entry]!) {
        const end = this.end[entry]!
        for (let from = end - this.sizeOf(entry); from < end; from++)
          octets[to++] = this.octets[from]!
      }
    })
    return { lines: lines.buffer, starts: starts.buffer, octets: octets.buffer }
  }

  private sizeOf(entry: number): Octets {
    return this.end[entry]! - this.at[entry]! - this.length[entry]!
  }

  private hash(entry: number): number {
    const { octets } = this
    const at = this.at[entry]!
    const end = at + this.length[entry]!
    let hash = SEED ^ this.cover[entry]!
    for (let i = at; i < end; i++) {
      hash = Math.imul(hash ^ octets[i]!, FACTOR)
      hash ^= hash >>> 15
    }
    return hash
  }

  private isSame(one: number, other: number): boolean {
    const length = this.length[one]!
    if (length !== this.length[other] || this.cover[one] !== this.cover[other]) return false
    const { octets } = this
    const [a, b] = [this.at[one]!, this.at[other]!]
    for (let i = 0; i < length; i++) if (octets[a + i] !== octets[b + i]) return false
    return true
  }
}

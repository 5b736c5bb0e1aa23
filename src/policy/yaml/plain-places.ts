import type { Position } from '../../base/errors/position.js'
import type { Path } from './issues.js'
import type { PairPart } from './yaml-document.js'

/** Words of a node: its offset, that of its key, and the number of the first node behind its parts. */
const WORDS = 3
const [OFFSET, KEY, END] = [0, 1, 2]
const NO_KEY = -1
const COLON = 0x3a
/** With so many parts, an index is faster than a search. */
const MANY = 16

/** The parts of a mapping by key, or of a list by position. */
type PartIndex = ReadonlyMap<string | number, number>

/**
 * The offsets of all values of a file, and of their keys: in one array, since objects for them would take
 * ten times the memory of the file. A value is followed by its parts.
 */
export class PlainPlaces {
  private words = new Int32Array(1024)
  private count = 0
  private readonly indexes = new Map<number, PartIndex>()
  /** The part of each large mapping that was found last: most are asked for in order, which needs no index. */
  private readonly lastFound = new Map<number, number>()

  /** @param text of the file, which has the keys */
  constructor(private readonly text: string) {}

  /** Adds a value. Its parts follow, and then `close`. @returns its number */
  open(offset: number, keyOffset = NO_KEY): number {
    const node = this.count++
    if (this.words.length < WORDS * this.count) {
      const more = new Int32Array(2 * this.words.length)
      more.set(this.words)
      this.words = more
    }
    this.words[WORDS * node + OFFSET] = offset
    this.words[WORDS * node + KEY] = keyOffset
    this.words[WORDS * node + END] = this.count
    return node
  }

  /** Ends a mapping or list: all parts have been added. */
  close(node: number): void {
    this.words[WORDS * node + END] = this.count
  }

  /** As `YamlDocument.positionOf`, as an offset. */
  offsetOf(path: Path, part: PairPart): number {
    let node = 0
    for (let i = 0; i < path.length; i++) {
      const next = this.find(node, path[i]!)
      if (next === undefined) break
      const keyOffset = this.wordOf(next, KEY)
      if (part === 'key' && i === path.length - 1)
        return keyOffset === NO_KEY ? this.wordOf(node, OFFSET) : keyOffset
      node = next
    }
    return this.wordOf(node, OFFSET)
  }

  /** The part of a mapping with this key, or of a list at this position. */
  private find(node: number, step: string | number): number | undefined {
    const last = this.lastFound.get(node)
    if (last !== undefined) return this.findFrom(last, node, step)
    const end = this.wordOf(node, END)
    let nth = 0
    for (let part = node + 1; part < end; part = this.wordOf(part, END)) {
      if (nth === MANY) return this.findFrom(part, node, step)
      if (this.isAt(part, nth++, step)) return part
    }
    return undefined
  }

  /** @param last the part that was found last */
  private findFrom(last: number, node: number, step: string | number): number | undefined {
    const next = this.wordOf(last, END)
    const near = [last, next < this.wordOf(node, END) ? next : node + 1]
    const isKey = typeof step === 'string' && this.wordOf(last, KEY) !== NO_KEY
    const found = isKey ? near.find(part => this.isAt(part, 0, step)) : undefined
    const part = found ?? (this.indexes.get(node) ?? this.indexOf(node)).get(step)
    if (part !== undefined) this.lastFound.set(node, part)
    return part
  }

  private isAt(part: number, nth: number, step: string | number): boolean {
    const keyOffset = this.wordOf(part, KEY)
    if (keyOffset === NO_KEY || typeof step === 'number') return nth === step
    const { text } = this
    return text.startsWith(step, keyOffset) && text.charCodeAt(keyOffset + step.length) === COLON
  }

  private indexOf(node: number): PartIndex {
    const index = new Map<string | number, number>()
    const end = this.wordOf(node, END)
    for (let part = node + 1; part < end; part = this.wordOf(part, END)) {
      const keyOffset = this.wordOf(part, KEY)
      index.set(keyOffset === NO_KEY ? index.size : this.keyAt(keyOffset), part)
    }
    this.indexes.set(node, index)
    return index
  }

  /** Keys have no colon. */
  private keyAt(offset: number): string {
    return this.text.slice(offset, this.text.indexOf(':', offset))
  }

  private wordOf(node: number, word: number): number {
    return this.words[WORDS * node + word]!
  }
}

/** Finds the line and column of offsets. */
export class LineIndex {
  private readonly starts: number[] = [0]
  /** The line found last: most are asked for in order. */
  private last = 0

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
      this.starts.push(at + 1)
    }
  }

  positionOf(file: string, offset: number): Position {
    const { starts } = this
    let low = starts[this.last]! <= offset ? this.last : 0
    let high = low
    for (let step = 1; high < starts.length - 1 && starts[high]! <= offset; step *= 2)
      high = Math.min(high + step, starts.length - 1)
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    this.last = low
    return { file, line: low + 1, column: offset - starts[low]! + 1 }
  }
}

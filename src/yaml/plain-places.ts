import type { Path } from './issues.js'
import type { PairPart } from './yaml-document.js'

/** The offset of a value in its file; of a mapping or list, with those of its parts. */
export type Place = number | Collection

/** With so many keys, an index is faster than a search. */
const MANY = 16

/** A mapping or list. */
export class Collection {
  /** Of its values, in order. */
  readonly places: Place[] = []
  private readonly keyOffsets: number[] = []
  private index: ReadonlyMap<string, number> | undefined

  /** @param keys of a mapping; undefined: a list */
  constructor(
    readonly offset: number,
    private readonly keys: string[] | undefined
  ) {}

  /** Adds a pair to a mapping. */
  add(key: string, keyOffset: number, place: Place): void {
    this.keys!.push(key)
    this.keyOffsets.push(keyOffset)
    this.places.push(place)
  }

  /** As `YamlDocument.positionOf`, as an offset. */
  offsetOf([step, ...rest]: Path, part: PairPart): number {
    const nth = step === undefined ? -1 : this.indexOf(step)
    const place = this.places[nth]
    if (place === undefined) return this.offset
    if (rest.length === 0 && part === 'key') return this.keyOffsets[nth] ?? this.offset
    return typeof place === 'number' ? place : place.offsetOf(rest, part)
  }

  private indexOf(step: string | number): number {
    const { keys } = this
    if (keys === undefined) return Number(step)
    if (keys.length < MANY) return keys.indexOf(String(step))
    this.index ??= new Map(keys.map((key, nth) => [key, nth]))
    return this.index.get(String(step)) ?? -1
  }
}

/** Finds the line and column of offsets. */
export class LineIndex {
  private readonly starts: number[] = [0]

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
      this.starts.push(at + 1)
    }
  }

  /** Both from 1. */
  at(offset: number): { readonly line: number; readonly column: number } {
    const { starts } = this
    let [low, high] = [0, starts.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - starts[low]! + 1 }
  }
}

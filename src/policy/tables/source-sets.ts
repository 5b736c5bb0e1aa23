import type { CoverCode } from '../rules/model/types.js'
/**
 * A source set says which sources list a name. Its elements are source references: a source and
 * what of the name it covers, as one number.
 *
 * @param source its index in `SourceTable.list`
 */
export function sourceRef(source: number, cover: CoverCode): number {
  return (source << 2) | cover
}

export function sourceOf(ref: number): number {
  return ref >>> 2
}

export function coverOf(ref: number): CoverCode {
  return (ref & 3) as CoverCode
}

/** The empty set; 0, as in fresh memory. */
export const NO_SOURCES = 0

/** Greater than any reference or set number, to combine the two into one key of a map. */
const KEY_BASE = 2 ** 26

/** Where a reference is inserted: after the references of earlier sources and of its own source. */
export function placeOf(refs: readonly number[], ref: number): number {
  const place = refs.findIndex(other => sourceOf(other) > sourceOf(ref))
  return place === -1 ? refs.length : place
}

/**
 * Source sets, each stored once however many names share it. The number of a set is the offset of
 * its count in the packed array; its references follow, sorted by source.
 */
export class SourceSets {
  private readonly words: number[] = [0]
  private readonly extended = new Map<number, number>()

  /** The set with one more reference; the same set if it has that reference already. */
  with(set: number, ref: number): number {
    const key = set * KEY_BASE + ref
    const known = this.extended.get(key)
    if (known !== undefined) return known
    const refs = this.refsOf(set)
    const place = placeOf(refs, ref)
    const extended = refs.includes(ref) ? set : this.append(refs.toSpliced(place, 0, ref))
    this.extended.set(key, extended)
    return extended
  }

  /** Whether a reference comes after all references of a set. */
  isLast(set: number, ref: number): boolean {
    return sourceOf(this.words[set + this.words[set]!]!) <= sourceOf(ref)
  }

  /** The references of a set. */
  refsOf(set: number): readonly number[] {
    return this.words.slice(set + 1, set + 1 + this.words[set]!)
  }

  /** `[count, reference …]` of every set, in shared memory. */
  packed(): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(4 * this.words.length)
    new Int32Array(buffer).set(this.words)
    return buffer
  }

  private append(refs: readonly number[]): number {
    const set = this.words.length
    this.words.push(refs.length, ...refs)
    return set
  }
}

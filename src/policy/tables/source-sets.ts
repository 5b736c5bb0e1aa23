/**
 * Who speaks of a name: a source and what it covers, as one number. The unit of a member set.
 *
 * @param source its index in `Snapshot.sources`
 * @param cover one of `COVER`
 */
export function sourceRef(source: number, cover: number): number {
  return (source << 2) | cover
}

export function sourceOf(member: number): number {
  return member >>> 2
}

export function coverOf(member: number): number {
  return member & 3
}

/** The empty set: what fresh memory says. */
export const NO_SOURCES = 0

/** More than any member or set number: packs the two into one key of a map. */
const KEY_BASE = 2 ** 26

/**
 * Sets of members, each kept once however many names have it. The number of a set is the place
 * of its count in the packed array; its members follow in the order they were added.
 */
export class SourceSets {
  private readonly words: number[] = [0]
  private readonly extended = new Map<number, number>()

  /** The set with one member more; the same set if it has the member. */
  with(set: number, member: number): number {
    const key = set * KEY_BASE + member
    const known = this.extended.get(key)
    if (known !== undefined) return known
    const members = this.words.slice(set + 1, set + 1 + this.words[set]!)
    const extended = members.includes(member) ? set : this.append([...members, member])
    this.extended.set(key, extended)
    return extended
  }

  /** `[count, member …]` of every set, in shared memory. */
  packed(): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(4 * this.words.length)
    new Int32Array(buffer).set(this.words)
    return buffer
  }

  private append(members: readonly number[]): number {
    const set = this.words.length
    this.words.push(members.length, ...members)
    return set
  }
}

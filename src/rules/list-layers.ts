import type { Octets } from '../base/units.js'
import { retractionKey, type FileBook, type Said } from './list-book.js'
import { DATA_LAYER, type Saying } from './list-reader.js'
import { nameKey, PackedNames } from './packed-names.js'
import { COVER } from './types.js'

/** Bits of a hash that the filter knows: most names are told from the few above by one look. */
const FILTER_BITS = 16
/** Those of FNV-1a. */
const BASIS = 0x811c9dc5
const FACTOR = 0x01000193
const MAX_LABELS = 128
/** So often what holds for some may be said again for names below. */
const MAX_REPEATS = 2_000_000

/** Something that is said in a layer above others. */
interface Above {
  readonly said: Said
  readonly cover: number
  readonly line: number
  readonly record: Uint8Array
}

/** What holds for some, to be said again of a name below. */
interface Repeat extends Above {
  readonly name: Uint8Array
}

/**
 * Brings what the files of a list say into the one order that tables of names have: the longest name
 * decides. In some formats what an exception says of a name holds for all below it, whatever else is
 * said there. So what a lower layer says is left out where something above it holds always; and what
 * holds above for some clients or types is said again for the name below.
 */
export class Layers {
  private readonly above = new Map<string, Above[]>()
  private readonly filter = new Int32Array(2 ** FILTER_BITS / 32)
  private readonly starts = new Uint8Array(MAX_LABELS)
  private readonly repeats: Repeat[] = []

  /** @param retracted rules that are void, by `retractionKey` */
  constructor(
    private readonly books: readonly FileBook[],
    private readonly retracted: ReadonlySet<string>
  ) {
    for (const key of retracted) this.mark(Buffer.from(key, 'latin1'), 0)
  }

  /** Whether nothing is left out; known once all is settled. */
  get isIdle(): boolean {
    return this.above.size === 0 && this.retracted.size === 0
  }

  /**
   * Leaves out, and says again, in what the books hold.
   *
   * @param pourBlocked gives the names that the list simply blocks, which no book holds
   * @returns false where it would be too much to say again
   */
  settle(pourBlocked: (each: (octets: Uint8Array, length: Octets, cover: number) => void) => void) {
    const all = this.books.flatMap(({ said }) => [...said.values()])
    // From above, since what is left out itself leaves nothing out.
    for (const said of all.sort((a, b) => b.saying.layer - a.saying.layer)) {
      if (!this.isIdle) this.sift(said)
      this.note(said)
    }
    if ([...this.above.values()].some(list => list.some(({ said }) => !isForAll(said.saying)))) {
      pourBlocked((octets, length, cover) => this.find(undefined, octets, 0, length, cover))
    }
    for (const { said, name, cover, line, record } of this.repeats) {
      said.names.add(name, 0, name.length, cover, line, record)
    }
    return this.repeats.length < MAX_REPEATS
  }

  /** Whether a name is left out that the list simply blocks. */
  leavesOut(octets: Uint8Array, length: Octets, cover: number): boolean {
    return this.isAbove(undefined, octets, 0, length, cover, undefined)
  }

  private note(said: Said): void {
    if (said.saying.layer === 0) return
    said.names.each((octets, at, length, cover, line, end) => {
      const key = nameKey(octets, at, length)
      const one = { said, cover, line, record: octets.slice(at + length, end) }
      const known = this.above.get(key)
      if (known === undefined) this.above.set(key, [one])
      else known.push(one)
      this.mark(octets, at)
    })
  }

  private sift(said: Said): void {
    const kept = new PackedNames()
    said.names.each((octets, at, length, cover, line, end) => {
      if (this.find(said.saying, octets, at, length, cover)) return
      kept.add(octets, at, length, cover, line, octets.subarray(at + length, end))
    })
    said.names = kept
  }

  /** Whether a name is left out; else what stands above for some is noted to be said again. */
  private find(
    saying: Saying | undefined,
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    cover: number
  ): boolean {
    const some: Above[] = []
    if (this.isAbove(saying, octets, at, length, cover, some)) return true
    if (some.length === 0 || this.repeats.length >= MAX_REPEATS) return false
    const name = octets.slice(at, at + length)
    for (const one of some) this.repeats.push({ ...one, name, cover })
    return false
  }

  /** @param some gets what is above for some only */
  private isAbove(
    saying: Saying | undefined,
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    cover: number,
    some: Above[] | undefined
  ): boolean {
    const { starts } = this
    const labels = cut(octets, at, starts)
    let hash = BASIS
    for (let label = labels - 1; label >= 0; label--) {
      const start = at + starts[label]!
      hash = hashLabel(hash, octets, start)
      if (!this.isMarked(hash)) continue
      const whole = label === 0
      if (whole && this.retracted.has(retractionKey(saying, octets, at, length, cover))) return true
      const above = this.above.get(nameKey(octets, start, length - starts[label]!)) ?? []
      for (const one of above) {
        if (!stands(one, saying) || !reaches(one.cover, cover, whole)) continue
        if (isForAll(one.said.saying)) return true
        if (!whole) some?.push(one)
      }
    }
    return false
  }

  private mark(octets: Uint8Array, at: Octets): void {
    let hash = BASIS
    for (let label = cut(octets, at, this.starts) - 1; label >= 0; label--) {
      hash = hashLabel(hash, octets, at + this.starts[label]!)
    }
    this.filter[(hash >>> 5) & (this.filter.length - 1)]! |= 1 << (hash & 31)
  }

  private isMarked(hash: number): boolean {
    return (this.filter[(hash >>> 5) & (this.filter.length - 1)]! & (1 << (hash & 31))) !== 0
  }
}

/** Whether something is said in a layer above a saying; undefined: that the list blocks the name. */
function stands({ said }: Above, saying: Saying | undefined): boolean {
  const layer = saying?.layer ?? 0
  return said.saying.layer > layer && (said.saying.says !== 'back' || layer >= DATA_LAYER)
}

/** Whether what is said with one cover holds for all that another covers, of this name or below. */
function reaches(above: number, below: number, whole: boolean): boolean {
  return whole ? above === COVER.suffix || above === below : above !== COVER.exact
}

function isForAll({ qtypes, prefixes }: Saying): boolean {
  return qtypes === undefined && prefixes === undefined
}

/** Where the labels of a name begin, from its own beginning on. @returns how many there are */
function cut(octets: Uint8Array, at: Octets, starts: Uint8Array): number {
  let labels = 0
  for (let pos = at; octets[pos] !== 0; pos += 1 + octets[pos]!) starts[labels++] = pos - at
  return labels
}

/** The hash of a suffix, from that of the suffix behind its first label. */
function hashLabel(hash: number, octets: Uint8Array, at: Octets): number {
  const end = at + octets[at]!
  for (let i = at; i <= end; i++) hash = Math.imul(hash ^ octets[i]!, FACTOR)
  return hash ^ (hash >>> 15)
}

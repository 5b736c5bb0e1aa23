import type { Octets } from '../../base/units.js'
import { COVER } from '../model/types.js'
import { retractionKey, type FileBook, type Said } from './list-book.js'
import { without } from './list-conditions.js'
import { DATA_LAYER, type Saying } from './list-reader.js'
import { nameKey, PackedNames } from './packed-names.js'

/** Bits of a hash that the filter knows: most names are told from the few above by one look. */
const FILTER_BITS = 16
/** Those of FNV-1a. */
const BASIS = 0x811c9dc5
const FACTOR = 0x01000193
const MAX_LABELS = 128
/** So often what holds for some may be said again for names below. */
const MAX_REPEATS = 200_000

/** Different sayings that an exception may come to where much is said above it. */
const MAX_PIECES = 64

/** Something that is said in a layer above others. */
interface Above {
  readonly book: FileBook
  readonly saying: Saying
  readonly cover: number
  readonly line: number
  readonly record: Uint8Array
}

/** What stands above a saying of a name: said of that very name, or of one above. */
interface Standing {
  readonly one: Above
  readonly whole: boolean
}

const NOTHING: readonly Standing[] = []

/** What holds for some, to be said again of a name below. */
interface Repeat extends Above {
  readonly name: Uint8Array
}

/**
 * Brings what the files of a list say into the one order that tables of names have: the longest name
 * decides, and a name that passes passes whatever else its list says. In some formats what an
 * exception says of a name holds for all below it, and other things stand above exceptions.
 *
 * So what a lower layer says is left out where something above it holds always; what holds above it
 * for some clients or types is said again for the name below; and a name passes only where nothing
 * above holds.
 */
export class Layers {
  private readonly above = new Map<string, Above[]>()
  private readonly filter = new Int32Array(2 ** FILTER_BITS / 32)
  private readonly starts = new Uint8Array(MAX_LABELS)
  private readonly repeats: Repeat[] = []
  private isTooMuch = false

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
   * @returns false where it would be too much to say
   */
  settle(pourBlocked: (each: (octets: Uint8Array, length: Octets, cover: number) => void) => void) {
    const all = this.books.flatMap(book => [...book.said.values()].map(said => ({ book, said })))
    // From above, since what is left out itself leaves nothing out.
    for (const { book, said } of all.sort((a, b) => b.said.saying.layer - a.said.saying.layer)) {
      if (!this.isIdle) this.sift(said)
      this.note(book, said)
    }
    if ([...this.above.values()].some(list => list.some(({ saying }) => !isForAll(saying)))) {
      pourBlocked((octets, length, cover) => this.isOut(undefined, octets, 0, length, cover, true))
    }
    if (!this.isIdle && !this.isTooMuch) this.placePasses(all)
    return !this.isTooMuch
  }

  /** Whether a name is left out that the list simply blocks. */
  leavesOut(octets: Uint8Array, length: Octets, cover: number): boolean {
    return this.isOut(undefined, octets, 0, length, cover, false)
  }

  private note(book: FileBook, { saying, names }: Said): void {
    if (saying.layer === 0) return
    names.each((octets, at, length, cover, line, end) => {
      const key = nameKey(octets, at, length)
      const one = { book, saying, cover, line, record: octets.slice(at + length, end) }
      const known = this.above.get(key)
      if (known === undefined) this.above.set(key, [one])
      else if (one.record.length > 0 || !known.some(it => isSame(it, one))) known.push(one)
      this.mark(octets, at)
    })
  }

  private sift(said: Said): void {
    const kept = new PackedNames()
    said.names.each((octets, at, length, cover, line, end) => {
      if (this.isOut(said.saying, octets, at, length, cover, true)) return
      kept.add(octets, at, length, cover, line, octets.subarray(at + length, end))
    })
    said.names = kept
  }

  /** @param noting whether what stands above a name for some is noted, to be said again of it */
  private isOut(
    saying: Saying | undefined,
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    cover: number,
    noting: boolean
  ): boolean {
    if (this.isTooMuch) return false
    const standing = this.standing(saying, octets, at, length)
    if (this.isVoid(saying, octets, at, length, cover)) return true
    const reaching = standing.filter(({ one, whole }) => reaches(one.cover, cover, whole))
    if (reaching.some(({ one }) => isForAll(one.saying))) return true
    if (!noting || reaching.length === 0) return false
    const name = octets.slice(at, at + length)
    const repeats = reaching
      .filter(({ whole }) => !whole)
      .map(({ one }) => ({ ...one, name, cover }))
    this.isTooMuch ||= this.repeats.length + repeats.length > MAX_REPEATS
    if (!this.isTooMuch) this.repeats.push(...repeats)
    return false
  }

  private isVoid(
    saying: Saying | undefined,
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    cover: number
  ): boolean {
    if (this.retracted.size === 0 || !this.isMarked(this.hash)) return false
    return this.retracted.has(retractionKey(saying, octets, at, length, cover))
  }

  /** Of the name looked at last. */
  private hash = 0

  /** All that stands above what is said of a name. */
  private standing(
    saying: Saying | undefined,
    octets: Uint8Array,
    at: Octets,
    length: Octets
  ): readonly Standing[] {
    const { starts } = this
    let found: Standing[] | undefined
    this.hash = BASIS
    for (let label = cut(octets, at, starts) - 1; label >= 0; label--) {
      const start = at + starts[label]!
      this.hash = hashLabel(this.hash, octets, start)
      if (!this.isMarked(this.hash)) continue
      const above = this.above.get(nameKey(octets, start, length - starts[label]!)) ?? []
      for (const one of above) {
        if (stands(one, saying)) (found ??= []).push({ one, whole: label === 0 })
      }
    }
    return found ?? NOTHING
  }

  /** Says again what is to be said again, and each pass only where nothing above holds. */
  private placePasses(all: readonly { readonly book: FileBook; readonly said: Said }[]): void {
    const passing = all.filter(({ said }) => said.saying.says === 'pass')
    const before = passing.map(({ book, said }) => ({
      book,
      saying: said.saying,
      names: said.names
    }))
    for (const { said } of passing) said.names = new PackedNames()
    for (const { book, saying, names } of before) {
      names.each((octets, at, length, cover, line) => {
        this.place(book, saying, octets.subarray(at, at + length), cover, line)
      })
    }
    for (const { book, saying, name, cover, line, record } of this.repeats) {
      if (saying.says === 'pass') this.place(book, saying, name, cover, line)
      else book.say(saying, name, cover, line, record)
    }
  }

  private place(
    book: FileBook,
    saying: Saying,
    name: Uint8Array,
    cover: number,
    line: number
  ): void {
    const standing = this.standing(saying, name, 0, name.length).filter(
      ({ one }) => one.saying.says !== 'pass' && one.saying.says !== 'back'
    )
    if (standing.length === 0) {
      book.say(saying, name, cover, line)
      return
    }
    const covers = cover === COVER.suffix ? [COVER.exact, COVER.below] : [cover]
    for (const piece of covers) {
      const reaching = standing.filter(({ one, whole }) => reaches(one.cover, piece, whole))
      for (const part of this.partsOf(saying, reaching)) book.say(part, name, piece, line)
    }
  }

  /** A saying as far as nothing of what stands above it holds. */
  private partsOf(saying: Saying, reaching: readonly Standing[]): readonly Saying[] {
    let parts = [saying]
    for (const { one } of reaching) {
      parts = parts.flatMap(part => without(part, one.saying))
      this.isTooMuch ||= parts.length > MAX_PIECES
      if (this.isTooMuch) return []
    }
    return parts
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

function isSame(one: Above, other: Above): boolean {
  return one.saying === other.saying && one.cover === other.cover
}

/** Whether something is said in a layer above a saying; undefined: that the list blocks the name. */
function stands({ saying: above }: Above, saying: Saying | undefined): boolean {
  const layer = saying?.layer ?? 0
  return above.layer > layer && (above.says !== 'back' || layer >= DATA_LAYER)
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

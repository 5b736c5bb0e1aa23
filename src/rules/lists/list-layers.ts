import type { Octets } from '../../base/units.js'
import { COVER } from '../model/types.js'
import { ruleKey, type ListCollector, type ActionGroup } from './list-collector.js'
import { subtractAction } from './subtract-action.js'
import { DATA_LAYER, type ListAction } from './line-reader.js'
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
const MAX_REMAINDERS = 64

/** Something that is said in a layer above others. */
interface UpperEntry {
  readonly collector: ListCollector
  readonly action: ListAction
  readonly cover: number
  readonly line: number
  readonly record: Uint8Array
}

/** What stands above a saying of a name: said of that very name, or of one above. */
interface Override {
  readonly entry: UpperEntry
  readonly isSameName: boolean
}

const NO_OVERRIDES: readonly Override[] = []

/** What holds for some, to be said again of a name below. */
interface Repeat extends UpperEntry {
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
export class ListLayers {
  private readonly upper = new Map<string, UpperEntry[]>()
  private readonly filter = new Int32Array(2 ** FILTER_BITS / 32)
  private readonly labelStarts = new Uint8Array(MAX_LABELS)
  private readonly repeats: Repeat[] = []
  private isOverLimit = false

  /** @param disabledRules rules that are void, by `retractionKey` */
  constructor(
    private readonly collectors: readonly ListCollector[],
    private readonly disabledRules: ReadonlySet<string>
  ) {
    for (const key of disabledRules) this.addToFilter(Buffer.from(key, 'latin1'), 0)
  }

  /** Whether nothing is left out; known once all is settled. */
  get isEmpty(): boolean {
    return this.upper.size === 0 && this.disabledRules.size === 0
  }

  /**
   * Leaves out, and says again, in what the books hold.
   *
   * @param pourBlocked gives the names that the list simply blocks, which no book holds
   * @returns false where it would be too much to say
   */
  resolve(
    pourBlocked: (each: (octets: Uint8Array, length: Octets, cover: number) => void) => void
  ) {
    const all = this.collectors.flatMap(book =>
      [...book.groups.values()].map(said => ({ book, said }))
    )
    // From above, since what is left out itself leaves nothing out.
    for (const { book, said } of all.sort((a, b) => b.said.action.layer - a.said.action.layer)) {
      if (!this.isEmpty) this.removeOverridden(said)
      this.addUpper(book, said)
    }
    if (
      [...this.upper.values()].some(list =>
        list.some(({ action: saying }) => !isUnconditional(saying))
      )
    ) {
      pourBlocked((octets, length, cover) =>
        this.isOverridden(undefined, octets, 0, length, cover, true)
      )
    }
    if (!this.isEmpty && !this.isOverLimit) this.restrictPasses(all)
    return !this.isOverLimit
  }

  /** Whether a name is left out that the list simply blocks. */
  isExcluded(octets: Uint8Array, length: Octets, cover: number): boolean {
    return this.isOverridden(undefined, octets, 0, length, cover, false)
  }

  private addUpper(book: ListCollector, { action: saying, names }: ActionGroup): void {
    if (saying.layer === 0) return
    names.forEach((octets, at, length, cover, line, end) => {
      const key = nameKey(octets, at, length)
      const one = {
        collector: book,
        action: saying,
        cover,
        line,
        record: octets.slice(at + length, end)
      }
      const known = this.upper.get(key)
      if (known === undefined) this.upper.set(key, [one])
      else if (one.record.length > 0 || !known.some(it => isSame(it, one))) known.push(one)
      this.addToFilter(octets, at)
    })
  }

  private removeOverridden(said: ActionGroup): void {
    const kept = new PackedNames()
    said.names.forEach((octets, at, length, cover, line, end) => {
      if (this.isOverridden(said.action, octets, at, length, cover, true)) return
      kept.add(octets, at, length, cover, line, octets.subarray(at + length, end))
    })
    said.names = kept
  }

  /** @param noting whether what stands above a name for some is noted, to be said again of it */
  private isOverridden(
    saying: ListAction | undefined,
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    cover: number,
    noting: boolean
  ): boolean {
    if (this.isOverLimit) return false
    const standing = this.overridesOf(saying, octets, at, length)
    if (this.isDisabled(saying, octets, at, length, cover)) return true
    const reaching = standing.filter(({ entry: one, isSameName: whole }) =>
      applies(one.cover, cover, whole)
    )
    if (reaching.some(({ entry: one }) => isUnconditional(one.action))) return true
    if (!noting || reaching.length === 0) return false
    const name = octets.slice(at, at + length)
    const repeats = reaching
      .filter(({ isSameName: whole }) => !whole)
      .map(({ entry: one }) => ({ ...one, name, cover }))
    this.isOverLimit ||= this.repeats.length + repeats.length > MAX_REPEATS
    if (!this.isOverLimit) this.repeats.push(...repeats)
    return false
  }

  private isDisabled(
    saying: ListAction | undefined,
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    cover: number
  ): boolean {
    if (this.disabledRules.size === 0 || !this.isInFilter(this.hash)) return false
    return this.disabledRules.has(ruleKey(saying, octets, at, length, cover))
  }

  /** Of the name looked at last. */
  private hash = 0

  /** All that stands above what is said of a name. */
  private overridesOf(
    saying: ListAction | undefined,
    octets: Uint8Array,
    at: Octets,
    length: Octets
  ): readonly Override[] {
    const { labelStarts: starts } = this
    let found: Override[] | undefined
    this.hash = BASIS
    for (let label = findLabels(octets, at, starts) - 1; label >= 0; label--) {
      const start = at + starts[label]!
      this.hash = hashLabel(this.hash, octets, start)
      if (!this.isInFilter(this.hash)) continue
      const above = this.upper.get(nameKey(octets, start, length - starts[label]!)) ?? []
      for (const one of above) {
        if (isAbove(one, saying)) (found ??= []).push({ entry: one, isSameName: label === 0 })
      }
    }
    return found ?? NO_OVERRIDES
  }

  /** Says again what is to be said again, and each pass only where nothing above holds. */
  private restrictPasses(
    all: readonly { readonly book: ListCollector; readonly said: ActionGroup }[]
  ): void {
    const passing = all.filter(({ said }) => said.action.action === 'pass')
    const before = passing.map(({ book, said }) => ({
      book,
      saying: said.action,
      names: said.names
    }))
    for (const { said } of passing) said.names = new PackedNames()
    for (const { book, saying, names } of before) {
      names.forEach((octets, at, length, cover, line) => {
        this.addRestricted(book, saying, octets.subarray(at, at + length), cover, line)
      })
    }
    for (const { collector: book, action: saying, name, cover, line, record } of this.repeats) {
      if (saying.action === 'pass') this.addRestricted(book, saying, name, cover, line)
      else book.addName(saying, name, cover, line, record)
    }
  }

  private addRestricted(
    book: ListCollector,
    saying: ListAction,
    name: Uint8Array,
    cover: number,
    line: number
  ): void {
    const standing = this.overridesOf(saying, name, 0, name.length).filter(
      ({ entry: one }) => one.action.action !== 'pass' && one.action.action !== 'back'
    )
    if (standing.length === 0) {
      book.addName(saying, name, cover, line)
      return
    }
    const covers = cover === COVER.suffix ? [COVER.exact, COVER.below] : [cover]
    for (const piece of covers) {
      const reaching = standing.filter(({ entry: one, isSameName: whole }) =>
        applies(one.cover, piece, whole)
      )
      for (const part of this.subtractAll(saying, reaching)) book.addName(part, name, piece, line)
    }
  }

  /** A saying as far as nothing of what stands above it holds. */
  private subtractAll(saying: ListAction, reaching: readonly Override[]): readonly ListAction[] {
    let parts = [saying]
    for (const { entry: one } of reaching) {
      parts = parts.flatMap(part => subtractAction(part, one.action))
      this.isOverLimit ||= parts.length > MAX_REMAINDERS
      if (this.isOverLimit) return []
    }
    return parts
  }

  private addToFilter(octets: Uint8Array, at: Octets): void {
    let hash = BASIS
    for (let label = findLabels(octets, at, this.labelStarts) - 1; label >= 0; label--) {
      hash = hashLabel(hash, octets, at + this.labelStarts[label]!)
    }
    this.filter[(hash >>> 5) & (this.filter.length - 1)]! |= 1 << (hash & 31)
  }

  private isInFilter(hash: number): boolean {
    return (this.filter[(hash >>> 5) & (this.filter.length - 1)]! & (1 << (hash & 31))) !== 0
  }
}

function isSame(one: UpperEntry, other: UpperEntry): boolean {
  return one.action === other.action && one.cover === other.cover
}

/** Whether something is said in a layer above a saying; undefined: that the list blocks the name. */
function isAbove({ action: above }: UpperEntry, saying: ListAction | undefined): boolean {
  const layer = saying?.layer ?? 0
  return above.layer > layer && (above.action !== 'back' || layer >= DATA_LAYER)
}

/** Whether what is said with one cover holds for all that another covers, of this name or below. */
function applies(above: number, below: number, whole: boolean): boolean {
  return whole ? above === COVER.suffix || above === below : above !== COVER.exact
}

function isUnconditional({ qtypes, prefixes }: ListAction): boolean {
  return qtypes === undefined && prefixes === undefined
}

/** Where the labels of a name begin, from its own beginning on. @returns how many there are */
function findLabels(octets: Uint8Array, at: Octets, starts: Uint8Array): number {
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

import type { Octets } from '../../../base/units.js'
import { COVER, type CoverCode } from '../model/types.js'
import { ruleKey, type ListCollector, type ActionGroup } from './list-collector.js'
import { subtractAction } from './subtract-action.js'
import { DATA_LAYER, type ListAction } from './line-reader.js'
import { nameKey, PackedNames } from './packed-names.js'
import type { TimeLimit } from './time-limit.js'

/** Bits of the hash that the filter uses: it rules out most names without a map lookup. */
const FILTER_BITS = 16
/** FNV-1a offset basis and prime, 32 bits. */
const BASIS = 0x811c9dc5
const FACTOR = 0x01000193
const MAX_LABELS = 128
/** How often a conditional action may be repeated for names below its own. */
const MAX_REPEATS = 200_000

/** Most actions that one exception may be split into by the actions above it. */
const MAX_REMAINDERS = 64

/** An entry in a layer above 0. */
interface UpperEntry {
  readonly collector: ListCollector
  readonly action: ListAction
  readonly cover: CoverCode
  readonly line: number
  readonly record: Uint8Array
}

/** An entry of a higher layer for the same name or one above it. */
interface Override {
  readonly entry: UpperEntry
  readonly isSameName: boolean
}

const NO_RECORD = new Uint8Array(0)
const NO_OVERRIDES: readonly Override[] = []

/** A conditional entry that is repeated for a name below its own. */
interface Repeat extends UpperEntry {
  readonly name: Uint8Array
}

/**
 * Reduces the layers of a list to the order of the name tables: the longest name decides, and a
 * name with `pass` passes whatever else its list has. In some formats an exception applies to
 * everything below its name, and other actions take precedence over exceptions.
 *
 * Therefore an entry is left out if an entry of a higher layer overrides it for all clients and
 * types; an entry of a higher layer for some clients or types is repeated for the names below it
 * that have entries; and a `pass` is restricted to where no higher layer applies.
 */
export class ListLayers {
  private readonly upper = new Map<string, UpperEntry[]>()
  private readonly filter = new Int32Array(2 ** FILTER_BITS / 32)
  private readonly labelStarts = new Uint8Array(MAX_LABELS)
  private readonly repeats: Repeat[] = []
  private isOverLimit = false
  /** Hash of the name that `overridesOf` looked up last. */
  private hash = 0

  /** @param disabledRules keys of disabled rules, see `ruleKey` */
  constructor(
    private readonly collectors: readonly ListCollector[],
    private readonly disabledRules: ReadonlySet<string>,
    private readonly limit: TimeLimit
  ) {
    for (const key of disabledRules) this.addToFilter(Buffer.from(key, 'latin1'), 0)
  }

  /** Whether nothing is overridden or disabled; valid after `resolve`. */
  get isEmpty(): boolean {
    return this.upper.size === 0 && this.disabledRules.size === 0
  }

  /**
   * Removes overridden entries from the collectors, and adds the repeated ones.
   *
   * @param forEachBlocked visits the names that are just blocked: collectors do not store them
   * @returns false if a limit was exceeded
   * @throws TimeLimitExceeded
   */
  resolve(
    forEachBlocked: (visit: (octets: Uint8Array, length: Octets, cover: CoverCode) => void) => void
  ): boolean {
    const all = this.collectors.flatMap(collector =>
      [...collector.groups.values()].map(group => ({ collector, group }))
    )
    // From the top: an overridden entry overrides nothing itself.
    for (const { collector, group } of all.sort(
      (a, b) => b.group.action.layer - a.group.action.layer
    )) {
      if (!this.isEmpty) this.removeOverridden(group)
      this.addUpper(collector, group)
    }
    const entries = [...this.upper.values()]
    if (entries.some(list => list.some(({ action }) => !isUnconditional(action)))) {
      forEachBlocked((octets, length, cover) =>
        this.isOverridden(undefined, octets, 0, length, cover, true)
      )
    }
    if (!this.isEmpty && !this.isOverLimit) this.restrictPasses(all)
    return !this.isOverLimit
  }

  /** Whether a name that is just blocked is overridden or disabled. */
  isExcluded(octets: Uint8Array, length: Octets, cover: CoverCode): boolean {
    return this.isOverridden(undefined, octets, 0, length, cover, false)
  }

  private addUpper(collector: ListCollector, { action, names }: ActionGroup): void {
    if (action.layer === 0) return
    names.forEach((octets, at, length, cover, line, end) => {
      const key = nameKey(octets, at, length)
      const record = end === at + length ? NO_RECORD : octets.slice(at + length, end)
      const entry = { collector, action, cover, line, record }
      const known = this.upper.get(key)
      if (known === undefined) this.upper.set(key, [entry])
      else if (entry.record.length > 0 || !known.some(it => isSame(it, entry))) known.push(entry)
      this.addToFilter(octets, at)
    })
  }

  private removeOverridden(group: ActionGroup): void {
    const kept = new PackedNames()
    group.names.forEach((octets, at, length, cover, line, end) => {
      if (this.isOverridden(group.action, octets, at, length, cover, true)) return
      kept.add(octets, at, length, cover, line, octets.subarray(at + length, end))
    })
    group.names = kept
  }

  /** @param repeat whether conditional overrides are to be repeated for the name */
  private isOverridden(
    action: ListAction | undefined,
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    cover: CoverCode,
    repeat: boolean
  ): boolean {
    if (this.isOverLimit) return false
    if (repeat) this.limit.step()
    const overrides = this.overridesOf(action, octets, at, length)
    if (this.isDisabled(action, octets, at, length, cover)) return true
    const applying = overrides.filter(({ entry, isSameName }) =>
      applies(entry.cover, cover, isSameName)
    )
    if (applying.some(({ entry }) => isUnconditional(entry.action))) return true
    if (!repeat || applying.length === 0) return false
    const name = octets.slice(at, at + length)
    const repeats = applying
      .filter(({ isSameName }) => !isSameName)
      .map(({ entry }) => ({ ...entry, name, cover }))
    this.isOverLimit ||= this.repeats.length + repeats.length > MAX_REPEATS
    if (!this.isOverLimit) this.repeats.push(...repeats)
    return false
  }

  private isDisabled(
    action: ListAction | undefined,
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    cover: CoverCode
  ): boolean {
    if (this.disabledRules.size === 0 || !this.isInFilter(this.hash)) return false
    return this.disabledRules.has(ruleKey(action, octets, at, length, cover))
  }

  /** The entries of higher layers for a name and the names above it. */
  private overridesOf(
    action: ListAction | undefined,
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
      const entries = this.upper.get(nameKey(octets, start, length - starts[label]!)) ?? []
      for (const entry of entries) {
        if (isAbove(entry, action)) (found ??= []).push({ entry, isSameName: label === 0 })
      }
    }
    return found ?? NO_OVERRIDES
  }

  /** Adds the repeated entries, and restricts each `pass` to where no higher layer applies. */
  private restrictPasses(
    all: readonly { readonly collector: ListCollector; readonly group: ActionGroup }[]
  ): void {
    const passes = all.filter(({ group }) => group.action.kind === 'pass')
    const previous = passes.map(({ collector, group: { action, names } }) => {
      return { collector, action, names }
    })
    for (const { group } of passes) group.names = new PackedNames()
    for (const { collector, action, names } of previous) {
      names.forEach((octets, at, length, cover, line) => {
        this.addRestricted(collector, action, octets.subarray(at, at + length), cover, line)
      })
    }
    for (const { collector, action, name, cover, line, record } of this.repeats) {
      if (action.kind === 'pass') this.addRestricted(collector, action, name, cover, line)
      else collector.addName(action, name, cover, line, record)
    }
  }

  private addRestricted(
    collector: ListCollector,
    action: ListAction,
    name: Uint8Array,
    cover: CoverCode,
    line: number
  ): void {
    this.limit.step()
    const overrides = this.overridesOf(action, name, 0, name.length).filter(
      ({ entry }) => entry.action.kind !== 'pass' && entry.action.kind !== 'cancel'
    )
    if (overrides.length === 0) {
      collector.addName(action, name, cover, line)
      return
    }
    const covers = cover === COVER.suffix ? [COVER.exact, COVER.below] : [cover]
    for (const part of covers) {
      const applying = overrides.filter(({ entry, isSameName }) =>
        applies(entry.cover, part, isSameName)
      )
      for (const remainder of this.subtractAll(action, applying)) {
        collector.addName(remainder, name, part, line)
      }
    }
  }

  /** An action without the clients and types of its overrides. */
  private subtractAll(action: ListAction, overrides: readonly Override[]): readonly ListAction[] {
    let remainders = [action]
    for (const { entry } of overrides) {
      remainders = remainders.flatMap(remainder => subtractAction(remainder, entry.action))
      this.isOverLimit ||= remainders.length > MAX_REMAINDERS
      if (this.isOverLimit) return []
    }
    return remainders
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

/** Whether an entry is in a layer above an action; undefined: the list just blocks the name. */
function isAbove({ action: upper }: UpperEntry, action: ListAction | undefined): boolean {
  const layer = action?.layer ?? 0
  return upper.layer > layer && (upper.kind !== 'cancel' || layer >= DATA_LAYER)
}

/** Whether the cover of an upper entry includes all that `cover` has, of the same name or below. */
function applies(upper: number, cover: CoverCode, isSameName: boolean): boolean {
  return isSameName ? upper === COVER.suffix || upper === cover : upper !== COVER.exact
}

/** Whether an action is for all types and clients. */
function isUnconditional({ qtypes, prefixes }: ListAction): boolean {
  return qtypes === undefined && prefixes === undefined
}

/** Offsets of the labels of a name, from the start of the name. @returns the number of labels */
function findLabels(octets: Uint8Array, at: Octets, starts: Uint8Array): number {
  let labels = 0
  for (let pos = at; octets[pos] !== 0; pos += 1 + octets[pos]!) starts[labels++] = pos - at
  return labels
}

/** Hash of a suffix, from the hash of the suffix behind its first label. */
function hashLabel(hash: number, octets: Uint8Array, at: Octets): number {
  const end = at + octets[at]!
  for (let i = at; i <= end; i++) hash = Math.imul(hash ^ octets[i]!, FACTOR)
  return hash ^ (hash >>> 15)
}

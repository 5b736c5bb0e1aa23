import { showPrefix } from '../../../base/values/address.js'
import { COVER, isPassPart, type NameSource, type Rule, type CoverCode } from '../model/types.js'

/** One name or prefix of a source. */
export interface SourceItem {
  /** Undefined for a prefix. */
  readonly cover: CoverCode | undefined
  /** Wire form in Latin-1, or the text of the prefix. */
  readonly name: string
}

const itemsBySource = new WeakMap<NameSource, readonly SourceItem[]>()
const overlapsByApp = new WeakMap<NameSource, WeakMap<NameSource, boolean>>()
const keysBySource = new WeakMap<NameSource, ReadonlySet<string>>()

/**
 * Finds the rule that covers a name, an app or a list. Lists match as a whole only: they are too large
 * to look into here.
 */
export class RuleIndex {
  /** The first rule of each app and list. */
  private readonly bySource = new Map<NameSource, Rule>()
  private readonly byInlineName = new Map<string, Rule>()
  /** The names in `except` of each ban that has any. */
  private readonly excepted = new Map<Rule, NameSource>()

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      for (const source of rule.sources) {
        if (source.kind === 'inline' && isPassPart(source)) this.excepted.set(rule, source)
        else if (source.kind !== 'inline') addFirst(this.bySource, source, rule)
        else for (const item of itemsOf(source)) this.addInline(keyOf(item), rule)
      }
    }
  }

  /** The first rule, or the first that leaves nothing out. */
  private addInline(key: string, rule: Rule): void {
    const known = this.byInlineName.get(key)
    if (known === undefined || (this.excepted.has(known) && !this.excepted.has(rule)))
      this.byInlineName.set(key, rule)
  }

  /**
   * A rule that covers everything in a source.
   *
   * @param except names of the source that it need not cover
   */
  findSource(source: NameSource, except?: NameSource): Rule | undefined {
    const same = this.bySource.get(source)
    if (same !== undefined || source.kind === 'list') return same
    let rule: Rule | undefined
    for (const item of itemsOf(source)) {
      rule = this.findItem(item, except)
      if (rule === undefined) return undefined
    }
    return rule
  }

  /** A rule that covers all of this name. @param except names that it need not cover */
  findItem(item: SourceItem, except?: NameSource): Rule | undefined {
    for (const key of coveringKeys(item)) {
      const rule = this.byInlineName.get(key)
      if (rule !== undefined && !this.leavesOut(rule, item, except)) return rule
      for (const [source, rule] of this.bySource) {
        if (source.kind === 'app' && keysOf(source).has(key)) return rule
      }
    }
    return undefined
  }

  /** Whether `except` of a ban has a name at or below this one, or above it. */
  private leavesOut(rule: Rule, item: SourceItem, except: NameSource | undefined): boolean {
    const passed = this.excepted.get(rule)
    if (passed === undefined) return false
    const others = except === undefined ? new Set<string>() : keysOf(except)
    const mattering = itemsOf(passed).filter(one => !isCovered([one], others))
    return !mattering.every(one => areDisjoint(item, one))
  }
}

/** Whether an app or inline names may have a name or an address in common with an app. */
export function overlaps(source: NameSource, app: NameSource): boolean {
  const results = overlapsByApp.get(app) ?? new WeakMap<NameSource, boolean>()
  overlapsByApp.set(app, results)
  const known = results.get(source)
  if (known !== undefined) return known
  const [one, other] = [itemsOf(source), itemsOf(app)]
  const found =
    (one.some(hasNoName) && other.some(hasNoName)) ||
    isCovered(one, keysOf(app)) ||
    isCovered(other, keysOf(source))
  results.set(source, found)
  return found
}

/** Whether neither of two names covers the other. */
function areDisjoint(one: SourceItem, other: SourceItem): boolean {
  return !isCovered([one], new Set([keyOf(other)])) && !isCovered([other], new Set([keyOf(one)]))
}

/** Whether a name is neither covered by one of a source nor covers one. */
export function isDisjoint(item: SourceItem, source: NameSource): boolean {
  return !isCovered([item], keysOf(source)) && !isCovered(itemsOf(source), new Set([keyOf(item)]))
}

function isCovered(items: readonly SourceItem[], keys: ReadonlySet<string>): boolean {
  return items.some(item => [...coveringKeys(item)].some(key => keys.has(key)))
}

function hasNoName({ cover }: SourceItem): boolean {
  return cover === undefined
}

/** The names and prefixes of an app or of inline names. */
export function itemsOf(source: NameSource): readonly SourceItem[] {
  const known = itemsBySource.get(source)
  if (known !== undefined) return known
  const found: SourceItem[] = []
  source.writeTo({
    name: (octets, at, length, cover) => {
      const name = Buffer.from(octets.subarray(at, at + length)).toString('latin1')
      found.push({ cover, name })
    },
    prefix: prefix => void found.push({ cover: undefined, name: showPrefix(prefix) })
  })
  itemsBySource.set(source, found)
  return found
}

/** The keys of all items of a source. */
export function keysOf(source: NameSource): ReadonlySet<string> {
  const known = keysBySource.get(source)
  if (known !== undefined) return known
  const keys = new Set(itemsOf(source).map(keyOf))
  keysBySource.set(source, keys)
  return keys
}

export function keyOf({ cover, name }: SourceItem): string {
  return `${cover ?? 'prefix'} ${name}`
}

/** The keys of all items that cover this one, nearest first. */
function* coveringKeys(item: SourceItem): Generator<string> {
  yield keyOf(item)
  const { cover } = item
  if (cover === undefined) return
  let { name } = item
  if (cover !== COVER.suffix) yield keyOf({ cover: COVER.suffix, name })
  while (name.charCodeAt(0) !== 0) {
    name = name.slice(name.charCodeAt(0) + 1)
    yield keyOf({ cover: COVER.suffix, name })
    yield keyOf({ cover: COVER.below, name })
  }
}

function addFirst<K>(map: Map<K, Rule>, key: K, rule: Rule): void {
  if (!map.has(key)) map.set(key, rule)
}

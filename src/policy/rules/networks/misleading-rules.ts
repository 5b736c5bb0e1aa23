import { splitAddressSpace } from '../../../base/values/address-ranges.js'
import { quote } from '../../../base/errors/messages/format.js'
import { isMapped, showPrefix, type Prefix } from '../../../base/values/address.js'
import type { Seconds } from '../../../base/units.js'
import type { Location } from '../model/location.js'
import {
  COVER,
  isPassPart,
  type Allow,
  type Ban,
  type NameSource,
  type NetworkRules,
  type Rule
} from '../model/types.js'
import { LiftedBlocks, warnAboutApartExceptions } from './idle-rules.js'
import { RuleFamilies } from './rule-families.js'
import { overlaps, RuleIndex } from './rule-index.js'
import { alwaysDecides, warnAboutShadowedBans } from './shadowed-bans.js'
import type { App } from '../apps/app-file.js'
import { showPattern, type Pattern } from '../model/pattern.js'
import type { AllowEntry, NetworkEntry } from '../schema/networks-schema.js'

/** IPv4 prefixes are IPv4-mapped: they have at least 96 bits. */
const MAPPED_BITS = 96
/** Ids of rules that a message lists. */
const MAX_LISTED = 3

/** Warns of rules that load without an error but do not do what they seem to do. */
export class MisleadingRules {
  /** The bans of each network itself that have not ended. */
  private readonly unendedBans = new Map<string, RuleIndex>()
  /** The bans of each network itself that are enforced now, at any hour. */
  private readonly activeBans = new Map<string, RuleIndex>()
  private readonly exceptions = new Map<string, RuleIndex>()
  private readonly liftedBlocks = new Map<string, LiftedBlocks>()
  private readonly families: RuleFamilies

  /**
   * @param own the rules of each network itself, in the order of `RuleBuilder.rulesOf`
   * @param lineage each network and all that it extends
   * @param served networks with prefixes, and all their rules
   * @param location of `networks`
   */
  constructor(
    private readonly entries: readonly (readonly [id: string, entry: NetworkEntry])[],
    private readonly apps: ReadonlyMap<string, App>,
    private readonly own: ReadonlyMap<string, readonly Rule[]>,
    private readonly lineage: ReadonlyMap<string, readonly string[]>,
    private readonly served: readonly NetworkRules[],
    private readonly location: Location,
    private readonly now: Seconds
  ) {
    this.families = new RuleFamilies(own, lineage)
  }

  warn(): void {
    this.warnAboutCarvedOut()
    this.warnAboutUnusedBans()
    for (const [id, entry] of this.entries) {
      this.warnAboutIdleAllows(id, entry)
      this.warnAboutIdleExceptions(id, entry)
      warnAboutApartExceptions(
        id,
        entry,
        this.own.get(id)!,
        this.families,
        this.location.at(id),
        this.now
      )
      const bans = this.own.get(id)!.filter(isBan)
      warnAboutShadowedBans(bans, this.location.at(id, 'bans'), this.now)
    }
  }

  /**
   * The longest prefix decides, so a network within another one opens what the other one bans, unless
   * it has the same bans.
   */
  private warnAboutCarvedOut(): void {
    const { served } = this
    const all = served.flatMap(({ prefixes }) => prefixes)
    const networkOf = served.flatMap(({ prefixes }, network) => prefixes.map(() => network))
    const indexIn = served.flatMap(({ prefixes }) => [...prefixes.keys()])
    const reported = new Set<string>()
    for (const bits of [32, 128] as const) {
      const indices = [...all.keys()].filter(i => isIpv4(all[i]!) === (bits === 32))
      const seen = new Set<number>()
      for (const { covering } of splitAddressSpace(all, indices, bits)) {
        if (covering.length < 2) continue
        const [first, ...around] = covering as [number, ...number[]]
        if (seen.has(first)) continue
        seen.add(first)
        const inner = served[networkOf[first]!]!
        if (served[networkOf[around[0]!]!] === inner)
          this.reportInside(inner, indexIn[first]!, all[around[0]!]!)
        for (const outer of around.map(i => served[networkOf[i]!]!)) {
          if (outer === inner) continue
          const missing = this.missingBans(outer, inner)
          if (missing.length === 0) continue
          const pair = `${inner.id} ${outer.id}`
          if (!reported.has(pair)) this.reportCarvedOut(inner, outer, missing, all[first]!)
          reported.add(pair)
          break
        }
      }
    }
  }

  /** A prefix that changes nothing may be a typing error. */
  private reportInside({ id, prefixes }: NetworkRules, index: number, outer: Prefix): void {
    const at = this.location.at(id, 'prefixes', index)
    at.warn('RULES_PREFIX_INSIDE', at.pathText, showPrefix(prefixes[index]!), showPrefix(outer))
  }

  private reportCarvedOut(
    inner: NetworkRules,
    outer: NetworkRules,
    missing: readonly Ban[],
    prefix: Prefix
  ): void {
    const at = this.location.at(inner.id, 'prefixes', inner.prefixes.indexOf(prefix))
    at.warn(
      'RULES_BAN_NOT_INHERITED',
      at.pathText,
      showPrefix(prefix),
      outer.id,
      missing.slice(0, MAX_LISTED).map(({ id }) => id),
      missing.length > MAX_LISTED
    )
  }

  /** Enforced bans of one network that another lacks: at most one more than a message lists. */
  private missingBans(outer: NetworkRules, inner: NetworkRules): readonly Ban[] {
    const lineage = this.lineage.get(inner.id)!
    if (lineage.includes(outer.id)) return []
    const inherited = new Set(inner.rules)
    const indexes = lineage.map(id => this.unendedBansOf(id))
    const missing: Ban[] = []
    for (const rule of outer.rules) {
      if (rule.kind !== 'ban' || rule.mode === 'monitor' || rule.until <= this.now) continue
      if (inherited.has(rule)) continue
      const except = rule.sources.find(it => it.kind === 'inline' && isPassPart(it))
      const isCovered = rule.sources.every(
        source =>
          source === except || indexes.some(index => index.findSource(source, except) !== undefined)
      )
      if (!isCovered && missing.push(rule) > MAX_LISTED) break
    }
    return missing
  }

  private warnAboutUnusedBans(): void {
    if (this.served.length === this.entries.length) return
    const used = new Set(this.served.flatMap(({ id }) => this.lineage.get(id)!))
    for (const [id, { exceptions, bans }] of this.entries) {
      if (used.has(id)) continue
      for (const i of bans.keys()) {
        if (this.own.get(id)![exceptions.length + i]!.until <= this.now) continue
        const at = this.location.at(id, 'bans', i)
        at.warn('RULES_BAN_UNUSED', at.pathText, id)
      }
    }
  }

  /** An `allow` only lifts blocks, and a ban outranks it. */
  private warnAboutIdleAllows(id: string, { allow }: NetworkEntry): void {
    if (allow.length === 0) return
    const rules = this.own.get(id)!.filter((rule): rule is Allow => rule.kind === 'allow')
    // The rule for the plain names comes first; see `RuleBuilder.rulesOf`.
    let next = allow.some(entry => 'cover' in entry) ? 1 : 0
    for (const [i, entry] of allow.entries()) {
      const at = this.location.at(id, 'allow', i)
      if ('cover' in entry) this.warnAboutIdleName(id, entry, at)
      else {
        const { from, until } = rules[next++]!
        if (from <= this.now && this.now < until) this.warnAboutIdleAllow(id, entry, at)
      }
    }
  }

  private warnAboutIdleAllow(id: string, { names, apps }: AllowEntry, location: Location): void {
    for (const [i, name] of names.entries()) {
      this.warnAboutIdleName(id, name, location.at('names', i))
    }
    for (const [i, app] of apps.entries()) {
      const source = this.apps.get(app)?.source
      if (source === undefined) continue
      const ban = this.deciding(id, index => index.findSource(source))
      const at = location.at('apps', i)
      const shown = `app ${quote(app)}`
      if (ban !== undefined) at.warn('RULES_ALLOW_BANNED', at.pathText, shown, ban.id)
      else if (!this.blocksOf(id).mayBlockApp(source))
        at.warn('RULES_ALLOW_IDLE', at.pathText, shown, id)
    }
  }

  private warnAboutIdleName(id: string, pattern: Pattern, at: Location): void {
    const name = Buffer.from(pattern.name).toString('latin1')
    const item = { cover: COVER[pattern.cover], name }
    const ban = this.deciding(id, index => index.findItem(item))
    const shown = showPattern(pattern)
    if (ban !== undefined) at.warn('RULES_ALLOW_BANNED', at.pathText, shown, ban.id)
    else if (!this.blocksOf(id).mayBlockName(pattern))
      at.warn('RULES_ALLOW_IDLE', at.pathText, shown, id)
  }

  private blocksOf(id: string): LiftedBlocks {
    const known = this.liftedBlocks.get(id)
    if (known !== undefined) return known
    const blocks = new LiftedBlocks(id, this.families, this.now)
    this.liftedBlocks.set(id, blocks)
    return blocks
  }

  /** The ban that a lookup in a network finds, unless an exception lifts it for some clients. */
  private deciding(id: string, find: (index: RuleIndex) => Rule | undefined): Rule | undefined {
    const lineage = this.lineage.get(id)!
    const first = (index: (id: string) => RuleIndex): Rule | undefined => {
      for (const ancestor of lineage) {
        const rule = find(index(ancestor))
        if (rule !== undefined) return rule
      }
      return undefined
    }
    const ban = first(id => this.activeBansOf(id))
    return ban !== undefined && first(id => this.exceptionsOf(id)) === undefined ? ban : undefined
  }

  /** An exception may lift bans of its network, of those it extends, and of those that extend it. */
  private warnAboutIdleExceptions(id: string, { exceptions }: NetworkEntry): void {
    for (const [i, { apps }] of exceptions.entries()) {
      if (this.own.get(id)![i]!.until <= this.now) continue
      for (const [j, app] of apps.entries()) {
        const source = this.apps.get(app)?.source
        if (source === undefined || this.isBanned(id, source)) continue
        const at = this.location.at(id, 'exceptions', i, 'apps', j)
        at.warn('RULES_EXCEPTION_IDLE', at.pathText, app, id)
      }
    }
  }

  /** Whether a ban may cover names of an app. Lists are not looked into. */
  private isBanned(id: string, app: NameSource): boolean {
    const isCertain = (source: NameSource) => source === app || source.kind === 'list'
    const isPossible = (source: NameSource) => overlaps(source, app)
    // Comparing names is slow, and hardly ever needed.
    return this.bansSource(id, isCertain) || this.bansSource(id, isPossible)
  }

  /** Whether a network, one that it extends, or one that extends it, bans such a source. */
  private bansSource(id: string, fits: (source: NameSource) => boolean): boolean {
    for (const rule of this.families.rulesOf(id)) {
      if (isBan(rule) && rule.sources.some(fits)) return true
    }
    return false
  }

  private unendedBansOf(id: string): RuleIndex {
    return this.indexOf(this.unendedBans, id, rule => isBan(rule) && rule.until > this.now)
  }

  private activeBansOf(id: string): RuleIndex {
    return this.indexOf(
      this.activeBans,
      id,
      rule => isBan(rule) && alwaysDecides(rule) && rule.from <= this.now && this.now < rule.until
    )
  }

  private exceptionsOf(id: string): RuleIndex {
    const isOpen = ({ kind, until }: Rule) => kind === 'exception' && until > this.now
    return this.indexOf(this.exceptions, id, isOpen)
  }

  private indexOf(
    cache: Map<string, RuleIndex>,
    id: string,
    has: (rule: Rule) => boolean
  ): RuleIndex {
    const known = cache.get(id)
    if (known !== undefined) return known
    const index = new RuleIndex((this.own.get(id) ?? []).filter(has))
    cache.set(id, index)
    return index
  }
}

function isBan(rule: Rule): rule is Ban {
  return rule.kind === 'ban'
}

function isIpv4({ address, length }: Prefix): boolean {
  return isMapped(address) && length >= MAPPED_BITS
}

import { splitAddressSpace } from '../../base/address-ranges.js'
import { isMapped, showPrefix, type Prefix } from '../../base/address.js'
import type { Seconds } from '../../base/units.js'
import type { Location } from '../model/location.js'
import type { Ban, NetworkRules, Rule } from '../model/types.js'
import { BanIndex } from './ban-index.js'

/** IPv4 prefixes are IPv4-mapped: they have at least 96 bits. */
const MAPPED_BITS = 96
/** Ids of rules that a message lists. */
const MAX_LISTED = 3

/** Warns of rules that load without an error but do not do what they seem to do. */
export class MisleadingRules {
  /** The bans of each network itself that have not ended. */
  private readonly unendedBans = new Map<string, BanIndex>()

  /**
   * @param own the rules of each network itself, in the order of `RuleBuilder.rulesOf`
   * @param lineage each network and all that it extends
   * @param served networks with prefixes, and all their rules
   * @param location of `networks`
   */
  constructor(
    private readonly own: ReadonlyMap<string, readonly Rule[]>,
    private readonly lineage: ReadonlyMap<string, readonly string[]>,
    private readonly served: readonly NetworkRules[],
    private readonly location: Location,
    private readonly now: Seconds
  ) {}

  warn(): void {
    this.warnAboutCarvedOut()
  }

  /**
   * The longest prefix decides, so a network within another one opens what the other one bans, unless
   * it has the same bans.
   */
  private warnAboutCarvedOut(): void {
    const prefixes = this.served.flatMap(network =>
      network.prefixes.map((prefix, index) => ({ network, prefix, index }))
    )
    const all = prefixes.map(({ prefix }) => prefix)
    const reported = new Set<string>()
    for (const bits of [32, 128] as const) {
      const indices = [...all.keys()].filter(i => isIpv4(all[i]!) === (bits === 32))
      const seen = new Set<number>()
      for (const { covering } of splitAddressSpace(all, indices, bits)) {
        const [first, ...around] = covering
        if (first === undefined || seen.has(first)) continue
        seen.add(first)
        const { network: inner, prefix, index } = prefixes[first]!
        for (const { network: outer } of around.map(i => prefixes[i]!)) {
          if (outer === inner) continue
          const missing = this.missingBans(outer, inner)
          if (missing.length === 0) continue
          const pair = `${inner.id} ${outer.id}`
          if (!reported.has(pair)) this.reportCarvedOut(inner, outer, missing, index, prefix)
          reported.add(pair)
          break
        }
      }
    }
  }

  private reportCarvedOut(
    inner: NetworkRules,
    outer: NetworkRules,
    missing: readonly Ban[],
    index: number,
    prefix: Prefix
  ): void {
    const at = this.location.at(inner.id, 'prefixes', index)
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
      const isCovered = rule.sources.every(source =>
        indexes.some(index => index.findSource(source) !== undefined)
      )
      if (!isCovered && missing.push(rule) > MAX_LISTED) break
    }
    return missing
  }

  private unendedBansOf(id: string): BanIndex {
    const known = this.unendedBans.get(id)
    if (known !== undefined) return known
    const bans = (this.own.get(id) ?? []).filter(isBan).filter(({ until }) => until > this.now)
    const index = new BanIndex(bans)
    this.unendedBans.set(id, index)
    return index
  }
}

function isBan(rule: Rule): rule is Ban {
  return rule.kind === 'ban'
}

function isIpv4({ address, length }: Prefix): boolean {
  return isMapped(address) && length >= MAPPED_BITS
}

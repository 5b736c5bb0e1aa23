import type { Seconds } from '../../../base/units.js'
import { readName } from '../../../wire/dns/name/name.js'
import { SPECIAL_USE } from '../../../wire/dns/registry/special-use.js'
import type { Location } from '../model/location.js'
import { covers, type Pattern } from '../model/pattern.js'
import { COVER, isPassPart, type Ban, type NameSource } from '../model/types.js'
import type { Rule, RuleException } from '../model/types.js'
import type { NetworkEntry } from '../schema/networks-schema.js'
import { endKey } from '../time/dates.js'
import { isDisjoint, itemsOf, overlaps } from './rule-index.js'
import type { RuleFamilies } from './rule-families.js'

/**
 * Warns of exceptions that are never active together with a ban that they lift.
 *
 * @param rules of the network itself, its exceptions first
 * @param location of the network
 */
export function warnAboutApartExceptions(
  id: string,
  entry: NetworkEntry,
  rules: readonly Rule[],
  families: RuleFamilies,
  location: Location,
  now: Seconds
): void {
  const { exceptions } = entry
  for (const [i, rule] of rules.entries()) {
    if (rule.kind !== 'exception') return
    if (rule.until <= now) continue
    const ban = banApart(rule, families.rulesOf(id))
    if (ban === undefined) continue
    const isEarly = rule.until <= ban.from
    const at = location.at('exceptions', i, isEarly ? endKey(exceptions[i]!) : 'from')
    at.warn('RULES_EXCEPTION_APART', at.pathText, ban.id, isEarly)
  }
}

/** A ban that an exception would lift at another time; undefined: it lifts one, or none. */
function banApart(exception: RuleException, rules: Iterable<Rule>): Ban | undefined {
  let apart: Ban | undefined
  for (const ban of rules) {
    if (ban.kind !== 'ban' || !mayShare(exception.sources, ban.sources)) continue
    if (ban.from < exception.until && exception.from < ban.until) return undefined
    apart ??= ban
  }
  return apart
}

/** Whether rules may have a name in common. Lists are not looked into. */
function mayShare(some: readonly NameSource[], others: readonly NameSource[]): boolean {
  return some.some(one =>
    others.some(other => {
      if (other.kind === 'inline' && isPassPart(other)) return false
      if (one === other) return true
      return isUnknown(one) || isUnknown(other) || overlaps(one, other)
    })
  )
}

/** Whether a source is a list, which is not looked into, or one of which there is no copy so far. */
function isUnknown(source: NameSource): boolean {
  return source.kind === 'list' || itemsOf(source).length === 0
}

/** Tells whether an `allow` of a network lifts a block. */
export class LiftedBlocks {
  /** Undefined: any name may be blocked, by a list. */
  private readonly sources: readonly NameSource[] | undefined

  constructor(id: string, families: RuleFamilies, now: Seconds) {
    const rules = [...families.rulesOf(id)].filter(
      ({ kind, until }) => kind === 'block' && until > now
    )
    const sources = rules.flatMap(({ sources }) => sources)
    this.sources = sources.some(isUnknown) ? undefined : sources
  }

  /** Whether a block may cover a name of an app. */
  mayBlockApp(app: NameSource): boolean {
    return this.sources?.some(source => overlaps(source, app)) ?? true
  }

  /** Whether a block may cover a name. Special-use names are forwarded only if a rule allows them. */
  mayBlockName({ cover, name }: Pattern): boolean {
    const { sources } = this
    if (sources === undefined) return true
    if (SPECIAL.some(one => covers('suffix', one, name) || covers(cover, name, one))) return true
    const item = { cover: COVER[cover], name: Buffer.from(name).toString('latin1') }
    return sources.some(source => !isDisjoint(item, source) || hasAddresses(source))
  }
}

const SPECIAL = SPECIAL_USE.flatMap(({ names }) => names).map(readName)

/** A name may have a blocked address. */
function hasAddresses(source: NameSource): boolean {
  return itemsOf(source).some(({ cover }) => cover === undefined)
}

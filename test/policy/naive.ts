import { readAddress, type Address, type Prefix } from '../../src/base/values/address.js'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { TIER } from '../../src/policy/tables/claim.js'
import { isActive, buildTimetable } from '../../src/policy/tables/timetable.js'
import {
  COVER,
  type NameSource,
  type NetworkRules,
  type Rule,
  type RuleSet
} from '../../src/policy/rules/model/types.js'
import type { RuleIds } from './evaluating.js'
import { wire, type WrittenSource } from './rule-set.js'

/**
 * Evaluates a rule set by plain loops, without tables and hashes. The compiled policy must agree.
 */
export class NaivePolicy {
  constructor(readonly rules: RuleSet) {}

  evaluate(name: string, client: string, now = 0, qtype: number = RRTYPE.A): RuleIds {
    const expected = wire(name.toLowerCase())
    return this.decide(client, now, qtype, ({ names }) =>
      Math.max(-1, ...names.map(({ octets, cover }) => matchLength(octets, cover, expected)))
    )
  }

  evaluateAddress(address: string, client: string, now = 0, qtype: number = RRTYPE.A): RuleIds {
    const expected = readAddress(address)
    return this.decide(client, now, qtype, ({ prefixes }) =>
      Math.max(-1, ...prefixes.filter(p => covers(p.prefix, expected)).map(p => p.prefix.length))
    )
  }

  /** @param match length of the longest match in a source; -1: none */
  private decide(
    client: string,
    now: number,
    qtype: number,
    match: (source: WrittenSource) => number
  ): RuleIds {
    const address = readAddress(client)
    const network = networkOf(this.rules, address)
    const claims = claimsOf(network?.rules ?? [])
      .filter(({ rule }) => appliesTo(rule, address) && isInForce(rule, now))
      .filter(({ source }) => isFor(source, address, qtype))
      .map(claim => ({ ...claim, length: match(claim.source as WrittenSource) }))
      .filter(({ length }) => length >= 0)
    const included = claims.filter(({ source, length }) =>
      claims.every(
        other =>
          !isPass(other) ||
          source.part?.effect === 'pass' ||
          listOf(other.source) !== listOf(source) ||
          other.length < length
      )
    )
    const lifted = included
      .filter(({ tier }) => tier === TIER.sourceException)
      .map(({ source }) => source)
    const effective = included
      .filter(claim => !isPass(claim))
      .filter(({ tier, source }) => tier !== TIER.ban || !lifted.includes(source))
      .sort((a, b) => a.tier - b.tier || a.step - b.step || b.length - a.length)
    const decider = effective.findIndex(claim => !isMonitored(claim))
    const monitored = effective.slice(0, decider < 0 ? undefined : decider)
    return { decides: effective[decider]?.rule.id ?? '', monitors: monitored[0]?.rule.id ?? '' }
  }
}

interface Claim {
  readonly rule: Rule
  readonly source: NameSource
  readonly tier: number
  readonly step: number
}

/**
 * Every rule on each of its sources. Each rank of a zone is a step; the rules of the same kind
 * between two zones share a step.
 */
function claimsOf(rules: readonly Rule[]): Claim[] {
  const steps: Record<Rule['kind'], string[]> = {
    ban: [],
    exception: [],
    record: [],
    allow: [],
    block: []
  }
  return rules.flatMap(rule =>
    rule.sources.map(source => {
      const { list, triggerRank } = source.part ?? {}
      const isZone = triggerRank !== undefined && (rule.kind === 'ban' || rule.kind === 'block')
      const name = isZone ? `${rule.id} ${list} ${triggerRank}` : ''
      const known = steps[rule.kind]
      if (known.at(-1) !== name) known.push(name)
      return { rule, source, tier: tierOf(rule, source), step: known.length }
    })
  )
}

function listOf({ part }: NameSource): string | undefined {
  return part?.list
}

/** ANY asks for every type, so a pass entry for some types does not apply to it. */
function isFor({ part }: NameSource, client: Address, qtype: number): boolean {
  if (part?.prefixes?.some(prefix => covers(prefix, client)) === false) return false
  if (part?.qtypes === undefined) return true
  if (qtype === RRTYPE.ANY) return part.effect !== 'pass'
  return part.qtypes.types.includes(qtype) !== part.qtypes.except
}

/** A zone's pass entry in an enforced block decides, as an allow would; others exclude the name. */
function isPass({ rule, source: { part } }: Claim): boolean {
  const decides =
    part?.triggerRank !== undefined && rule.kind === 'block' && rule.mode === 'enforce'
  return part?.effect === 'pass' && !decides
}

/** An exception for an app or list removes the bans of that app or list only. */
function tierOf(rule: Rule, { kind }: NameSource): number {
  return rule.kind === 'exception' && kind !== 'inline' ? TIER.sourceException : TIER[rule.kind]
}

function isInForce({ from, until, schedule }: Rule, now: number): boolean {
  const isOpenNow = schedule === undefined || isActive(buildTimetable(schedule), now)
  return from <= now && now < until && isOpenNow
}

function isMonitored({ rule, source: { part } }: Claim): boolean {
  return 'mode' in rule && rule.mode === 'monitor' && part?.effect !== 'pass'
}

function appliesTo(rule: Rule, client: Address): boolean {
  if (rule.kind !== 'exception' || rule.prefixes.length === 0) return true
  return rule.prefixes.some(prefix => covers(prefix, client))
}

function networkOf({ networks }: RuleSet, client: Address): NetworkRules | undefined {
  return networks
    .flatMap(network => network.prefixes.map(prefix => ({ network, prefix })))
    .filter(({ prefix }) => covers(prefix, client))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0]?.network
}

/** IPv6 prefixes shorter than the mapped range do not cover IPv4. */
function covers({ address, length }: Prefix, expected: Address): boolean {
  const mapped =
    Buffer.from(expected).subarray(0, 12).toString('hex') === '00000000000000000000ffff'
  if (mapped && length < 96) return false
  return bits(address).slice(0, length) === bits(expected).slice(0, length)
}

function bits(address: Address): string {
  return [...address].map(octet => octet.toString(2).padStart(8, '0')).join('')
}

/** How many octets of the name the pattern matches; -1: it does not match. */
function matchLength(octets: Uint8Array, cover: number, expected: Uint8Array): number {
  for (let at = 0; ; at += 1 + expected[at]!) {
    if (Buffer.compare(octets, expected.subarray(at)) === 0) {
      const fits = at === 0 ? cover !== COVER.below : cover !== COVER.exact
      return fits ? octets.length : -1
    }
    if (expected[at] === 0) return -1
  }
}

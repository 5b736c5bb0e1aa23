import { readAddress, type Address, type Prefix } from '../../src/base/address.js'
import { TIER } from '../../src/policy/snapshot.js'
import {
  COVER,
  type NameSource,
  type NetworkRules,
  type Rule,
  type RuleSet
} from '../../src/rules/types.js'
import type { Said } from './asking.js'
import { wire, type WrittenSource } from './rule-set.js'

/**
 * The policy of a rule set by plain loops over it: no tables, no hashes. What the compiled one
 * must agree with.
 */
export class NaivePolicy {
  constructor(readonly rules: RuleSet) {}

  ask(name: string, client: string, now = 0): Said {
    const wanted = wire(name.toLowerCase())
    return this.#decide(client, now, ({ names }) =>
      Math.max(-1, ...names.map(({ octets, cover }) => matchLength(octets, cover, wanted)))
    )
  }

  askAddress(address: string, client: string, now = 0): Said {
    const wanted = readAddress(address)
    return this.#decide(client, now, ({ prefixes }) =>
      Math.max(-1, ...prefixes.filter(p => covers(p.prefix, wanted)).map(p => p.prefix.length))
    )
  }

  /** @param match length of the longest match in a source; -1: none */
  #decide(client: string, now: number, match: (source: WrittenSource) => number): Said {
    const address = readAddress(client)
    const network = networkOf(this.rules, address)
    const claims = (network?.rules ?? [])
      .filter(rule => appliesTo(rule, address) && rule.from <= now && now < rule.until)
      .flatMap(rule => rule.sources.map(source => ({ rule, source, tier: tierOf(rule, source) })))
      .map(claim => ({ ...claim, length: match(claim.source as WrittenSource) }))
      .filter(({ length }) => length >= 0)
    const lifted = claims.filter(({ tier }) => tier === TIER.lift).map(({ source }) => source)
    const speakers = claims
      .filter(({ tier, source }) => tier !== TIER.ban || !lifted.includes(source))
      .sort((a, b) => a.tier - b.tier || b.length - a.length)
    const decider = speakers.findIndex(({ rule }) => !isMonitored(rule))
    const monitored = speakers.slice(0, decider < 0 ? undefined : decider)
    return { decides: speakers[decider]?.rule.id ?? '', monitors: monitored[0]?.rule.id ?? '' }
  }
}

/** An exception through an app or list only takes that app's or list's bans away. */
function tierOf(rule: Rule, { kind }: NameSource): number {
  return rule.kind === 'exception' && kind !== 'inline' ? TIER.lift : TIER[rule.kind]
}

function isMonitored(rule: Rule): boolean {
  return 'mode' in rule && rule.mode === 'monitor'
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
function covers({ address, length }: Prefix, wanted: Address): boolean {
  const mapped = Buffer.from(wanted).subarray(0, 12).toString('hex') === '00000000000000000000ffff'
  if (mapped && length < 96) return false
  return bits(address).slice(0, length) === bits(wanted).slice(0, length)
}

function bits(address: Address): string {
  return [...address].map(octet => octet.toString(2).padStart(8, '0')).join('')
}

/** How many octets of the name the pattern matches; -1: it does not match. */
function matchLength(octets: Uint8Array, cover: number, wanted: Uint8Array): number {
  for (let at = 0; ; at += 1 + wanted[at]!) {
    if (Buffer.compare(octets, wanted.subarray(at)) === 0) {
      const fits = at === 0 ? cover !== COVER.below : cover !== COVER.exact
      return fits ? octets.length : -1
    }
    if (wanted[at] === 0) return -1
  }
}

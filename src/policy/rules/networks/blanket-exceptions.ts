import { showPrefix } from '../../../base/values/address.js'
import type { Seconds } from '../../../base/units.js'
import type { Location } from '../model/location.js'
import { COVER, type NameSource, type NetworkRules, type Rule } from '../model/types.js'
import type { RuleException } from '../model/types.js'
import type { ExceptionEntry, NetworkEntry } from '../schema/networks-schema.js'
import {
  exceptionCoverage,
  familyOf,
  NEARLY_ALL,
  type Coverage,
  type Family
} from './exception-coverage.js'

/** Shortest prefix that an exception may lift: /8 (IPv4) and /16 (IPv6), in bits of 16 octets. */
const MIN_PREFIX_BITS: Readonly<Record<Family, number>> = { IPv4: 96 + 8, IPv6: 16 }

/** Ids of exceptions that a message lists. */
const MAX_LISTED = 3

const RESTRICT_TO = 'the prefixes of some of its clients, or to =names only'

/**
 * Rejects exceptions that would lift a ban for every client of a network, or nearly all of them, alone or
 * together. That would not be an exception but the end of the ban, which only its authority decides. An
 * exception is restricted to clients by prefixes; one for a whole network may lift only single names
 * (`=name`), and not all the names of an app or list. Warns of those that cover more than a share.
 *
 * @param own the rules of each network; its exceptions come first, in order
 * @param served networks with prefixes, and all their rules
 * @param holders the networks among them that have each exception
 * @param location of `networks`
 * @param maxShare in percent
 * @param now for the warnings only: valid rules stay valid
 */
export function checkBlanketExceptions(
  networks: readonly (readonly [id: string, entry: NetworkEntry])[],
  own: ReadonlyMap<string, readonly Rule[]>,
  served: readonly NetworkRules[],
  holders: ReadonlyMap<Rule, readonly NetworkRules[]>,
  location: Location,
  maxShare: number,
  now: Seconds
): void {
  if (networks.every(([, { exceptions }]) => exceptions.length === 0)) return
  const lifting = networks.flatMap(([id, { exceptions }]) =>
    exceptions.flatMap((entry, i) => (hasExactNamesOnly(entry) ? [] : [own.get(id)![i]!]))
  )
  const liftingRules = new Set<Rule>(lifting)
  const coverage = exceptionCoverage(served, liftingRules)
  const wholes = describe(coverage.filter(({ share }) => share > NEARLY_ALL))
  const parts = coverage.filter(({ rule, share, until }) => {
    const isPart = share > maxShare / 100 && share <= NEARLY_ALL && until > now
    return isPart && liftingRules.has(rule)
  })
  const widest = new Map(parts.sort((a, b) => a.share - b.share).map(it => [it.rule, it]))
  for (const [id, { exceptions }] of networks) {
    for (const [i, entry] of exceptions.entries()) {
      const at = location.at(id, 'exceptions', i)
      const rule = own.get(id)![i] as RuleException
      const whole = entry.prefixes === undefined ? `all of ${id}` : wholes.get(rule)
      checkAddresses(entry, at)
      if (whole === undefined) {
        const part = widest.get(rule)
        if (part !== undefined) warnAboutShare(at.at('prefixes'), part, maxShare)
        continue
      }
      if (hasExactNamesOnly(entry)) checkWholeSource(rule, holders.get(rule) ?? [], at)
      else reportBlanket(entry.prefixes === undefined ? at : at.at('prefixes'), whole, RESTRICT_TO)
    }
  }
}

/** What each exception covers, together with which others. */
function describe(coverage: readonly Coverage[]): ReadonlyMap<RuleException, string> {
  // Of an exception that suffices alone, no others are named.
  const fewestLast = coverage.toSorted((a, b) => b.others.length - a.others.length)
  return new Map(
    fewestLast.map(({ rule, others, covered }) => {
      const ids = others.map(({ id }) => id).join(', ')
      return [rule, others.length === 0 ? covered : `${covered}, together with ${ids}`]
    })
  )
}

function warnAboutShare(at: Location, { covered, others }: Coverage, maxShare: number): void {
  const shown = others.slice(0, MAX_LISTED).map(({ id }) => id)
  const hasMore = others.length > MAX_LISTED
  at.warn('RULES_EXCEPTION_SHARE', at.pathText, covered, shown, hasMore, maxShare)
}

function hasExactNamesOnly({ apps, vendors, lists, addresses, names }: ExceptionEntry): boolean {
  const others = apps.length + vendors.length + lists.length + addresses.length
  return others === 0 && names.every(({ cover }) => cover === 'exact')
}

/** Rejects single names that are all the names of a banned source. */
function checkWholeSource(
  rule: RuleException,
  holders: readonly NetworkRules[],
  location: Location
): void {
  const names = new Set(rule.sources.flatMap(exactNames))
  const banned = holders
    .flatMap(({ rules }) => rules.filter(({ kind }) => kind === 'ban'))
    .flatMap(({ sources }) => sources)
  const whole = banned.find(source => consistsOf(source, names))
  if (whole !== undefined)
    reportBlanket(location.at('names'), `every name of ${whole.title}`, RESTRICT_TO)
}

/** Whether all names of a source are among these exact names. */
function consistsOf(source: NameSource, names: ReadonlySet<string>): boolean {
  if (source.bounds.names === 0 || source.bounds.names > names.size) return false
  return exactNames(source).every(name => names.has(name))
}

/** The exact names of a source; an empty string for each other name or prefix. */
function exactNames(source: NameSource): string[] {
  const found: string[] = []
  source.writeTo({
    name: (octets, at, length, cover) => {
      const name = Buffer.from(octets.subarray(at, at + length)).toString('latin1')
      found.push(cover === COVER.exact ? name : '')
    },
    prefix: () => found.push('')
  })
  return found
}

function checkAddresses({ addresses }: ExceptionEntry, location: Location): void {
  for (const [i, prefix] of addresses.entries()) {
    if ('asn' in prefix) continue
    const family = familyOf(prefix)
    if (prefix.length >= MIN_PREFIX_BITS[family]) continue
    reportBlanket(
      location.at('addresses', i),
      showPrefix(prefix),
      '/8 or longer (IPv6: /16 or longer)'
    )
  }
}

function reportBlanket(at: Location, covered: string, expected: string): void {
  at.error('RULES_BLANKET', at.pathText, covered, expected)
}

import { splitAddressSpace } from '../../../base/values/address-ranges.js'
import { isMapped, showPrefix, type Prefix } from '../../../base/values/address.js'
import type { Location } from '../model/location.js'
import { COVER, type NameSource, type NetworkRules, type Rule } from '../model/types.js'
import type { RuleException } from '../model/types.js'
import type { ExceptionEntry, NetworkEntry } from '../schema/networks-schema.js'

/** Shortest prefix that an exception may lift: /8 (IPv4) and /16 (IPv6), in bits of 16 octets. */
const MIN_PREFIX_BITS = { IPv4: 96 + 8, IPv6: 16 } as const
type Family = keyof typeof MIN_PREFIX_BITS

const RESTRICT_TO = 'the prefixes of some of its clients, or to =names only'

/**
 * Rejects exceptions that would lift a ban for every client of a network, alone or together. That
 * would not be an exception but the end of the ban, which only its authority decides. An exception
 * is restricted to clients by prefixes; one for a whole network may lift only single names
 * (`=name`), and not all the names of an app or list.
 *
 * @param own the rules of each network; its exceptions come first, in order
 * @param served networks with prefixes, and all their rules
 * @param holders the networks among them that have each exception
 * @param location of `networks`
 */
export function checkBlanketExceptions(
  networks: readonly (readonly [id: string, entry: NetworkEntry])[],
  own: ReadonlyMap<string, readonly Rule[]>,
  served: readonly NetworkRules[],
  holders: ReadonlyMap<Rule, readonly NetworkRules[]>,
  location: Location
): void {
  if (networks.every(([, { exceptions }]) => exceptions.length === 0)) return
  const lifting = networks.flatMap(([id, { exceptions }]) =>
    exceptions.flatMap((entry, i) => (hasExactNamesOnly(entry) ? [] : [own.get(id)![i]!]))
  )
  const wholes = findFullCoverage(served, new Set(lifting))
  for (const [id, { exceptions }] of networks) {
    for (const [i, entry] of exceptions.entries()) {
      const at = location.at(id, 'exceptions', i)
      const rule = own.get(id)![i] as RuleException
      const whole = entry.prefixes === undefined ? `all of ${id}` : wholes.get(rule)
      checkAddresses(entry, at)
      if (whole === undefined) continue
      if (hasExactNamesOnly(entry)) checkWholeSource(rule, holders.get(rule) ?? [], at)
      else reportBlanket(entry.prefixes === undefined ? at : at.at('prefixes'), whole, RESTRICT_TO)
    }
  }
}

/** Exceptions that cover all IPv4 or all IPv6 addresses of a network, and a description of these. */
function findFullCoverage(
  served: readonly NetworkRules[],
  lifting: ReadonlySet<Rule>
): ReadonlyMap<RuleException, string> {
  const wholes = new Map<RuleException, string>()
  for (const family of ['IPv4', 'IPv6'] as const) {
    for (const [network, stretches] of rangesOf(served, family).entries()) {
      const all = `all ${family} addresses of ${served[network]!.id}`
      const here = new Set(stretches.flatMap(stretch => [...stretch]))
      const whole = [...here].filter(rule => stretches.every(stretch => stretch.has(rule)))
      for (const rule of whole) wholes.set(rule, all)
      const some = [...here].filter(rule => lifting.has(rule) && !wholes.has(rule))
      for (const [last, others] of jointlyCovering(some, stretches)) {
        wholes.set(last, `${all}, together with ${others.map(({ id }) => id).join(', ')}`)
      }
    }
  }
  return wholes
}

/**
 * Exceptions that lift the same ban at the same time, and together cover a whole network: the last
 * of them, and the others.
 */
function jointlyCovering(
  rules: readonly RuleException[],
  stretches: readonly ReadonlySet<RuleException>[]
): [last: RuleException, others: readonly RuleException[]][] {
  const opening = new Map<string, RuleException[]>()
  for (const rule of rules) {
    for (const what of liftedTargets(rule)) opening.set(what, [...(opening.get(what) ?? []), rule])
  }
  return [...opening.values()].flatMap(same => {
    // The largest set of active exceptions exists when one of them has just begun.
    const atOnce = same.map(({ from }) => same.filter(it => it.from <= from && from < it.until))
    const found = atOnce.find(group => {
      return group.length > 1 && stretches.every(stretch => group.some(rule => stretch.has(rule)))
    })
    return found === undefined ? [] : [[found.at(-1)!, found.slice(0, -1)]]
  })
}

/** What an exception lifts: ids of apps and lists, and each inline name. */
function liftedTargets({ sources }: RuleException): ReadonlySet<string> {
  return new Set(
    sources.flatMap(it => (it.kind === 'inline' ? namesOf(it) : [`${it.kind} ${it.id}`]))
  )
}

function namesOf(source: NameSource): string[] {
  const found: string[] = []
  source.writeTo({
    name: (octets, at, length, cover) =>
      void found.push(
        `${cover} ${Buffer.from(octets.subarray(at, at + length)).toString('latin1')}`
      ),
    prefix: prefix => void found.push(showPrefix(prefix))
  })
  return found
}

/** For each network, which exceptions with prefixes cover each range of its addresses. */
function rangesOf(served: readonly NetworkRules[], family: Family): Set<RuleException>[][] {
  const exceptions = served.map(({ rules }) => rules.filter(hasPrefixes))
  const subjects = [...served, ...new Set(exceptions.flat())]
  const prefixes = subjects.flatMap(({ prefixes }) => prefixes)
  const subjectOf = subjects.flatMap((subject, i) => subject.prefixes.map(() => i))
  const indices = [...prefixes.keys()].filter(index => familyOf(prefixes[index]!) === family)
  const covered = served.map((): Set<RuleException>[] => [])
  for (const { covering } of splitAddressSpace(prefixes, indices, family === 'IPv4' ? 32 : 128)) {
    const found = covering.map(index => subjectOf[index]!)
    const network = found.find(subject => subject < served.length)
    if (network === undefined) continue
    const here = new Set(found.map(subject => subjects[subject]))
    covered[network]!.push(new Set(exceptions[network]!.filter(rule => here.has(rule))))
  }
  return covered
}

function hasPrefixes(rule: Rule): rule is RuleException {
  return rule.kind === 'exception' && rule.prefixes.length > 0
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

function familyOf({ address, length }: Prefix): Family {
  return isMapped(address) && length >= 96 ? 'IPv4' : 'IPv6'
}

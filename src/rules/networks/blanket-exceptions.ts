import { splitAddressSpace } from '../../base/address-ranges.js'
import { isMapped, showPrefix, type Prefix } from '../../base/address.js'
import type { Location } from '../model/location.js'
import { COVER, type NameSource, type NetworkRules, type Rule } from '../model/types.js'
import type { RuleException } from '../model/types.js'
import type { ExceptionEntry, NetworksFile } from '../schema/networks-schema.js'

/** Bits of the shortest prefixes that an exception may open, as 16 octets count them. */
const MIN_PREFIX_BITS = { IPv4: 96 + 8, IPv6: 16 } as const
type Family = keyof typeof MIN_PREFIX_BITS

const RESTRICT_TO = 'the prefixes of some of its clients, or to =names only'

/**
 * Refuses exceptions that would lift a ban for everybody in a network, alone or together: that is not to make an
 * exception but to end the ban, which only its authority does. Whoever is meant is said by
 * prefixes; an exception for all of a network opens single names (`=name`) and nothing else, and
 * not all that an app or list has.
 *
 * @param own the rules of each network: first its exceptions, in order
 * @param served networks with prefixes, and all rules that hold there
 * @param place of `networks`
 */
export function checkBlanketExceptions(
  { networks }: NetworksFile,
  own: ReadonlyMap<string, readonly Rule[]>,
  served: readonly NetworkRules[],
  place: Location
): void {
  const lifting = Object.entries(networks).flatMap(([id, { exceptions }]) =>
    exceptions.flatMap((entry, i) => (hasExactNamesOnly(entry) ? [] : [own.get(id)![i]!]))
  )
  const wholes = findFullCoverage(served, new Set(lifting))
  for (const [id, { exceptions }] of Object.entries(networks)) {
    for (const [i, entry] of exceptions.entries()) {
      const at = place.at(id, 'exceptions', i)
      const rule = own.get(id)![i] as RuleException
      const whole = entry.prefixes === undefined ? `all of ${id}` : wholes.get(rule)
      checkAddresses(entry, at)
      if (whole === undefined) continue
      if (hasExactNamesOnly(entry)) checkWholeSource(rule, served, at)
      else reportBlanket(entry.prefixes === undefined ? at : at.at('prefixes'), whole, RESTRICT_TO)
    }
  }
}

/** Exceptions that cover all IPv4 or all IPv6 addresses of a network that has them, and which. */
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
 * Exceptions that lift the same ban at the same time, and together cover all that there is of a
 * network: the last of them, and the others.
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
    // Whenever most of them hold, one of them has just begun.
    const atOnce = same.map(({ from }) => same.filter(it => it.from <= from && from < it.until))
    const found = atOnce.find(group => {
      return group.length > 1 && stretches.every(stretch => group.some(rule => stretch.has(rule)))
    })
    return found === undefined ? [] : [[found.at(-1)!, found.slice(0, -1)]]
  })
}

/** What an exception opens: apps and lists by their ids, and each name that it spells out. */
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

/** For each network, the exceptions with prefixes that cover each stretch of its addresses. */
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

/** Single names may be all that an app has. */
function checkWholeSource(rule: RuleException, served: readonly NetworkRules[], place: Location) {
  const names = new Set(rule.sources.flatMap(exactNames))
  const banned = served
    .filter(({ rules }) => rules.includes(rule))
    .flatMap(({ rules }) => rules.filter(({ kind }) => kind === 'ban'))
    .flatMap(({ sources }) => sources)
  const whole = banned.find(source => consistsOf(source, names))
  if (whole !== undefined)
    reportBlanket(place.at('names'), `every name of ${whole.title}`, RESTRICT_TO)
}

/** Whether all that a source has are these single names. */
function consistsOf(source: NameSource, names: ReadonlySet<string>): boolean {
  if (source.bounds.names === 0 || source.bounds.names > names.size) return false
  return exactNames(source).every(name => names.has(name))
}

/** What a source pours, as texts that are equal where both are the same single name. */
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

function checkAddresses({ addresses }: ExceptionEntry, place: Location): void {
  for (const [i, prefix] of addresses.entries()) {
    const family = familyOf(prefix)
    if (prefix.length >= MIN_PREFIX_BITS[family]) continue
    reportBlanket(
      place.at('addresses', i),
      showPrefix(prefix),
      '/8 or longer (IPv6: /16 or longer)'
    )
  }
}

function reportBlanket(at: Location, found: string, wanted: string): void {
  at.error('RULES_BLANKET', at.pathText, found, wanted)
}

function familyOf({ address, length }: Prefix): Family {
  return isMapped(address) && length >= 96 ? 'IPv4' : 'IPv6'
}

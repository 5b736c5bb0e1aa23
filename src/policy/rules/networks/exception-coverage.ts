import { splitAddressSpace } from '../../../base/values/address-ranges.js'
import { isMapped, showPrefix, type Prefix } from '../../../base/values/address.js'
import type { Seconds } from '../../../base/units.js'
import type { NameSource, NetworkRules, Rule, RuleException } from '../model/types.js'

export type Family = 'IPv4' | 'IPv6'

/** Share of a network above which the addresses that are left out make no difference. */
export const NEARLY_ALL = 0.9

/** A range of addresses of a network, and the exceptions that cover it. */
interface CoveredRange {
  readonly size: number
  readonly rules: readonly RuleException[]
}

/** Exceptions that lift the same at the same time, and which part of a network they cover. */
export interface Coverage {
  /** The last of them, in the order of the file. */
  readonly rule: RuleException
  readonly others: readonly RuleException[]
  /** From 0 to 1. */
  readonly share: number
  /** `all IPv4 addresses of office`, `99.99% of the IPv4 addresses of office` */
  readonly covered: string
  /** When the first of them ends. */
  readonly until: Seconds
}

/**
 * The part of each network that each exception covers, alone and together with others for the same app,
 * list or name. Addresses that belong to another, more specific network do not count.
 *
 * @param lifting exceptions that count together with others
 */
export function exceptionCoverage(
  served: readonly NetworkRules[],
  lifting: ReadonlySet<Rule>
): Coverage[] {
  return (['IPv4', 'IPv6'] as const).flatMap(family =>
    rangesOf(served, family).flatMap((ranges, i) => {
      const { id, rules } = served[i]!
      const network = new NetworkCoverage(ranges, `${family} addresses of ${id}`)
      const alone = rules.filter(hasPrefixes).map(rule => network.of([rule]))
      const some = alone.filter(({ rule, share }) => {
        return share > 0 && share <= NEARLY_ALL && lifting.has(rule)
      })
      const groups = together(some.map(({ rule }) => rule))
      return [...alone, ...groups.map(group => network.of(group))]
    })
  )
}

class NetworkCoverage {
  private readonly size: number
  private readonly covered: readonly CoveredRange[]
  /** True if each address is covered by some exception. */
  private readonly isWhole: boolean
  /** The ranges of each exception, by index in `covered`. */
  private readonly rangesOf = new Map<RuleException, number[]>()

  constructor(
    ranges: readonly CoveredRange[],
    private readonly what: string
  ) {
    this.size = ranges.reduce((sum, { size }) => sum + size, 0)
    this.covered = ranges.filter(({ rules }) => rules.length > 0)
    this.isWhole = this.covered.length === ranges.length
    for (const [i, { rules }] of this.covered.entries()) {
      for (const rule of rules) {
        const known = this.rangesOf.get(rule)
        if (known === undefined) this.rangesOf.set(rule, [i])
        else known.push(i)
      }
    }
  }

  of(group: readonly RuleException[]): Coverage {
    const open = new Set(group.flatMap(rule => this.rangesOf.get(rule) ?? []))
    let size = 0
    for (const i of open) size += this.covered[i]!.size
    const share = this.size === 0 ? 0 : size / this.size
    const isAll = this.isWhole && open.size === this.covered.length
    return {
      rule: group.at(-1)!,
      others: group.slice(0, -1),
      share,
      covered: `${isAll ? 'all' : `${Math.floor(share * 10_000) / 100}% of the`} ${this.what}`,
      until: Math.min(...group.map(({ until }) => until))
    }
  }
}

/** The exceptions, two or more, that lift the same at some moment. */
function together(rules: readonly RuleException[]): (readonly RuleException[])[] {
  const opening = new Map<string, RuleException[]>()
  for (const rule of rules) {
    for (const what of liftedTargets(rule)) {
      const known = opening.get(what)
      if (known === undefined) opening.set(what, [rule])
      else known.push(rule)
    }
  }
  const groups = new Map<string, readonly RuleException[]>()
  for (const same of opening.values()) {
    // The largest set of active exceptions exists when one of them has just begun.
    for (const at of new Set(same.map(({ from }) => from))) {
      const group = same.filter(({ from, until }) => from <= at && at < until)
      if (group.length > 1) groups.set(group.map(({ id }) => id).join('\0'), group)
    }
  }
  return [...groups.values()]
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
function rangesOf(served: readonly NetworkRules[], family: Family): CoveredRange[][] {
  const exceptions = served.map(({ rules }) => rules.filter(hasPrefixes))
  const subjects = [...served, ...new Set(exceptions.flat())]
  const prefixes = subjects.flatMap(({ prefixes }) => prefixes)
  const subjectOf = subjects.flatMap((subject, i) => subject.prefixes.map(() => i))
  const indices = [...prefixes.keys()].filter(index => familyOf(prefixes[index]!) === family)
  const bits = family === 'IPv4' ? 32 : 128
  const ranges = splitAddressSpace(prefixes, indices, bits)
  const own = exceptions.map(rules => new Set<unknown>(rules))
  const covered = served.map((): CoveredRange[] => [])
  for (const [i, { start, covering }] of ranges.entries()) {
    const found = covering.map(index => subjectOf[index]!)
    const network = found.find(subject => subject < served.length)
    if (network === undefined) continue
    const size = Number(ranges[i + 1]?.start ?? 2 ** bits) - Number(start)
    const here = new Set(found.map(subject => subjects[subject]))
    const rules = [...here].filter((it): it is RuleException => own[network]!.has(it))
    covered[network]!.push({ size, rules })
  }
  return covered
}

function hasPrefixes(rule: Rule): rule is RuleException {
  return rule.kind === 'exception' && rule.prefixes.length > 0
}

export function familyOf({ address, length }: Prefix): Family {
  return isMapped(address) && length >= 96 ? 'IPv4' : 'IPv6'
}

import type { Prefix } from '../../base/values/address.js'
import { compilePrefixes, type PrefixTableBuffers } from '../../base/values/prefix-table.js'
import type { NameSource, NetworkRules, Rule } from '../rules/model/types.js'

/** See `ClientTable`: clients to whom the same rules of one network apply. */
export interface ClientClass {
  /** Index in the rule set's networks; -1: in no network. */
  readonly network: number
  readonly rules: readonly Rule[]
  /** Parts of lists that do not apply to these clients, whichever rule uses the list. */
  readonly excluded: ReadonlySet<NameSource>
}

/** An exception or a part of a list that applies to some clients of a network only. */
interface Scoped {
  readonly subject: Rule | NameSource
  readonly prefixes: readonly Prefix[]
}

/**
 * Divides the address space into client classes: by the network whose prefix is the longest over
 * all networks, and by those exceptions and list parts of that network whose own prefixes contain
 * the client. Class 0 is "in no network".
 *
 * @param identified ids of networks in which clients at any address can be
 */
export function buildClientClasses(
  networks: readonly NetworkRules[],
  identified: ReadonlySet<string> = new Set()
): {
  classes: readonly ClientClass[]
  prefixes: PrefixTableBuffers
  /** For each network of `identified`, by its index: the class of clients at any address. */
  identityClasses: ReadonlyMap<number, number | PrefixTableBuffers>
} {
  const scopedIn = networks.map(({ rules }) => scopedOf(rules))
  const scoped = [...new Map(scopedIn.flat().map(it => [it.subject, it])).values()]
  const all = [...networks, ...scoped].flatMap(({ prefixes }) => prefixes)
  const networkOf = networks.flatMap(({ prefixes }, network) => prefixes.map(() => network))
  const subjectOf = scoped.flatMap(({ prefixes, subject }) => prefixes.map(() => subject))
  const classes: ClientClass[] = [{ network: -1, rules: [], excluded: new Set() }]
  const known = new Map<string | number, number>()

  const classOf = (
    network: number,
    covered: ReadonlySet<Rule | NameSource | undefined>
  ): number => {
    const missing = new Set<Rule | NameSource>()
    for (const { subject } of scopedIn[network]!) if (!covered.has(subject)) missing.add(subject)
    const key = missing.size === 0 ? network : `${network}\n${[...missing].map(keyOf).join('\n')}`
    const clientClass = known.get(key) ?? classes.length
    if (clientClass === classes.length) {
      const { rules: all } = networks[network]!
      const rules = missing.size === 0 ? all : all.filter(rule => !missing.has(rule))
      const excluded = new Set([...missing].filter(isSource))
      classes.push({ network, rules, excluded })
      known.set(key, clientClass)
    }
    return clientClass
  }
  const prefixes = compilePrefixes(all, covering => {
    const network = networkOf[covering.find(index => index < networkOf.length) ?? -1]
    if (network === undefined) return 0
    if (scopedIn[network]!.length === 0) return classOf(network, new Set())
    return classOf(network, new Set(covering.map(index => subjectOf[index - networkOf.length])))
  })
  const identityClasses = new Map<number, number | PrefixTableBuffers>()
  for (const [network, { id }] of networks.entries()) {
    if (!identified.has(id)) continue
    const own = scopedIn[network]!.flatMap(({ prefixes, subject }) =>
      prefixes.map(prefix => ({ prefix, subject }))
    )
    const classOfRange = (covering: readonly number[]): number =>
      classOf(network, new Set(covering.map(index => own[index]!.subject)))
    const table = (): PrefixTableBuffers =>
      compilePrefixes(
        own.map(({ prefix }) => prefix),
        classOfRange
      )
    identityClasses.set(network, own.length === 0 ? classOfRange([]) : table())
  }
  return { classes, prefixes, identityClasses }
}

function isSource(subject: Rule | NameSource): subject is NameSource {
  return 'writeTo' in subject
}

function keyOf(subject: Rule | NameSource): string {
  return `${isSource(subject) ? 'source' : 'rule'} ${subject.id}`
}

function scopedOf(rules: readonly Rule[]): Scoped[] {
  const found = new Map<Rule | NameSource, readonly Prefix[]>()
  for (const rule of rules) {
    if (rule.kind === 'exception' && rule.prefixes.length > 0) found.set(rule, rule.prefixes)
    for (const source of rule.sources)
      if (source.part?.prefixes !== undefined) found.set(source, source.part.prefixes)
  }
  return [...found].map(([subject, prefixes]) => ({ subject, prefixes }))
}

import type { Prefix } from '../../base/address.js'
import { compilePrefixes, type PrefixTableBuffers } from '../../base/prefix-table.js'
import type { NameSource, NetworkRules, Rule } from '../../rules/model/types.js'

/** Clients with the same network, exceptions and parts of lists, hence with the same rules. */
export interface ClientClass {
  /** Index in the rule set's networks; -1: in no network. */
  readonly network: number
  readonly rules: readonly Rule[]
  /** Parts of lists that are not for these clients, whichever rule is on them. */
  readonly without: ReadonlySet<NameSource>
}

/** What is only for some clients of a network: an exception, or a part of a list. */
interface Narrow {
  readonly what: Rule | NameSource
  readonly prefixes: readonly Prefix[]
}

/**
 * Cuts the address space into client classes: the network with the longest prefix over all
 * networks, and those exceptions and parts of lists in it whose own prefixes cover the client.
 * Class 0 is "in no network".
 */
export function compileClasses(networks: readonly NetworkRules[]): {
  classes: readonly ClientClass[]
  clients: PrefixTableBuffers
} {
  const optional = networks.map(({ rules }) => narrowsIn(rules))
  const narrows = [...new Map(optional.flat().map(it => [it.what, it])).values()]
  const prefixes = [...networks, ...narrows].flatMap(({ prefixes }) => prefixes)
  const networkOf = networks.flatMap(({ prefixes }, network) => prefixes.map(() => network))
  const narrowOf = narrows.flatMap(({ prefixes, what }) => prefixes.map(() => what))
  const classes: ClientClass[] = [{ network: -1, rules: [], without: new Set() }]
  const known = new Map<string, number>()

  const clients = compilePrefixes(prefixes, covering => {
    const network = networkOf[covering.find(index => index < networkOf.length) ?? -1]
    if (network === undefined) return 0
    const covered = new Set(covering.map(index => narrowOf[index - networkOf.length]))
    const missing = new Set(
      optional[network]!.map(({ what }) => what).filter(what => !covered.has(what))
    )
    const key = `${network}\n${[...missing].map(keyOf).join('\n')}`
    const clientClass = known.get(key) ?? classes.length
    if (clientClass === classes.length) {
      const rules = networks[network]!.rules.filter(rule => !missing.has(rule))
      const without = new Set([...missing].filter(what => 'pour' in what))
      classes.push({ network, rules, without })
      known.set(key, clientClass)
    }
    return clientClass
  })
  return { classes, clients }
}

function keyOf(what: Narrow['what']): string {
  return `${'pour' in what ? 'source' : 'rule'} ${what.id}`
}

function narrowsIn(rules: readonly Rule[]): Narrow[] {
  const exceptions = rules.flatMap((rule): Narrow[] =>
    rule.kind === 'exception' && rule.prefixes.length > 0
      ? [{ what: rule, prefixes: rule.prefixes }]
      : []
  )
  const sources = new Set(rules.flatMap(({ sources }) => sources))
  const parts = [...sources].flatMap((source): Narrow[] => {
    const prefixes = source.part?.prefixes
    return prefixes === undefined ? [] : [{ what: source, prefixes }]
  })
  return [...exceptions, ...parts]
}

import type { Prefix } from '../../base/address.js'
import { compilePrefixes, type PrefixTableBuffers } from '../../base/prefix-table.js'
import type { NameSource, NetworkRules, Rule } from '../../rules/model/types.js'

/** Clients with the same network, exceptions and parts of lists, hence with the same rules. */
export interface ClientClass {
  /** Index in the rule set's networks; -1: in no network. */
  readonly network: number
  readonly rules: readonly Rule[]
  /** Parts of lists that are not for these clients, whichever rule is on them. */
  readonly excluded: ReadonlySet<NameSource>
}

/** What is only for some clients of a network: an exception, or a part of a list. */
interface ClientScoped {
  readonly subject: Rule | NameSource
  readonly prefixes: readonly Prefix[]
}

/**
 * Cuts the address space into client classes: the network with the longest prefix over all
 * networks, and those exceptions and parts of lists in it whose own prefixes cover the client.
 * Class 0 is "in no network".
 */
export function buildClientClasses(networks: readonly NetworkRules[]): {
  classes: readonly ClientClass[]
  clients: PrefixTableBuffers
} {
  const optional = networks.map(({ rules }) => clientScopedIn(rules))
  const narrows = [...new Map(optional.flat().map(it => [it.subject, it])).values()]
  const prefixes = [...networks, ...narrows].flatMap(({ prefixes }) => prefixes)
  const networkOf = networks.flatMap(({ prefixes }, network) => prefixes.map(() => network))
  const narrowOf = narrows.flatMap(({ prefixes, subject: what }) => prefixes.map(() => what))
  const classes: ClientClass[] = [{ network: -1, rules: [], excluded: new Set() }]
  const known = new Map<string, number>()

  const clients = compilePrefixes(prefixes, covering => {
    const network = networkOf[covering.find(index => index < networkOf.length) ?? -1]
    if (network === undefined) return 0
    const covered = new Set(covering.map(index => narrowOf[index - networkOf.length]))
    const missing = new Set(
      optional[network]!.map(({ subject: what }) => what).filter(what => !covered.has(what))
    )
    const key = `${network}\n${[...missing].map(keyOf).join('\n')}`
    const clientClass = known.get(key) ?? classes.length
    if (clientClass === classes.length) {
      const rules = networks[network]!.rules.filter(rule => !missing.has(rule))
      const without = new Set([...missing].filter(what => 'writeTo' in what))
      classes.push({ network, rules, excluded: without })
      known.set(key, clientClass)
    }
    return clientClass
  })
  return { classes, clients }
}

function keyOf(what: ClientScoped['subject']): string {
  return `${'writeTo' in what ? 'source' : 'rule'} ${what.id}`
}

function clientScopedIn(rules: readonly Rule[]): ClientScoped[] {
  const exceptions = rules.flatMap((rule): ClientScoped[] =>
    rule.kind === 'exception' && rule.prefixes.length > 0
      ? [{ subject: rule, prefixes: rule.prefixes }]
      : []
  )
  const sources = new Set(rules.flatMap(({ sources }) => sources))
  const parts = [...sources].flatMap((source): ClientScoped[] => {
    const prefixes = source.part?.prefixes
    return prefixes === undefined ? [] : [{ subject: source, prefixes }]
  })
  return [...exceptions, ...parts]
}

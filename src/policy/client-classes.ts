import { compilePrefixes, type PrefixTableBuffers } from '../network/prefix-table.js'
import type { NetworkRules, Rule, RuleException } from '../rules/types.js'

/** Clients with the same network and the same exceptions, hence with the same rules. */
export interface ClientClass {
  /** Index in the rule set's networks; -1: in no network. */
  readonly network: number
  readonly rules: readonly Rule[]
}

/**
 * Cuts the address space into client classes: the network with the longest prefix over all
 * networks, and those exceptions of it whose own prefixes cover the client. Class 0 is "in no
 * network".
 */
export function compileClasses(networks: readonly NetworkRules[]): {
  classes: readonly ClientClass[]
  clients: PrefixTableBuffers
} {
  const optional = networks.map(({ rules }) => rules.filter(needsPrefix))
  const exceptions = [...new Map(optional.flat().map(rule => [rule.id, rule])).values()]
  const prefixes = [...networks, ...exceptions].flatMap(({ prefixes }) => prefixes)
  const networkOf = networks.flatMap(({ prefixes }, network) => prefixes.map(() => network))
  const exceptionOf = exceptions.flatMap(({ prefixes, id }) => prefixes.map(() => id))
  const classes: ClientClass[] = [{ network: -1, rules: [] }]
  const known = new Map<string, number>()

  const clients = compilePrefixes(prefixes, covering => {
    const network = networkOf[covering.find(index => index < networkOf.length) ?? -1]
    if (network === undefined) return 0
    const covered = new Set(covering.map(index => exceptionOf[index - networkOf.length]))
    const missing = new Set(optional[network]!.filter(({ id }) => !covered.has(id)))
    const key = `${network}\n${[...missing].map(({ id }) => id).join('\n')}`
    const clientClass = known.get(key) ?? classes.length
    if (clientClass === classes.length) {
      const rules = networks[network]!.rules.filter(rule => !missing.has(rule as RuleException))
      classes.push({ network, rules })
      known.set(key, clientClass)
    }
    return clientClass
  })
  return { classes, clients }
}

function needsPrefix(rule: Rule): rule is RuleException {
  return rule.kind === 'exception' && rule.prefixes.length > 0
}

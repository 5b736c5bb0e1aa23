import { containsPrefix, readPrefix } from '../../base/values/address.js'
import type { MandateOrder } from '../../policy/rules/mandates/mandate-orders.js'
import type { NetworkRules, RuleSet, Term } from '../../policy/rules/model/types.js'

/** The networks in which an app or list is meant to be banned. */
export interface Scope {
  readonly networks: readonly string[]
  /** File and line. */
  readonly at: string
  /** The mandate that orders it; null: the rules declare it. */
  readonly mandate: string | null
}

type Order = Pick<MandateOrder, 'mandate' | 'apps' | 'networks' | 'prefixes' | 'file' | 'line'> &
  Term

/**
 * The declared scopes at a time, by app or list. What a mandate orders for an app replaces what the rules declare;
 * an app or list without either has no scope: nobody has said where it is meant to be banned.
 */
export function scopesAt(
  rules: Pick<RuleSet, 'networks' | 'scopes'>,
  orders: readonly Order[],
  at: number
): ReadonlyMap<string, Scope> {
  const found = new Map<string, Scope>()
  for (const { id, networks, position } of rules.scopes ?? [])
    found.set(id, { networks, at: `${position.file}:${position.line}`, mandate: null })
  for (const order of orders) {
    if (at < order.from || order.until <= at) continue
    for (const app of order.apps) {
      const known = found.get(app)
      const others = known?.mandate == null ? [] : known.networks
      const networks = [...new Set([...others, ...networksOf(order, rules.networks)])]
      found.set(app, { networks, at: `${order.file}:${order.line}`, mandate: order.mandate })
    }
  }
  return found
}

/** The networks of an order, and those with some of its addresses. */
function networksOf(order: Order, all: readonly NetworkRules[]): string[] {
  const wanted = order.prefixes.map(readPrefix)
  const isMeant = ({ id, prefixes }: NetworkRules): boolean =>
    order.networks === 'all' ||
    order.networks.includes(id) ||
    wanted.some(one =>
      prefixes.some(other => containsPrefix(one, other) || containsPrefix(other, one))
    )
  return all.filter(isMeant).map(({ id }) => id)
}

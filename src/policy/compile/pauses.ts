import type { RuleSet } from '../../rules/model/types.js'
import type { Pause } from '../tables/snapshot.js'

/** The rules with these blocks paused. Only blocks: what an authority has banned stays banned. */
export function withPauses(rules: RuleSet, pauses: readonly Pause[]): RuleSet {
  if (pauses.length === 0) return rules
  const untilOf = new Map(pauses.map(({ rule, until }) => [rule, until]))
  return {
    ...rules,
    networks: rules.networks.map(network => ({
      ...network,
      rules: network.rules.map(rule => {
        const until = rule.kind === 'block' ? untilOf.get(rule.id) : undefined
        return until === undefined ? rule : { ...rule, from: Math.max(rule.from, until) }
      })
    }))
  }
}

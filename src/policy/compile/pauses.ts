import type { Rule, RuleSet } from '../rules/model/types.js'
import type { Pause } from '../tables/snapshot.js'

/** The rules with these blocks paused. Only blocks: what an authority has banned stays banned. */
export function withPauses(rules: RuleSet, pauses: readonly Pause[]): RuleSet {
  if (pauses.length === 0) return rules
  const untilOf = new Map(pauses.map(({ rule, until }) => [rule, until]))
  // Networks that extend another have its rules: each stays one object.
  const paused = new Map<Rule, Rule>()
  const pause = (rule: Rule): Rule => {
    const until = rule.kind === 'block' ? untilOf.get(rule.id) : undefined
    if (until === undefined) return rule
    const known = paused.get(rule) ?? { ...rule, from: Math.max(rule.from, until) }
    paused.set(rule, known)
    return known
  }
  return {
    ...rules,
    networks: rules.networks.map(network => ({ ...network, rules: network.rules.map(pause) }))
  }
}

import type { NameSource, Rule } from '../rules/model/types.js'
import { TIER } from '../tables/claim.js'

/** A rule applied to one of its sources, before it becomes a claim. */
export interface RuleOnSource {
  readonly rule: Rule
  readonly source: NameSource
  /** Its number among the sources of the rule. */
  readonly nth: number
  /** Step in the tier of the rule. */
  readonly step: number
  /** Of a new name of the catalogue; undefined: the term and mode of the rule. */
  readonly phase?: Phase
}

/** Before a name is enforced, a rule only monitors it. */
export type Phase = 'before' | 'after'

/**
 * Applies every rule to each of its sources, in order of evaluation: exceptions before the bans that
 * they remove, then by tier, and within a tier in the order of the network.
 *
 * A step takes precedence over the length of the match: a list that is a zone (RPZ) has steps of its
 * own, one for each trigger rank; all rules between two zones share one step.
 *
 * @param excluded sources that do not apply to these clients
 */
export function rulesOnSources(
  rules: readonly Rule[],
  excluded: ReadonlySet<NameSource>
): RuleOnSource[] {
  const steps = {
    ban: new StepCounter(),
    exception: new StepCounter(),
    record: new StepCounter(),
    allow: new StepCounter(),
    block: new StepCounter()
  }
  const found: RuleOnSource[] = []
  for (const rule of isSorted(rules) ? rules : rules.toSorted(compareTiers)) {
    for (let nth = 0; nth < rule.sources.length; nth++) {
      const source = rule.sources[nth]!
      const step = steps[rule.kind].next(rule, source)
      if (excluded.has(source) || isOverridden(rule, source)) continue
      if (isMonitoredFirst(rule, source))
        for (const phase of PHASES) found.push({ rule, source, nth, step, phase })
      else found.push({ rule, source, nth, step })
    }
  }
  return found
}

const PHASES: readonly Phase[] = ['before', 'after']

function isMonitoredFirst(rule: Rule, { monitoredUntil }: NameSource): boolean {
  return monitoredUntil !== undefined && 'mode' in rule && rule.mode === 'enforce'
}

function compareTiers(a: Rule, b: Rule): number {
  return TIER[a.kind] - TIER[b.kind]
}

/** Most networks have bans only, and there may be 100,000 of them. */
function isSorted(rules: readonly Rule[]): boolean {
  return rules.every((rule, i) => i === 0 || compareTiers(rules[i - 1]!, rule) <= 0)
}

/** Whether the action of the rule replaces the TCP-only policy to which this part belongs. */
function isOverridden(rule: Rule, { part }: NameSource): boolean {
  return part?.overTcp === true && 'reply' in rule && rule.reply.overrides === true
}

/** Numbers the steps of one tier. */
class StepCounter {
  private step = 0
  private triggerRank = ''

  /** The step of the source that comes next. */
  next(rule: Rule, { part }: NameSource): number {
    const isZone = part?.triggerRank !== undefined && (rule.kind === 'ban' || rule.kind === 'block')
    const triggerRank = isZone ? JSON.stringify([rule.id, part.list, part.triggerRank]) : ''
    if (triggerRank !== this.triggerRank) this.step++
    this.triggerRank = triggerRank
    return this.step
  }
}

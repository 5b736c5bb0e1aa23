import type { NameSource, Rule } from '../../rules/model/types.js'
import { TIER } from '../tables/claim.js'

/** A rule applied to one of its sources, before it becomes a claim. */
export interface RuleOnSource {
  readonly rule: Rule
  readonly source: NameSource
  /** Step in the tier of the rule. */
  readonly step: number
}

/**
 * Applies every rule to each of its sources, in order of evaluation: exceptions before the bans that
 * they remove, then by tier, and within a tier in the order of the network.
 *
 * A step takes precedence over the length of the match: a list that is a zone (RPZ) has steps of its
 * own, one for each stage; all rules between two zones share one step.
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
    allow: new StepCounter(),
    block: new StepCounter()
  }
  return rules
    .toSorted((a, b) => TIER[a.kind] - TIER[b.kind])
    .flatMap(rule =>
      rule.sources.map(source => ({ rule, source, step: steps[rule.kind].next(rule, source) }))
    )
    .filter(({ rule, source }) => !excluded.has(source) && !isOverridden(rule, source))
}

/** Whether the action of the rule replaces the TCP-only policy to which this part belongs. */
function isOverridden(rule: Rule, { part }: NameSource): boolean {
  return part?.overTcp === true && 'reply' in rule && rule.reply.overrides === true
}

/** Numbers the steps of one tier. */
class StepCounter {
  private step = 0
  private stage = ''

  /** The step of the source that comes next. */
  next(rule: Rule, { part }: NameSource): number {
    const isZone = part?.stage !== undefined && (rule.kind === 'ban' || rule.kind === 'block')
    const stage = isZone ? JSON.stringify([rule.id, part.list, part.stage]) : ''
    if (stage !== this.stage) this.step++
    this.stage = stage
    return this.step
  }
}

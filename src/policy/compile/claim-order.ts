import type { NameSource, Rule } from '../../rules/model/types.js'
import { TIER } from '../tables/snapshot.js'

/** A rule speaking through one of its sources, and its step in the tier of the rule. */
export interface RuleOnSource {
  readonly rule: Rule
  readonly source: NameSource
  readonly step: number
}

/**
 * What rules speak through, in the order in which one source's claims are heard: exceptions before
 * the bans that they take away, then by tier; in a tier as the network has them.
 *
 * Steps order what length does not: a list that is a zone has steps of its own, one for each stage,
 * and what stands between two zones has one together.
 *
 * @param without sources that are not for these clients
 */
export function claimsInOrder(
  rules: readonly Rule[],
  without: ReadonlySet<NameSource>
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
      rule.sources.map(source => ({ rule, source, step: steps[rule.kind].of(rule, source) }))
    )
    .filter(({ source }) => !without.has(source))
}

/** Numbers the steps of one tier. */
class StepCounter {
  private step = 0
  private stage = ''

  /** @param source of which those before it were told already */
  of(rule: Rule, { part }: NameSource): number {
    const zoned = part?.stage !== undefined && (rule.kind === 'ban' || rule.kind === 'block')
    const stage = zoned ? JSON.stringify([rule.id, part.list, part.stage]) : ''
    if (stage !== this.stage) this.step++
    this.stage = stage
    return this.step
  }
}

import type { InterdictError } from '../../../base/errors/error.js'
import type { Seconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import { mandatesSource } from '../../../gateway/compiler/rules-location.js'
import { evaluateMandates } from '../../../policy/rules/mandates/evaluate-mandates.js'
import { shortfallErrors } from '../../../policy/rules/mandates/shortfall-errors.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { readBaseline } from '../../../sources/mandates/mandate-baseline.js'
import { readMandates } from '../../../sources/mandates/read-mandates.js'
import type { MandateCounts } from '../../output/rules/check-text.js'

interface MandateFindings {
  readonly errors: readonly InterdictError[]
  readonly warnings: readonly InterdictError[]
  readonly counts: MandateCounts
}

/**
 * Compares rules with the mandates of the settings. What falls short now is an error, what will do so later a
 * warning.
 */
export async function checkMandates(
  rules: RuleSet,
  config: Config,
  now: Seconds
): Promise<MandateFindings> {
  const source = mandatesSource(config)
  if (source === undefined) return { errors: [], warnings: [], counts: { mandates: 0, unmet: 0 } }
  const { mandates, problems, warnings } = await readMandates(source, now)
  const { reach = {} } = readBaseline(source.store) ?? {}
  const { shortfalls } = evaluateMandates(mandates, rules, now, reach)
  const found = shortfallErrors(shortfalls)
  const open = found.filter(({ from }) => from <= now)
  const later = found.filter(({ from }) => from > now)
  // The state folder is the gateway's, and others may not be allowed to read it.
  const isOfState = ({ code }: InterdictError): boolean => code === 'MANDATE_STATE'
  return {
    errors: [...problems.filter(one => !isOfState(one)), ...open.map(({ error }) => error)],
    warnings: [...warnings, ...problems.filter(isOfState), ...later.map(({ error }) => error)],
    counts: {
      mandates: mandates.length,
      unmet: new Set(open.map(({ mandate }) => mandate)).size
    }
  }
}

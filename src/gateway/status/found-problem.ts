import type { Milliseconds } from '../../base/units.js'
import type { ProblemCode } from './problems.js'

/** A problem as a check finds it. */
export type FoundProblem = readonly [
  code: ProblemCode,
  message: string,
  subject?: string | undefined
]

/** A fleet is silent, or a gateway behind, for so long before that is a problem. */
export const FLEET_PATIENCE: Milliseconds = 300_000

export function firstError({
  errors,
  first
}: {
  errors: number
  first: readonly { message: string }[]
}) {
  const more = errors > 1 ? ` (and ${errors - 1} more)` : ''
  return `${first[0]?.message ?? 'no details'}${more}`
}

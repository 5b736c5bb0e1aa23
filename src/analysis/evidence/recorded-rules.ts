import type { Milliseconds } from '../../base/units.js'
import type { Content, Neighbours, Part, Run, Version } from './rule-timeline.js'

/** Workers adopt new rules at slightly different times, and lines of both are mixed for so long. */
export const MIXED: Milliseconds = 10_000

/** A change of what was in force, as the history of rules has it. */
export interface Activation {
  readonly at: Milliseconds
  /** First digits of the SHA-256, as in the log; '': nothing was in force from then on, or it is not known what. */
  readonly sha256: string
  readonly serial: number | null
  /** Whether the gateway had just started. */
  readonly isStart?: boolean
  /** Without a version: why it is not known; absent: the gateway was stopped. */
  readonly why?: string
}

/** A start is recorded when the gateway answers; lines may be a little earlier. */
const BEFORE_START: Milliseconds = 2_000

/** Times from which lines belong to another start of the gateway. */
export const startsOf = (activations: readonly Activation[]): readonly Milliseconds[] =>
  activations.flatMap(({ at, isStart }) => (isStart === true ? [at - BEFORE_START] : []))

/**
 * What the history of rules has for a time without lines.
 *
 * @returns undefined: nothing, or it contradicts the lines around
 */
export function recordedBetween(
  from: Milliseconds,
  to: Milliseconds,
  { before, after }: Neighbours,
  activations: readonly Activation[]
): readonly Part[] | undefined {
  const [first] = activations
  if (first === undefined || first.at >= to) return undefined
  if (before !== undefined && !agrees(before, from, activations)) return undefined
  if (after !== undefined && !agrees(after, to, activations)) return undefined
  if (isUnrecordedStart(from, to, { before, after }, activations)) return undefined
  const parts: Part[] = []
  if (first.at > from) parts.push([from, first.at, unknown('the history of rules begins later')])
  activations.forEach((one, i) => {
    const next = activations[i + 1]
    const [start, end] = [Math.max(from, one.at), Math.min(to, next?.at ?? Infinity)]
    if (start >= end) return
    // It may have ended long before it was started again. A lookup afterwards shows that it had not.
    const mayHaveEnded = next?.isStart === true && (next.at <= to || after === undefined)
    parts.push([start, end, contentOf(one, mayHaveEnded)])
  })
  return parts
}

function contentOf({ sha256, serial, why }: Activation, mayHaveEnded: boolean): Content {
  if (sha256 === '') return why === undefined ? { kind: 'restart' } : unknown(why)
  return mayHaveEnded
    ? { kind: 'restart' }
    : { kind: 'rules', version: { sha256, serial }, isRecorded: true }
}

const unknown = (why: string): Content => ({ kind: 'unknown', why })

/** Whether the history has the version of a line for its time. */
function agrees(run: Run, at: Milliseconds, activations: readonly Activation[]): boolean {
  return activations.some((one, i) => {
    const until = activations[i + 1]?.at ?? Infinity
    return one.at <= at + MIXED && until > at - MIXED && isSame(one, run)
  })
}

/** Whether generations show a start of the gateway that the history does not have. */
function isUnrecordedStart(
  from: Milliseconds,
  to: Milliseconds,
  { before, after }: Neighbours,
  activations: readonly Activation[]
): boolean {
  if (before === undefined || after === undefined || after.generation > before.generation)
    return false
  return !activations.some(
    ({ at, isStart }) => isStart === true && at >= from - MIXED && at <= to + MIXED
  )
}

const isSame = (one: Version, other: Version): boolean =>
  one.sha256 === other.sha256 && one.serial === other.serial

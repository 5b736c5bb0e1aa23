import type { Milliseconds } from '../../base/units.js'
import type { Log } from '../report/log.js'
import { conditionOf, instant } from '../report/questions/selection.js'

/** A gateway of a fleet; undefined: the log is that of one gateway. */
export type Gateway = string | undefined

/** Rules as the log names them. */
export interface Version {
  /** First digits of the SHA-256 of all rule files. */
  readonly sha256: string
  /** Serial of the bundle; null: the rules came from a folder. */
  readonly serial: number | null
}

interface Times {
  readonly gateway: Gateway
  readonly from: Milliseconds
  readonly until: Milliseconds
}

/**
 * A part of the period at one gateway.
 *
 * `rules`    one version was in force
 * `change`   one version was replaced by the next one, at an unknown time within
 * `restart`  the gateway was started again
 * `unknown`  why is said
 */
export type Segment = Times & Content

type Content =
  | { readonly kind: 'rules'; readonly version: Version }
  | { readonly kind: 'change'; readonly before: Version; readonly after: Version }
  | { readonly kind: 'restart' }
  | { readonly kind: 'unknown'; readonly why: string }

/** A version that came into force at a known time. */
export interface Activation extends Version {
  readonly at: Milliseconds
  /** Whether nothing was in force just before, or it is not known what was. */
  readonly isStart?: boolean
}

/** Consecutive lines of one generation. */
export interface Run extends Version {
  readonly generation: number
  readonly first: Milliseconds
  readonly last: Milliseconds
}

/** Workers adopt new rules at slightly different times, and lines of both are mixed for so long. */
const MIXED: Milliseconds = 10_000

/**
 * Which rules were in force when, by the lines of the log. A generation counts up with each change of the rules and
 * from 1 again with each start, so that nothing was in between two lines of the same one.
 *
 * @param activations known from elsewhere, in order of time
 */
export async function ruleSegments(
  log: Log,
  period: { readonly since: Milliseconds; readonly until: Milliseconds },
  gateway: Gateway,
  activations: readonly Activation[]
): Promise<Segment[]> {
  return segmentsOf(await runsIn(log, period, gateway), period, gateway, activations)
}

/** @param runs in order of time; those before and after the period say what was in force at its ends */
export function segmentsOf(
  runs: readonly Run[],
  { since, until }: { readonly since: Milliseconds; readonly until: Milliseconds },
  gateway: Gateway,
  activations: readonly Activation[] = []
): Segment[] {
  const segments: Segment[] = []
  const add = (from: Milliseconds, to: Milliseconds, what: Content): void => {
    const times = { gateway, from: Math.max(from, since), until: Math.min(to, until) }
    if (times.from < times.until) segments.push({ ...times, ...what })
  }
  const unknown = (why: string): Content => ({ kind: 'unknown', why })
  const [first] = runs
  if (first === undefined) {
    add(since, until, unknown('no line of the log says which rules were in force'))
    return segments
  }
  add(since, first.first, unknown('the log has no earlier lookup'))
  runs.forEach((run, i) => {
    const { sha256, serial } = run
    const next = runs[i + 1]
    const rules: Content = { kind: 'rules', version: { sha256, serial } }
    if (next === undefined) {
      add(run.first, run.last + 1, rules)
      add(run.last + 1, until, unknown('the log has no later lookup'))
      return
    }
    add(run.first, run.last + 1, rules)
    for (const [from, to, what] of between(run, next, activations)) add(from, to, what)
  })
  return segments
}

type Part = [Milliseconds, Milliseconds, Content]

function between(before: Run, after: Run, activations: readonly Activation[]): Part[] {
  const [from, to] = [before.last + 1, after.first]
  const [one, other] = [versionOf(before), versionOf(after)]
  const known = activations.filter(({ at }) => from <= at && at <= to)
  if (known.some(({ isStart }) => isStart === true)) return [[from, to, { kind: 'restart' }]]
  const last = known.at(-1)
  if (last?.sha256 === after.sha256 && last.serial === after.serial) {
    const changes = [{ at: from, ...one }, ...known]
    return changes.map(({ at, sha256, serial }, i): Part => {
      const version = { sha256, serial }
      return [at, changes[i + 1]?.at ?? to, { kind: 'rules', version }]
    })
  }
  const steps = after.generation - before.generation
  if (steps === 1) return [[from, to, { kind: 'change', before: one, after: other }]]
  if (steps <= 0) return [[from, to, { kind: 'restart' }]]
  return [
    [from, to, { kind: 'unknown', why: 'other rules, which are not in the log, were in force' }]
  ]
}

const versionOf = ({ sha256, serial }: Run): Version => ({ sha256, serial })

/** Lines in the period, and the last before and the first after it, by generation. */
async function runsIn(
  log: Log,
  { since, until }: { readonly since: Milliseconds; readonly until: Milliseconds },
  gateway: Gateway
): Promise<Run[]> {
  const { sql, parameters } = conditionOf({ gateway, all: true })
  const from = log.lookups({ gateway })
  const edge = async (term: string): Promise<Date | null> => {
    const [row] = await log.rows<{ at: Date | null }>(
      `SELECT ${term} AS at FROM ${from} WHERE sha256 IS NOT NULL AND ${sql} AND
        ${term.startsWith('max') ? `time < ${instant(since)}` : `time >= ${instant(until)}`}`,
      parameters
    )
    return row?.at ?? null
  }
  const [before, after] = [await edge('max(time)'), await edge('min(time)')]
  const [low, high] = [before?.getTime() ?? since, after?.getTime() ?? until - 1]
  const rows = await log.rows<{
    time: Date
    generation: number
    sha256: string
    serial: number | null
    previous: Date | null
  }>(
    `SELECT time, generation, sha256, serial, previous FROM (
      SELECT time, generation, sha256, serial, lag(time) OVER w AS previous,
        lag(generation) OVER w AS g, lag(sha256) OVER w AS s
      FROM ${from} WHERE sha256 IS NOT NULL AND ${sql}
        AND time >= ${instant(low)} AND time <= ${instant(high)}
      WINDOW w AS (ORDER BY time, generation))
    WHERE g IS NULL OR g <> generation OR s <> sha256 ORDER BY time, generation`,
    parameters
  )
  const [end] = await log.rows<{ at: Date | null }>(
    `SELECT max(time) AS at FROM ${from} WHERE sha256 IS NOT NULL AND ${sql}
      AND time >= ${instant(low)} AND time <= ${instant(high)}`,
    parameters
  )
  const runs = rows.map(({ time, generation, sha256, serial }, i): Run => {
    const last = rows[i + 1]?.previous ?? end?.at ?? time
    return { generation, sha256, serial, first: time.getTime(), last: last.getTime() }
  })
  return unmixed(runs)
}

/** Without the turns of lines of two versions, just after a change. */
export function unmixed(runs: readonly Run[]): Run[] {
  const kept: Run[] = []
  for (const run of runs) {
    const last = kept.at(-1)
    const isBack =
      last !== undefined &&
      run.generation === last.generation - 1 &&
      run.first - last.first < MIXED &&
      kept.at(-2)?.generation === run.generation &&
      kept.at(-2)?.sha256 === run.sha256
    if (isBack) continue
    if (last?.generation === run.generation && last.sha256 === run.sha256)
      kept[kept.length - 1] = { ...last, last: run.last }
    else kept.push(run)
  }
  return kept
}

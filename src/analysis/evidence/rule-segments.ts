import type { Milliseconds } from '../../base/units.js'
import type { Log } from '../report/log.js'
import { conditionOf, instant } from '../report/questions/selection.js'
import type { Content, Gateway, Neighbours, Part, Run, Segment, Version } from './rule-timeline.js'
import { MIXED, recordedBetween, startsOf, type Activation } from './recorded-rules.js'

export type { Gateway, Run, Segment, Version } from './rule-timeline.js'

interface Period {
  readonly since: Milliseconds
  readonly until: Milliseconds
}

/**
 * Which rules were in force when, by the lines of the log, and in between by the history of rules. A generation counts
 * up with each change of the rules and from 1 again with each start, so that nothing was in between two lines of the
 * same one.
 *
 * @param activations what the history of rules has, in order of time; empty: nothing
 */
export async function ruleSegments(
  log: Log,
  period: Period,
  gateway: Gateway,
  activations: readonly Activation[]
): Promise<Segment[]> {
  const runs = await runsIn(log, period, gateway, startsOf(activations))
  return segmentsOf(runs, period, gateway, activations)
}

/** @param runs in order of time; those before and after the period say what was in force at its ends */
export function segmentsOf(
  runs: readonly Run[],
  { since, until }: Period,
  gateway: Gateway,
  activations: readonly Activation[] = []
): Segment[] {
  const segments: Segment[] = []
  const add = (from: Milliseconds, to: Milliseconds, what: Content): void => {
    const times = { gateway, from: Math.max(from, since), until: Math.min(to, until) }
    if (times.from < times.until) segments.push({ ...times, ...what })
  }
  /** A time without lines before the first run, after the last, or without any run. */
  const addEdge = (from: Milliseconds, to: Milliseconds, runs: Neighbours, why: string): void => {
    const recorded = recordedBetween(from, to, runs, activations)
    for (const part of recorded ?? [[from, to, { kind: 'unknown', why }] as const]) add(...part)
  }
  const first = runs[0]
  if (first === undefined) {
    addEdge(since, until, {}, 'no line of the log says which rules were in force')
    return segments
  }
  addEdge(since, first.first, { after: first }, 'the log has no earlier lookup')
  runs.forEach((run, i) => {
    add(run.first, run.last + 1, { kind: 'rules', version: versionOf(run) })
    const next = runs[i + 1]
    if (next === undefined)
      addEdge(run.last + 1, until, { before: run }, 'the log has no later lookup')
    else for (const part of between(run, next, activations)) add(...part)
  })
  return segments
}

function between(before: Run, after: Run, activations: readonly Activation[]): readonly Part[] {
  const [from, to] = [before.last + 1, after.first]
  const recorded = recordedBetween(from, to, { before, after }, activations)
  if (recorded !== undefined) return recorded
  const [one, other] = [versionOf(before), versionOf(after)]
  const known = activations.filter(({ at }) => from <= at && at <= to)
  if (known.some(({ isStart }) => isStart === true)) return [[from, to, { kind: 'restart' }]]
  const steps = after.generation - before.generation
  if (steps === 1) return [[from, to, { kind: 'change', before: one, after: other }]]
  if (steps <= 0) return [[from, to, { kind: 'restart' }]]
  return [
    [from, to, { kind: 'unknown', why: 'other rules, which are not in the log, were in force' }]
  ]
}

const versionOf = ({ sha256, serial }: Run): Version => ({ sha256, serial })

/** Lines in the period, and the last before and the first after it, by generation and start of the gateway. */
async function runsIn(
  log: Log,
  { since, until }: Period,
  gateway: Gateway,
  starts: readonly Milliseconds[]
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
  const within = starts.filter(at => low <= at && at <= high).map(instant)
  // Each start begins with generation 1 again, maybe with the same rules.
  const start = ['0', ...within.map(at => `(time >= ${at})::INTEGER`)].join(' + ')
  const rows = await log.rows<{
    time: Date
    generation: number
    sha256: string
    serial: number | null
    start: number
    previous: Date | null
  }>(
    `SELECT time, generation, sha256, serial, start, previous FROM (
      SELECT time, generation, sha256, serial, start, lag(time) OVER w AS previous,
        lag(generation) OVER w AS g, lag(sha256) OVER w AS s, lag(start) OVER w AS b
      FROM (SELECT time, generation, sha256, serial, ${start} AS start FROM ${from}
        WHERE sha256 IS NOT NULL AND ${sql}
          AND time >= ${instant(low)} AND time <= ${instant(high)})
      WINDOW w AS (ORDER BY time, generation))
    WHERE g IS NULL OR g <> generation OR s <> sha256 OR b <> start ORDER BY time, generation`,
    parameters
  )
  const [end] = await log.rows<{ at: Date | null }>(
    `SELECT max(time) AS at FROM ${from} WHERE sha256 IS NOT NULL AND ${sql}
      AND time >= ${instant(low)} AND time <= ${instant(high)}`,
    parameters
  )
  const runs = rows.map(({ time, generation, sha256, serial, start }, i): Run => {
    const last = rows[i + 1]?.previous ?? end?.at ?? time
    const [from, until] = [time.getTime(), last.getTime()]
    return { generation, sha256, serial, start, first: from, last: until }
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
    const isSameStart = (last?.start ?? 0) === (run.start ?? 0)
    if (last?.generation === run.generation && last.sha256 === run.sha256 && isSameStart)
      kept[kept.length - 1] = { ...last, last: run.last }
    else kept.push(run)
  }
  return kept
}

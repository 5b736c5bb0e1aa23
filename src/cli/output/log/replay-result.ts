import type { Seconds } from '../../../base/units.js'
import type { Count, Example, ReasonCount } from '../../../analysis/replay/change-tally.js'
import {
  CHANGE_KINDS,
  type Comparison,
  type Counts,
  type ChangeKind
} from '../../../analysis/replay/comparison.js'
import { estimateOf, type Sample } from '../../../analysis/replay/estimate.js'
import type { ReadLog } from '../../../analysis/replay/replay.js'
import { showInstant } from '../../../base/time/instant.js'

/** Rules as given on the command line, and their hash. */
interface RulesVersion {
  readonly folder: string
  readonly sha256: string
}

/** Parameters of a replay. */
export interface ReplayRequest {
  readonly rules: RulesVersion
  /** Undefined: compared with the recorded answers. */
  readonly against: RulesVersion | undefined
  readonly at: Seconds | undefined
  readonly timeZone: string
  /** Undefined: all lookups are judged. */
  readonly sample?: Sample | undefined
  /** Maximum rows of a table. */
  readonly top: number
}

/** The first rows of a table, and the number of all rows. */
export interface TopRows<T> {
  readonly all: number
  readonly top: readonly T[]
}

/** Lookups that change in one way. */
export interface ChangeSummary {
  readonly lookups: number
  /** By app, list and rule. */
  readonly rules: TopRows<ReasonCount>
  readonly networks: TopRows<Count>
  readonly clients: TopRows<Count>
  readonly names: TopRows<Count>
  /** Lookups of names beyond the limit for counting by name. */
  readonly uncounted: number
}

/** The result of `interdict replay`. */
export interface ReplayResult extends ReplayRequest {
  readonly files: readonly ReadLog[]
  readonly counts: Readonly<Counts>
  readonly changes: Readonly<Record<ChangeKind, ChangeSummary>>
}

/** Shown with every result. */
export const LIMITS =
  'Only query names are judged: logs do not contain aliases and addresses of answers.'

export function collectResult(
  comparison: Comparison,
  files: readonly ReadLog[],
  request: ReplayRequest
): ReplayResult {
  comparison.close()
  const changes = Object.fromEntries(
    CHANGE_KINDS.map(kind => [kind, summarize(comparison, kind, request.top)])
  ) as Record<ChangeKind, ChangeSummary>
  return { ...request, files, counts: comparison.counts, changes }
}

function summarize(comparison: Comparison, kind: ChangeKind, top: number): ChangeSummary {
  const tally = comparison.tallies[kind]
  const topRows = <T>(all: readonly T[]): TopRows<T> => ({
    all: all.length,
    top: all.slice(0, top)
  })
  return {
    lookups: tally.lookups,
    rules: topRows(tally.reasons),
    networks: topRows(comparison.networksOf(kind)),
    clients: topRows(comparison.clientsOf(kind)),
    names: topRows(tally.names),
    uncounted: tally.uncounted
  }
}

/** The JSON form, which is public. Times are UTC. */
export function jsonOf(result: ReplayResult): object {
  const { rules, against, at, sample, files, counts, changes } = result
  const estimate = (lookups: number) => sample && { estimate: estimateOf(lookups, sample) }
  return {
    rules,
    against: against ?? null,
    at: at === undefined ? null : showInstant(at, 'UTC'),
    ...(sample && { sample }),
    logs: files,
    ...counts,
    changes: Object.fromEntries(
      CHANGE_KINDS.map(kind => {
        const { lookups, rules: reasons, ...rest } = changes[kind]
        return [kind, { lookups, ...estimate(lookups), rules: inUtc(reasons), ...rest }]
      })
    ),
    limits: LIMITS
  }
}

export function toJson(result: ReplayResult): string {
  return `${JSON.stringify(jsonOf(result), undefined, 2)}\n`
}

function inUtc({ all, top }: TopRows<ReasonCount>): object {
  const shown = top.map(ground => ({
    ...ground,
    examples: ground.examples.map(example => ({
      ...example,
      at: Number.isNaN(example.at) ? null : showInstant(example.at, 'UTC')
    }))
  }))
  return { all, top: shown }
}

/** `-` for lookups that have no time in the log. */
export function whenText(at: Seconds, timeZone: string): string {
  return Number.isNaN(at) ? '-' : showInstant(at, timeZone)
}

/** `2026-11-05T09:00:00Z 10.20.1.1 www.example A`. */
export function exampleText({ at, client, name, type }: Example, timeZone: string): string {
  return `${whenText(at, timeZone)} ${client === '' ? '-' : client} ${name} ${type}`
}

/** Headings of the kinds of change. */
export const HEADINGS: Readonly<Record<ChangeKind, string>> = {
  blocked: 'Newly blocked',
  allowed: 'Newly allowed',
  refused: 'Newly refused: the client is in no network',
  served: 'Newly served: the client is in a network'
}

/** Why lookups were not compared, and other notes, a sentence each. */
export function remarks({ counts, against, at, timeZone, files }: ReplayResult): string[] {
  const { monitored, lead, unplaced, strangers, undated } = counts
  const notes: [number, string][] = [
    [monitored, 'match rules in monitor mode, and are answered.'],
    [lead, 'were blocked by an alias or address of the answer: not compared.'],
    [unplaced, 'have a client without an address or network: not compared.'],
    [strangers, 'have a client outside every network: not compared (see --network).'],
    [undated, 'have no time in the log: judged as of now.']
  ]
  const unreadable = files.reduce((sum, file) => sum + file.unreadable, 0)
  return [
    ...notes.flatMap(([n, text]) => (n === 0 ? [] : [`${n.toLocaleString('en')} ${text}`])),
    ...(unreadable === 0
      ? []
      : [`${unreadable.toLocaleString('en')} unreadable lines were skipped.`]),
    at === undefined
      ? 'Each lookup is judged as of the time when it was recorded.'
      : `All lookups are judged as of ${showInstant(at, timeZone)}.`,
    ...(against === undefined && files.some(({ format }) => format !== 'interdict')
      ? ['Answers of other programs count as allowed, unless their log says they were blocked.']
      : []),
    LIMITS
  ]
}

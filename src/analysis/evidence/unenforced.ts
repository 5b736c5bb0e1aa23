import { networksByRule, sourceId } from '../enforcement/coverage.js'
import type { Deviation } from '../enforcement/rules-enforcement.js'
import type {
  Ban,
  NameSource,
  Rule,
  RuleException,
  RuleSet
} from '../../policy/rules/model/types.js'
import { isDisjoint, itemsOf } from '../../policy/rules/networks/rule-index.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { column, type Table, type Tile, type Value } from '../report/report.js'
import type { Count } from './enforcement-tally.js'
import { windowsOf } from './enforcement.js'
import { gatewayColumn } from './fleet-tables.js'
import type { Judged } from './judged.js'
import { isOf, type PausedCount, type PauseSpan } from './pause-spans.js'
import type { Gateway, Segment } from './rule-segments.js'

/** Something that was not enforced for a time. Its kind is that of `Deviation`. */
export interface Unenforced {
  readonly kind: Extract<Deviation['kind'], 'pause' | 'list' | 'monitor' | 'schedule' | 'exception'>
  readonly gateway: Gateway
  /** Id of a rule or a list. */
  readonly subject: string
  readonly networks: readonly string[]
  readonly by: string | null
  readonly reason: string | null
  readonly from: Milliseconds
  readonly until: Milliseconds
  /** How much of it; less than all between `from` and `until` for what recurs. */
  readonly minutes: number
  /** Lookups that were answered because of it; null: not known. */
  readonly lookups: number | null
}

/** What the log does not have: pauses, exceptions and lists. Times are milliseconds since 1970. Public: `not-enforced.json`. */
export interface UnenforcedFacts {
  readonly pauses: readonly (PauseSpan & { readonly networks: readonly string[] })[]
  readonly paused: readonly PausedCount[]
  readonly exceptions: readonly TermOfRule[]
  readonly lists: readonly TermOfRule[]
}

/** A time of an exception or a list. */
export type TermOfRule = Pick<
  Unenforced,
  'gateway' | 'subject' | 'networks' | 'by' | 'reason' | 'from' | 'until'
>

const MINUTE: Milliseconds = 60_000
const minutesOf = (time: Milliseconds): number => Math.ceil(time / MINUTE)

/** Everything that was not enforced in the period: first what nobody ordered, each in order of time. */
export function unenforced(judged: Judged, facts: UnenforcedFacts): Unenforced[] {
  const { pauses, paused, exceptions, lists } = facts
  const spanOf = ({ from, until }: { from: Milliseconds; until: Milliseconds }) => ({
    ...{ from, until, minutes: minutesOf(until - from) }
  })
  return [
    ...pauses.map((pause): Unenforced => {
      const { gateway, rule: subject, networks, by, reason } = pause
      const counts = paused.filter(one => isOf(pause, one) && isAnswered(one.verdict))
      const lookups = counts.reduce((sum, one) => sum + one.lookups, 0)
      return { kind: 'pause', gateway, subject, networks, by, reason, ...spanOf(pause), lookups }
    }),
    ...lists.map(list => ({ ...list, kind: 'list' as const, ...spanOf(list), lookups: null })),
    ...byWindows(judged),
    ...exceptions.map((one): Unenforced => {
      const lookups = usesOf(judged.tally.exceptions, one)
      return { ...one, kind: 'exception', ...spanOf(one), lookups }
    })
  ]
}

const ANSWERED = ['forwarded', 'cached', 'monitored', 'allowed', 'local', 'stale']
const isAnswered = (verdict: string): boolean => ANSWERED.includes(verdict)

/** Exceptions are counted once for each of their networks, over all gateways. */
function usesOf(
  counts: ReadonlyMap<string, Count>,
  { subject, networks }: Pick<TermOfRule, 'subject' | 'networks'>
): number {
  const uses = networks.map(network => counts.get(`${subject}\n${network}`)?.lookups ?? 0)
  return uses.reduce((sum, one) => sum + one, 0)
}

const KIND_OF_CAUSE: Readonly<Record<string, 'monitor' | 'schedule'>> = {
  monitored: 'monitor',
  'outside its hours': 'schedule'
}

/** Monitor mode and weekly hours of the ban: the windows of one cause in the same networks as one. */
function byWindows({ enforcement, tally }: Judged): Unenforced[] {
  const found = new Map<string, Unenforced & { readonly time: Milliseconds }>()
  for (const window of windowsOf(enforcement.stretches())) {
    const { gateway, cause, networks, from, until } = window
    const kind = KIND_OF_CAUSE[cause]
    if (kind === undefined) continue
    const key = JSON.stringify([gateway ?? null, kind, networks])
    const before = found.get(key)
    const time = (before?.time ?? 0) + until - from
    const lookups = (before?.lookups ?? 0) + tally.answered.in(window)
    const what = { kind, gateway, subject: enforcement.ban, networks, by: null, reason: cause }
    const span = { from: before?.from ?? from, until, minutes: minutesOf(time), lookups, time }
    found.set(key, { ...what, ...span })
  }
  return [...found.values()].sort((a, b) => (a.kind === b.kind ? 0 : a.kind < b.kind ? -1 : 1))
}

/** When each exception to the ban was in the rules in force. */
export function exceptionTerms(
  ban: string,
  segments: readonly Segment[],
  rulesOf: (version: Extract<Segment, { kind: 'rules' }>['version']) => RuleSet | undefined
): TermOfRule[] {
  const open = new Map<string, TermOfRule>()
  const closed: TermOfRule[] = []
  for (const segment of segments) {
    const rules = segment.kind === 'rules' ? rulesOf(segment.version) : undefined
    if (rules === undefined) continue
    for (const [exception, networks] of exceptionsTo(ban, rules)) {
      const from = Math.max(segment.from, exception.from * MS_PER_SECOND)
      const until = Math.min(segment.until, exception.until * MS_PER_SECOND)
      if (from >= until) continue
      const { gateway } = segment
      const { id: subject, approvedBy: by, purpose: reason } = exception
      const key = JSON.stringify([gateway ?? null, subject, networks, by, reason])
      const before = open.get(key)
      if (before?.until === from) open.set(key, { ...before, until })
      else {
        if (before !== undefined) closed.push(before)
        open.set(key, { gateway, subject, networks, by, reason, from, until })
      }
    }
  }
  return [...closed, ...open.values()].sort((a, b) => a.from - b.from)
}

function exceptionsTo(ban: string, rules: RuleSet): [RuleException, string[]][] {
  const all = [...networksByRule(rules)]
  const isBan = (rule: Rule): rule is Ban => rule.kind === 'ban' && rule.id === ban
  const sources = all.flatMap(([rule]) => (isBan(rule) ? rule.sources : []))
  const lifts = (rule: Rule): rule is RuleException =>
    rule.kind === 'exception' && rule.sources.some(one => sources.some(other => meets(one, other)))
  return all.flatMap(([rule, networks]) => (lifts(rule) ? [[rule, [...networks].sort()]] : []))
}

/** True if both have a name or address. */
const meets = (one: NameSource, other: NameSource): boolean =>
  sourceId(one) === sourceId(other) || itemsOf(one).some(item => !isDisjoint(item, other))

/** @param rows in their order */
export function unenforcedTable(rows: readonly Unenforced[], gateways: readonly Gateway[]): Table {
  return {
    id: 'not-enforced',
    title: 'What was not enforced',
    description:
      'Pauses of any block, lists of the ban whose copy is not good, monitor mode and hours of the ban, and its exceptions, with who decided it and why. Lookups: of a pause, all that the log has of that time and that were answered; with log.queries.which: bans, the log has only names of bans. Lists are judged by their state when this pack was made: earlier states are not recorded.',
    emptyText: 'Nothing: no pause, no exception, no monitor mode, no hours, and good lists.',
    columns: [
      ...gatewayColumn(gateways),
      column('kind', 'text'),
      column('subject', 'text', 'rule or list'),
      column('networks', 'text'),
      column('by', 'text'),
      column('reason', 'text'),
      column('from', 'time'),
      column('until', 'time'),
      column('minutes', 'count'),
      column('lookups', 'count', 'lookups answered')
    ],
    rows: rows.map((one): Value[] => {
      const { gateway, kind, subject, networks, by, reason, from, until, minutes, lookups } = one
      const times = [new Date(from), new Date(until), minutes]
      const cells = [kind, subject, networks.join(', '), by, reason, ...times, lookups]
      return gateways.includes(undefined) ? cells : [gateway ?? null, ...cells]
    }),
    marks: rows.map(({ kind }) => (isAgainst(kind) ? 'not enforced' : null))
  }
}

/** Nobody ordered it in the rules. */
const isAgainst = (kind: Unenforced['kind']): boolean => kind === 'pause' || kind === 'list'

/** The minutes with a pause, and a note for the share of blocked lookups, which is never shown without them. */
export function pauseTile(rows: readonly Unenforced[]): { tile: Tile; note: string } {
  const pauses = rows.filter(({ kind }) => kind === 'pause').sort((a, b) => a.from - b.from)
  let [time, end] = [0, 0]
  for (const { from, until } of pauses) {
    time += Math.max(0, until - Math.max(from, end))
    end = Math.max(end, until)
  }
  const minutes = minutesOf(time)
  const lookups = pauses.reduce((sum, one) => sum + (one.lookups ?? 0), 0)
  const ids = new Set(pauses.map(({ subject }) => subject)).size
  const count = (n: number, noun: string): string =>
    `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`
  const note = `${count(pauses.length, 'pause')} of ${count(ids, 'block')}; ${count(lookups, 'logged lookup')} answered meanwhile`
  return {
    tile: {
      ...{ key: 'pausedMinutes', title: 'Minutes with a pause', value: minutes, kind: 'count' },
      ...{ note: pauses.length === 0 ? 'no block was paused' : note, warn: pauses.length > 0 }
    },
    note: pauses.length === 0 ? '' : `; ${count(minutes, 'minute')} with a block paused`
  }
}

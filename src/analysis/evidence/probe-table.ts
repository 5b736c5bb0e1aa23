import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { startOfDay } from '../../base/time/instant.js'
import { column, type Table, type Tile, type Value } from '../report/report.js'

/** A round of `interdict probe --json`, or of the gateway itself, which knows its interval. */
interface Round {
  readonly at: string
  /** In seconds. */
  readonly every?: number
  readonly asked: number
  /** What is not probed since then; absent: as before. */
  readonly skipped?: readonly { readonly what: string; readonly why: string }[]
  readonly failures: readonly {
    readonly rule: string
    readonly network: string
    readonly name: string
    readonly type: string
    readonly server: string
    readonly problem: string
  }[]
}

/** A time without a round of so many intervals is declared. */
const MOST_MISSED = 3

/** What probes found in a period. */
export interface ProbeFindings {
  readonly tables: readonly Table[]
  readonly tile: Tile
  /** In one line. */
  readonly summary: string
}

/**
 * What probes found: rounds and questions by day, each wrong answer that concerns the ban from its first to its last
 * round, when there was no probe, and what was not probed.
 *
 * @param text lines of JSON, as `interdict probe --json` prints them, and gateways record them
 */
export function probeFindings(
  text: string,
  ban: string,
  { since, until, timeZone }: { since: Milliseconds; until: Milliseconds; timeZone: string }
): ProbeFindings {
  const recorded = text.split('\n').flatMap(readRound)
  const isWithin = ({ at }: Round): boolean => since <= Date.parse(at) && Date.parse(at) < until
  const rounds = recorded.filter(isWithin)
  const days = new Map<number, [rounds: number, asked: number, ofBan: number, wrong: number]>()
  const sums: [rounds: number, asked: number, ofBan: number] = [0, 0, 0]
  for (const { at, asked, failures } of rounds) {
    const day = startOfDay(Date.parse(at), timeZone)
    const ofBan = failures.filter(({ rule }) => rule === ban).length
    const counts = [1, asked, ofBan, failures.length] as const
    const before = days.get(day) ?? [0, 0, 0, 0]
    days.set(day, before.map((n, i) => n + counts[i]!) as typeof before)
    sums.forEach((n, i) => (sums[i] = n + counts[i]!))
  }
  const byDay = [...days].sort(([a], [b]) => a - b)
  const gaps = gapsIn(rounds, since, until)
  const [all, asked, wrong] = sums.map(n => n.toLocaleString('en'))
  const tables: Table[] = [
    {
      id: 'probes',
      title: 'Probes',
      description:
        'Questions that the gateway and test devices asked, by day, and how many answers were not as the rules demand. A failure counts in each round until it is repaired.',
      emptyText: 'No probe ran in the period.',
      columns: [
        column('day', 'day'),
        column('rounds', 'count'),
        column('questions', 'count'),
        column('wrong', 'count', 'wrong about this ban'),
        column('wrongInAll', 'count', 'wrong in all')
      ],
      rows: byDay.map(([day, counts]) => [new Date(day), ...counts]),
      marks: byDay.map(([, [, , ofBan]]) => (ofBan > 0 ? 'wrong answers' : null))
    },
    {
      id: 'probe-failures',
      title: 'Wrong answers to probes',
      description:
        'Each question about this ban whose answer was not as the rules demand, from the first round with it to the last one before it was right.',
      emptyText: 'None.',
      columns: [
        column('first', 'time'),
        column('last', 'time'),
        column('rounds', 'count'),
        ...['network', 'name', 'type', 'server', 'problem'].map(key => column(key, 'text'))
      ],
      rows: failuresOf(rounds, ban)
    },
    {
      id: 'probe-gaps',
      title: 'Times without a probe',
      description:
        'When the gateway did not probe itself for more than three of its intervals: it was off, or the probe was.',
      emptyText: 'None.',
      columns: [column('from', 'time'), column('until', 'time')],
      rows: gaps
    },
    {
      id: 'not-probed',
      title: 'What was not probed',
      description:
        'What the gateway did not ask itself while it probed, and why: here probes prove nothing. Bans other than this one are left out.',
      emptyText: 'Nothing was left out, or nothing was recorded.',
      columns: [
        column('what', 'text'),
        column('why', 'text'),
        column('from', 'time', 'first'),
        column('until', 'time', 'last')
      ],
      rows: notProbed(recorded, ban, isWithin)
    }
  ]
  return {
    tables,
    tile: {
      ...{ key: 'probes', title: 'Wrong answers to probes', value: sums[2], kind: 'count' },
      note: `of ${asked} in ${all} rounds`,
      warn: sums[2] > 0
    },
    summary: `${asked} questions in ${all} rounds, ${wrong} wrong answers about this ban, ${gaps.length} times without a probe`
  }
}

/** One row for each wrong answer, however many rounds it lasted. */
function failuresOf(rounds: readonly Round[], ban: string): Value[][] {
  const rows: Value[][] = []
  let open = new Map<string, Value[]>()
  for (const { at, failures } of rounds) {
    const still = new Map<string, Value[]>()
    for (const { rule, network, name, type, server, problem } of failures) {
      if (rule !== ban) continue
      const what = [network, name, type, server, problem]
      const key = what.join('\n')
      const row = still.get(key) ?? open.get(key) ?? [new Date(at), null, 0, ...what]
      if (row[1] === null) rows.push(row)
      if (!still.has(key)) row[2] = Number(row[2]) + 1
      row[1] = new Date(at)
      still.set(key, row)
    }
    open = still
  }
  return rows
}

/** Before, between and after the rounds of a gateway; none without such rounds. */
function gapsIn(rounds: readonly Round[], since: Milliseconds, until: Milliseconds): Date[][] {
  const own = rounds.filter(({ every }) => every !== undefined)
  const longest = Math.max(...own.map(({ every }) => every!)) * MOST_MISSED * MS_PER_SECOND
  const ends = own.map(({ at }) => Date.parse(at)).sort((a, b) => a - b)
  if (ends.length === 0) return []
  return [...ends, until].flatMap((end, i) => {
    const before = ends[i - 1] ?? since
    return end - before > longest ? [[new Date(before), new Date(end)]] : []
  })
}

/** With the first and the last round in the period. */
function notProbed(
  all: readonly Round[],
  ban: string,
  isWithin: (round: Round) => boolean
): Table['rows'] {
  const found = new Map<string, [what: string, why: string, from: Date, until: Date]>()
  let current: NonNullable<Round['skipped']> = []
  for (const round of all) {
    current = round.skipped ?? current
    // Rounds from a device have no interval.
    if (!isWithin(round) || round.every === undefined) continue
    const at = new Date(round.at)
    for (const { what, why } of current) {
      if (what.startsWith('ban ') && what !== `ban ${ban}`) continue
      const row = found.get(`${what}\n${why}`)
      if (row === undefined) found.set(`${what}\n${why}`, [what, why, at, at])
      else row[3] = at
    }
  }
  return [...found.values()]
}

function readRound(line: string): Round[] {
  try {
    const round = JSON.parse(line) as Partial<Round>
    const isRound = typeof round.at === 'string' && Array.isArray(round.failures)
    return isRound ? [round as Round] : []
  } catch {
    // A line that the service manager added, or an incomplete last one.
    return []
  }
}

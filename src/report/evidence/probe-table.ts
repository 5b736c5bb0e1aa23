import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { column, type Table } from '../report.js'

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

/**
 * What probes found in a period: rounds and questions by day, and each wrong answer that concerns the ban.
 *
 * @param text lines of JSON, as `interdict probe --json` prints them, and gateways record them
 */
export function probeTable(
  text: string,
  ban: string,
  since: Milliseconds,
  until: Milliseconds
): readonly Table[] {
  const recorded = text.split('\n').flatMap(readRound)
  const isWithin = ({ at }: Round): boolean => since <= Date.parse(at) && Date.parse(at) < until
  const rounds = recorded.filter(isWithin)
  const days = new Map<string, [rounds: number, asked: number, failed: number]>()
  for (const { at, asked, failures } of rounds) {
    const day = at.slice(0, 10)
    const [before, all, failed] = days.get(day) ?? [0, 0, 0]
    days.set(day, [before + 1, all + asked, failed + failures.length])
  }
  const wrong = rounds.flatMap(({ at, failures }) =>
    failures
      .filter(({ rule }) => rule === ban)
      .map(({ network, name, type, server, problem }) => {
        return [new Date(at), network, name, type, server, problem]
      })
  )
  return [
    {
      id: 'probes',
      title: 'Probes',
      description:
        'Questions that the gateway and test devices asked, by day (UTC), and how many answers were not as the rules demand.',
      emptyText: 'No probe ran in the period.',
      columns: [
        column('day', 'text'),
        column('rounds', 'count'),
        column('questions', 'count'),
        column('wrong', 'count', 'wrong answers')
      ],
      rows: [...days].sort().map(([day, counts]) => [day, ...counts])
    },
    {
      id: 'probe-failures',
      title: 'Wrong answers to probes',
      description: 'Each answer about this ban that was not as the rules demand.',
      emptyText: 'None.',
      columns: [
        column('time', 'time'),
        ...['network', 'name', 'type', 'server', 'problem'].map(key => column(key, 'text'))
      ],
      rows: wrong
    },
    {
      id: 'probe-gaps',
      title: 'Times without a probe',
      description:
        'When the gateway did not probe itself for more than three of its intervals: it was off, or the probe was.',
      emptyText: 'None.',
      columns: [column('from', 'time'), column('until', 'time')],
      rows: gapsIn(rounds, since, until)
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

import type { Milliseconds } from '../../base/units.js'
import { column, type Table } from '../report.js'

/** A round of `interdict probe --json`. */
interface Round {
  readonly at: string
  readonly asked: number
  readonly failures: readonly {
    readonly rule: string
    readonly network: string
    readonly name: string
    readonly type: string
    readonly server: string
    readonly problem: string
  }[]
}

/**
 * What probes found in a period: rounds and questions by day, and each wrong answer that concerns the ban.
 *
 * @param text lines of JSON, as `interdict probe --json` prints them
 */
export function probeTable(
  text: string,
  ban: string,
  since: Milliseconds,
  until: Milliseconds
): readonly Table[] {
  const rounds = text
    .split('\n')
    .flatMap(line => readRound(line))
    .filter(({ at }) => since <= Date.parse(at) && Date.parse(at) < until)
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
        'Questions that test devices asked, by day (UTC), and how many answers were not as the rules demand.',
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
    }
  ]
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

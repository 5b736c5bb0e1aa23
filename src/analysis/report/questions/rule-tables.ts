import { MS_PER_DAY, type Milliseconds } from '../../../base/units.js'
import { column, type Table, type Value } from '../report.js'
import type { RuleDate, RuleFacts } from './rule-facts.js'

/** An exception that ends within so many days is marked. */
const SOON: Milliseconds = 14 * MS_PER_DAY

const COLUMNS = [
  column('at', 'time', 'date'),
  column('lastDay', 'text', 'last day'),
  column('what', 'text'),
  column('kind', 'text'),
  column('id', 'text', 'rule'),
  column('networks', 'text'),
  column('by', 'text')
]

const rowOf = ({ at, lastDay, what, kind, id, networks, by }: RuleDate): Value[] => [
  ...[at, lastDay, what, kind, id],
  ...[networks.join(', '), by]
]

/** Networks of a declared scope without its ban. */
export function uncoveredTable({ uncovered: found }: RuleFacts): Table {
  const uncovered = found ?? []
  return {
    id: 'uncovered',
    title: 'Networks without a ban that is meant for them',
    description:
      'What the rules (scope) or a mandate declare to be banned in a network, and is not, under the current rules.',
    emptyText:
      found === null
        ? 'Not known: the rules do not declare where something is meant to be banned.'
        : 'None: everything is banned where it is meant to be.',
    columns: [column('network', 'text'), column('lacks', 'text', 'not banned there')],
    rows: uncovered.map(({ network, lacks }) => [network, lacks.join(', ')]),
    marks: uncovered.map(() => 'not covered')
  }
}

/** What began and ended in the period. @param of `week` */
export function changesTable(
  { dates }: RuleFacts,
  of: string,
  { since, until }: { readonly since: Milliseconds; readonly until: Milliseconds }
): Table {
  const rows = dates.filter(
    ({ at, what }) => what !== 'review' && Number(at) >= since && Number(at) < until
  )
  return {
    id: 'changes',
    title: `Began and ended in this ${of}`,
    description:
      'Bans and exceptions that began or ended, under the current rules. A rule that was removed since does not appear.',
    emptyText: 'None.',
    columns: COLUMNS,
    rows: rows.map(rowOf)
  }
}

/** What begins and ends next, and reviews, those overdue included; ends of exceptions have a table of their own. */
export function upcomingTable(
  { dates }: RuleFacts,
  until: Milliseconds,
  horizon: Milliseconds
): Table {
  const isUpcoming = ({ at, what, kind }: RuleDate): boolean => {
    if (kind === 'exception' && what === 'ends') return false
    return Number(at) < until + horizon && (Number(at) >= until || what === 'review')
  }
  const rows = dates.filter(isUpcoming)
  return {
    id: 'upcoming',
    title: `Begins, ends and reviews in the next ${horizon / MS_PER_DAY} days`,
    description: 'Dates of bans and exceptions after this period, and reviews that are overdue.',
    emptyText: 'None.',
    columns: COLUMNS,
    rows: rows.map(rowOf),
    marks: rows.map(({ at }) => (Number(at) < until ? 'overdue' : null))
  }
}

/** Exceptions about to end. */
export function endingExceptionsTable(
  { dates }: RuleFacts,
  until: Milliseconds,
  horizon: Milliseconds
): Table {
  const rows = dates.filter(({ at, what, kind }) => {
    const isEnd = kind === 'exception' && what === 'ends'
    return isEnd && Number(at) >= until && Number(at) < until + horizon
  })
  return {
    id: 'ending-exceptions',
    title: 'Exceptions about to end',
    description: `Exceptions that end in the next ${horizon / MS_PER_DAY} days: what they open is blocked again then.`,
    emptyText: 'None.',
    columns: [
      column('exception', 'text'),
      column('ends', 'time'),
      column('lastDay', 'text', 'last day'),
      column('days', 'count', 'days left'),
      column('networks', 'text'),
      column('approval', 'text')
    ],
    rows: rows.map(({ id, at, lastDay, networks, by }) => {
      const days = Math.ceil((Number(at) - until) / MS_PER_DAY)
      return [id, at, lastDay, days, networks.join(', '), by]
    }),
    marks: rows.map(({ at }) => (Number(at) < until + SOON ? 'ends soon' : null))
  }
}

import { formatValue } from '../report/output/format-value.js'
import type { Tile } from '../report/report.js'
import { sumOf } from './enforcement-tables.js'
import type { Judged } from './judged.js'
import { minutesByStatus, type OUTCOMES } from './enforcement.js'

/**
 * The headline: what share of the lookups was blocked, and whether that is known.
 *
 * @param paused how long a block was paused, for the share; '': never
 */
export function enforcementTiles(
  { enforcement, tally, completeness, timeZone }: Judged,
  paused: string
): Tile[] {
  const { since } = completeness
  const sums = tally.ofOrdered()
  const total = sumOf(sums.values())
  const of = (outcome: (typeof OUTCOMES)[number]): number => sums.get(outcome) ?? 0
  const isKnown = since <= enforcement.period.since
  const isUnknown = since === Infinity
  const seen = sumOf([...tally.networks.values()].map(({ lookups }) => lookups))
  const isPartly = !isKnown && !isUnknown
  const { all, unknown: silent } = enforcement.gateways
  const before = isPartly
    ? `; before ${formatValue(new Date(since), 'time', timeZone)} not known`
    : ''
  const partly = silent === 0 ? before : `${before}; ${silent} of ${all} gateways not known`
  const clients = new Set(
    enforcement.networks.flatMap(network => [...(tally.networks.get(network)?.clients ?? [])])
  )
  const minutes = minutesByStatus(enforcement.period, enforcement.stretches())
  const off = minutes.get('not in force')!
  const unknown = (['restart', 'log missing', 'not known'] as const).map(one => minutes.get(one)!)
  const count = (n: number): string => n.toLocaleString('en')
  return [
    {
      ...{ key: 'lookups', title: 'Attempts', kind: 'count' },
      value: isUnknown ? seen : total,
      note: isUnknown ? 'logged lookups of banned names' : `lookups of banned names${partly}`
    },
    {
      ...{ key: 'blockedShare', title: 'Blocked', kind: 'share' },
      value: isUnknown || total === 0 ? null : of('blocked') / total,
      note: isUnknown
        ? 'not known: answered lookups were not logged'
        : `${count(of('blocked'))} of ${count(total)} lookups${partly}${paused}`,
      warn:
        paused !== '' ||
        !isKnown ||
        silent > 0 ||
        total - of('blocked') - of('exempt') - of('refused') > 0
    },
    {
      ...{ key: 'exemptShare', title: 'Exempt', kind: 'share' },
      value: isUnknown || total === 0 ? null : of('exempt') / total,
      note: isUnknown ? 'not known' : `${count(of('exempt'))} lookups, by exceptions`
    },
    {
      ...{ key: 'minutesNotInForce', title: 'Minutes not in force', value: off, kind: 'count' },
      note: `of ${count(sumOf(minutes.values()))}; ${count(sumOf(unknown))} not known`,
      warn: off + sumOf(unknown) > 0
    },
    {
      ...{ key: 'clients', title: 'Clients', value: clients.size, kind: 'count' },
      note: `in ${count(enforcement.networks.length)} networks with the ban`
    }
  ]
}

import { MS_PER_DAY, type Milliseconds } from '../../../base/units.js'
import { formatValue } from '../output/format-value.js'
import type { Fact, Table, Tile } from '../report.js'
import type { RuleFacts } from './rule-facts.js'
import type { Sums } from './count-by-key.js'

/** What the tiles of a periodic report are made of. */
export interface PeriodicFigures {
  readonly all: Sums
  /** Lookups that no rule matched included. */
  readonly everything: Sums
  readonly compared: Comparison
  readonly bypass: Table
  readonly rules: RuleFacts | undefined
  readonly until: Milliseconds
  readonly horizon: Milliseconds
}

export function periodicTiles(figures: PeriodicFigures): Tile[] {
  const { all, everything, compared, bypass, rules, until, horizon } = figures
  // A log of blocked lookups has no others to take a share of.
  const hasOthers = everything.lookups > all.lookups
  const base = hasOthers ? everything.lookups : all.lookups
  const count = (key: string): number => {
    const at = bypass.columns.findIndex(column => column.key === key)
    return bypass.rows.reduce((sum, row) => sum + Number(row[at]), 0)
  }
  const unblocked = count('unblocked')
  const ending = (rules?.dates ?? []).filter(({ at, kind, what }) => {
    const isEnd = kind === 'ban' && what === 'ends'
    return isEnd && Number(at) >= until && Number(at) < until + horizon
  })
  const uncovered = rules?.uncovered ?? null
  return [
    {
      key: 'lookups',
      title: 'Lookups in the log',
      value: base,
      kind: 'count',
      note: hasOthers
        ? `${all.lookups.toLocaleString('en')} matched a rule`
        : 'all matched a rule: the log has no others'
    },
    {
      key: 'blockedShare',
      title: 'Blocked',
      value: base === 0 ? null : all.blocked / base,
      kind: 'share',
      note: `${all.blocked.toLocaleString('en')} lookups${compared.short}`
    },
    {
      key: 'bansInForce',
      title: 'Bans in force',
      value: rules?.bansInForce ?? null,
      kind: 'count',
      note:
        ending.length === 0
          ? `none ends within ${horizon / MS_PER_DAY} days`
          : `${ending.length} ${ending.length === 1 ? 'ends' : 'end'} within ${horizon / MS_PER_DAY} days`
    },
    {
      key: 'uncoveredNetworks',
      title: 'Uncovered networks',
      value: uncovered?.length ?? null,
      kind: 'count',
      note: uncoveredNote(uncovered, rules?.networks ?? 0),
      warn: uncovered !== null && uncovered.length > 0
    },
    {
      key: 'unblockedBypass',
      title: 'Unblocked bypass',
      value: unblocked,
      kind: 'count',
      note: `of ${count('lookups').toLocaleString('en')} lookups to bypass the resolver`,
      warn: unblocked > 0
    }
  ]
}

export function factOf({ title, value, kind, note }: Tile, timeZone: string): Fact {
  const figure = formatValue(value, kind, timeZone)
  return [title, value === null ? figure : `${figure} (${note})`]
}

function uncoveredNote(uncovered: RuleFacts['uncovered'], networks: number): string {
  if (uncovered === null) return 'no scope declared'
  if (uncovered.length === 0) return 'every scope is covered'
  return `of ${networks}: ${shortList(uncovered.map(({ network }) => network))}`
}

/** Networks that a tile names. */
const MAX_NAMED = 3

function shortList(names: readonly string[]): string {
  const more = names.length - MAX_NAMED
  return `${names.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Blocked lookups that the period is compared with. */
export interface Baseline {
  readonly blocked: number
  /** What they are of: `week before`. */
  readonly text: string
}

export interface Comparison {
  readonly text: string
  /** For a tile: `, +51% on the week before`, or nothing. */
  readonly short: string
}

export function comparison({ blocked }: Sums, { first }: Sums, baseline: Baseline): Comparison {
  const { blocked: usual, text } = baseline
  if (first === null) return { text: `no lookups of the ${text} in the log`, short: '' }
  if (usual === 0) return { text: `nothing blocked in the ${text}`, short: '' }
  const change = formatValue(blocked / usual - 1, 'change', 'UTC')
  const count = Math.round(usual).toLocaleString('en')
  return {
    text: `blocked ${change} against the ${text} (${count})`,
    short: `, ${change} on the ${text}`
  }
}

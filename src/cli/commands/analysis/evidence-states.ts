import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { buildTimetable, isActive, unchangedUntil } from '../../../policy/tables/timetable.js'
import type {
  BanState,
  StatesByNetwork,
  StateSpan
} from '../../../analysis/evidence/enforcement.js'
import { textsOf } from '../../../gateway/compiler/former-bans.js'
import {
  isPassPart,
  type Ban,
  type NameSource,
  type RuleSet
} from '../../../policy/rules/model/types.js'
import { isDisjoint, itemsOf } from '../../../policy/rules/networks/rule-index.js'

/** The states of a ban over a period, in each network that has it. */
export function banStates(
  id: string,
  { networks }: RuleSet,
  since: Milliseconds,
  until: Milliseconds
): StatesByNetwork {
  const found = networks.flatMap(network => {
    const ban = network.rules.find((rule): rule is Ban => rule.kind === 'ban' && rule.id === id)
    return ban === undefined ? [] : [[network.id, spansOf(ban, since, until)] as const]
  })
  return Object.fromEntries(found)
}

function spansOf(ban: Ban, since: Milliseconds, until: Milliseconds): StateSpan[] {
  const timetable = ban.schedule && buildTimetable(ban.schedule)
  const spans: StateSpan[] = []
  for (let from = since; from < until;) {
    const now = Math.floor(from / MS_PER_SECOND)
    const isOpen = timetable === undefined || isActive(timetable, now)
    const state = stateOf(ban, now, isOpen)
    const next = [
      ban.from,
      ban.until,
      timetable === undefined ? Infinity : unchangedUntil(timetable, now)
    ]
      .filter(at => at > now)
      .map(at => at * MS_PER_SECOND)
    const end = Math.min(until, ...next)
    const before = spans.at(-1)
    if (before?.state === state) spans[spans.length - 1] = { ...before, until: end }
    else spans.push({ from, until: end, state })
    from = end
  }
  return spans
}

function stateOf({ from, until, mode }: Ban, now: number, isOpen: boolean): BanState {
  if (now < from) return 'to come'
  if (until <= now) return 'ended'
  if (!isOpen) return 'outside its hours'
  return mode === 'monitor' ? 'monitored' : 'in force'
}

/** The names and prefixes of a ban, in the syntax of rules; a list lets its pass entries through. */
export function banSources(id: string, { networks }: RuleSet): Ban['sources'] {
  const bans = networks.flatMap(({ rules }) =>
    rules.filter((rule): rule is Ban => rule.kind === 'ban' && rule.id === id)
  )
  return [...new Set(bans.flatMap(({ sources }) => sources))]
}

/**
 * The names in `except` of a ban, in the syntax of rules: those that every version of it leaves out, and that it
 * does not have by an app or a list, either.
 */
export function exceptedPatterns(id: string, versions: readonly RuleSet[]): string[] {
  const sets = versions
    .map(rules => banSources(id, rules))
    .filter(sources => sources.length > 0)
    .map(sources => new Set(sources.filter(isExcept).flatMap(it => leftOut(it, sources))))
  return [...(sets[0] ?? [])].filter(text => sets.every(set => set.has(text))).sort()
}

const isExcept = (source: NameSource): boolean => source.kind === 'inline' && isPassPart(source)

function leftOut(except: NameSource, sources: Ban['sources']): string[] {
  const others = sources.filter(({ id }) => id !== except.id)
  if (others.some(({ kind }) => kind === 'list')) return []
  return textsOf(except).filter((_, i) => {
    const item = itemsOf(except)[i]!
    return others.every(source => isDisjoint(item, source))
  })
}

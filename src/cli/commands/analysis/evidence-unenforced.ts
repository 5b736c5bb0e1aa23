import {
  recordedPauses,
  pausedCounts,
  unrecordedPauses
} from '../../../analysis/evidence/pause-spans.js'
import type { PauseSpan } from '../../../analysis/evidence/pause-spans.js'
import type { Gateway, Segment, Version } from '../../../analysis/evidence/rule-segments.js'
import {
  exceptionTerms,
  type TermOfRule,
  type UnenforcedFacts
} from '../../../analysis/evidence/unenforced.js'
import { networksByRule, sourceId } from '../../../analysis/enforcement/coverage.js'
import type { Log } from '../../../analysis/report/log.js'
import { viewLists, type ListView } from '../../../analysis/views/lists-view.js'
import type { Milliseconds } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import type { RulesResult } from '../../../policy/rules/load.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { listState } from '../../args/configured-copies.js'
import type { StoredHistories } from './evidence-history.js'
import { banSources } from './evidence-states.js'

type Loaded = Extract<RulesResult, { readonly ok: true }>

interface Period {
  readonly since: Milliseconds
  readonly until: Milliseconds
}

/** What a pack says of what was not enforced, beside what `Enforcement` judges. @throws InterdictError LOG_… */
export async function unenforcedFacts(
  ban: string,
  period: Period,
  { log, stored, segments }: { log: Log; stored: StoredHistories; segments: readonly Segment[] },
  rulesOf: (version: Version) => RuleSet | undefined,
  { config, loaded }: { config: Config; loaded: Loaded }
): Promise<UnenforcedFacts> {
  const paused = await pausedCounts(log, period)
  const recorded = [...stored].flatMap(([gateway, { stretches }]) =>
    recordedPauses(gateway, stretches, period)
  )
  const all = [...recorded, ...unrecordedPauses(paused, recorded)]
  const pauses = all
    .map(pause => ({ ...pause, networks: networksOf(pause, segments, rulesOf, loaded.rules) }))
    .sort((a, b) => a.from - b.from || (a.rule < b.rule ? -1 : 1))
  const exceptions = exceptionTerms(ban, segments, rulesOf)
  const views = await viewLists(loaded, listState(config))
  const lists = staleLists(ban, loaded.rules, views, period, [...stored.keys()])
  return { pauses, paused, exceptions, lists }
}

/** The networks that had a paused block, under the rules of that time, or else under the current ones. */
function networksOf(
  { rule, gateway, from }: PauseSpan,
  segments: readonly Segment[],
  rulesOf: (version: Version) => RuleSet | undefined,
  current: RuleSet
): string[] {
  const segment = segments.find(
    one => one.gateway === gateway && one.from <= from && from < one.until
  )
  const rules = segment?.kind === 'rules' ? rulesOf(segment.version) : undefined
  const found = [...networksByRule(rules ?? current)].find(
    ([one]) => one.kind === 'block' && one.id === rule
  )
  return [...(found?.[1] ?? [])].sort()
}

const WHY: Readonly<Partial<Record<ListView['state'], string>>> = {
  failing: 'the last download failed: the copy before it is in force',
  missing: 'never downloaded: rules on the list match nothing',
  expired: 'no primary has confirmed the zone for its expire time',
  quarantined: 'the last download is much shorter: the copy before it is in force'
}

/** Lists of the ban whose copy is not good, from when it was made. Of a fleet, only those of this machine are known. */
function staleLists(
  ban: string,
  rules: RuleSet,
  views: readonly ListView[],
  { since, until }: Period,
  gateways: readonly Gateway[]
): TermOfRule[] {
  if (!gateways.includes(undefined)) return []
  const ids = new Set(banSources(ban, rules).map(sourceId))
  const networks = rules.networks.filter(one => one.rules.some(({ id }) => id === ban))
  return views.flatMap(({ id, state, fetched, error }): TermOfRule[] => {
    const why = WHY[state]
    const from = Math.max(since, fetched === null ? since : Date.parse(fetched))
    if (why === undefined || !ids.has(id) || from >= until) return []
    const reason = error === null ? why : `${why} (${error.code})`
    const where = { gateway: undefined, networks: networks.map(one => one.id) }
    return [{ ...where, subject: id, by: null, reason, from, until }]
  })
}

/** Times of which the history of rules does not say whether something was paused. */
export function pauseRemarks(
  stored: StoredHistories,
  since: Milliseconds,
  show: (at: Milliseconds) => string
): string[] {
  return [...stored].flatMap(([gateway, { stretches }]) => {
    const first = stretches[0]?.from ?? Infinity
    if (first <= since) return []
    const where = gateway === undefined ? '' : `${gateway}: `
    const when = first === Infinity ? 'there is none' : `it begins on ${show(first)}`
    return [
      `${where}The history of rules does not have the whole period (${when}): before that, pauses are known from lookups alone, without who made them and why.`
    ]
  })
}

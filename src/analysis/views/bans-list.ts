import { showPrefix } from '../../base/values/address.js'
import type { Seconds } from '../../base/units.js'
import type {
  Ban,
  NameSource,
  Rule,
  RuleException,
  RuleSet
} from '../../policy/rules/model/types.js'
import { showInstant } from '../../base/time/instant.js'
import type { MandateOrder } from '../../policy/rules/mandates/mandate-orders.js'
import { mandatesOfRule, type MandateView } from './mandate-view.js'
import {
  CoverageIndex,
  coverageOf,
  lacksBan,
  networksByRule,
  sourceId,
  type Coverage,
  type NetworkOfBan
} from '../enforcement/coverage.js'
import { ruleState, type RuleState, type BanQuery } from '../enforcement/rule-state.js'

const DAY: Seconds = 86_400

/** Everything that `interdict bans` shows; its JSON form is public, see docs/guides/bans.md. */
export interface BansList {
  /** Instants are RFC 3339, in UTC. */
  readonly at: string
  /** `serial` of the bundle; null for a rules folder. */
  readonly rules: { readonly sha256: string; readonly serial: number | null }
  /** Days ahead for `notices`. */
  readonly within: number
  readonly networks: readonly string[]
  /** In the order of the file. */
  readonly bans: readonly ListedBan[]
  readonly exceptions: readonly ListedException[]
  /** Names that are not validated by DNSSEC, for all networks. */
  readonly dnssecExceptions: readonly ListedDnssecException[]
  /** Starts, ends and reviews within these days, and overdue reviews, by time. */
  readonly notices: readonly Notice[]
  /** What some networks ban and others do not. */
  readonly coverage: readonly Coverage[]
}

interface Listed {
  readonly id: string
  /** `networks.yaml:12` */
  readonly rule: string
  readonly state: RuleState
  /** Networks it applies to, inherited ones (`extends`) included. */
  readonly networks: readonly string[]
  readonly sources: readonly ListedSource[]
  readonly from: string | null
  readonly until: string | null
  readonly schedule: string | null
  readonly reference: string | null
  readonly referenceUrl: string | null
  /** Mandates that concern some of its names, clients and times. */
  readonly mandates: readonly MandateView[]
}

export interface ListedBan extends Listed {
  readonly mode: Ban['mode']
  readonly action: Ban['reply']['action']
  readonly review: string | null
  readonly authority: string | null
  readonly legalBasis: string | null
  readonly owner: string | null
  /** Networks that do not ban everything it bans; of a ban that is to come, once it has begun. */
  readonly lacking: readonly string[]
  /** Those of them that ban some of it. */
  readonly partly: readonly string[]
  /** Networks where it is meant to be banned, by `scope` of the rules or by mandates; null: not declared. */
  readonly scope: readonly string[] | null
  /** Those of them that do not ban all that is meant to be banned there. */
  readonly uncovered: readonly string[]
}

export interface ListedException extends Listed {
  readonly purpose: string
  readonly approvedBy: string
  /** Empty: for all clients of the networks. */
  readonly prefixes: readonly string[]
}

export interface ListedDnssecException {
  readonly name: string
  /** `networks.yaml:12` */
  readonly rule: string
  readonly state: RuleState
  readonly purpose: string
  readonly approvedBy: string
  readonly reference: string | null
  readonly referenceUrl: string | null
  readonly from: string | null
  readonly until: string | null
}

export interface ListedSource {
  readonly kind: NameSource['kind']
  /** Id of the app or list; `networks.yaml:12` for names written in the rule. */
  readonly id: string
  readonly title: string
}

export interface Notice {
  readonly at: string
  readonly kind: 'ban' | 'exception'
  readonly id: string
  /** `review due`: the review is overdue. */
  readonly what: 'starts' | 'ends' | 'review' | 'review due'
}

/** @param mandates orders of the mandates in force */
export function listBans(
  ruleSet: RuleSet,
  query: BanQuery,
  mandates: readonly MandateOrder[] = []
): BansList {
  const rules = [...new Set(ruleSet.networks.flatMap(({ rules }) => rules))]
    .filter(rule => matches(rule, ruleSet, query))
    .sort((a, b) => a.position.line - b.position.line || a.position.column - b.position.column)
  const bans = rules.filter(rule => rule.kind === 'ban')
  const exceptions = rules.filter(rule => rule.kind === 'exception')
  const index = new CoverageIndex(ruleSet, query.at, mandates)
  const networksOf = networksByRule(ruleSet)
  const parts = { networksOf, mandates, at: query.at }
  return {
    at: shown(query.at)!,
    rules: { sha256: ruleSet.sha256, serial: ruleSet.bundle?.serial ?? null },
    within: query.within,
    networks: ruleSet.networks.map(({ id }) => id),
    bans: bans.map(ban => listedBan(ban, parts, index.ofBan(ban))),
    exceptions: exceptions.map(rule => listedException(rule, parts)),
    dnssecExceptions: listedDnssecExceptions(ruleSet, query),
    notices: [...bans, ...exceptions].flatMap(rule => noticesOf(rule, query)).sort(byTime),
    coverage: coverageOf(index, query)
  }
}

function matches(rule: Rule, { networks }: RuleSet, { network, app }: BanQuery): boolean {
  const there = networks.some(({ id, rules }) => id === network && rules.includes(rule))
  if (network !== undefined && !there) return false
  return app === undefined || rule.sources.some(({ kind, id }) => kind === 'app' && id === app)
}

/** What rules are listed with. */
interface Parts {
  readonly networksOf: ReturnType<typeof networksByRule>
  readonly mandates: readonly MandateOrder[]
  readonly at: Seconds
}

function listedBan(ban: Ban, parts: Parts, all: readonly NetworkOfBan[]): ListedBan {
  const { mode, reply, review, authority, legalBasis, owner } = ban
  return {
    ...listed(ban, parts),
    mode,
    action: reply.action,
    review: shown(review),
    authority: authority ?? null,
    legalBasis: legalBasis ?? null,
    owner: owner ?? null,
    ...coverageFields(all)
  }
}

function coverageFields(all: readonly NetworkOfBan[]) {
  const idsOf = (wanted: (one: NetworkOfBan) => boolean): string[] =>
    all.filter(wanted).map(({ network }) => network)
  return {
    lacking: idsOf(lacksBan),
    partly: idsOf(({ state }) => state === 'partly'),
    scope: all.some(({ isMeant }) => isMeant !== null)
      ? idsOf(({ isMeant }) => isMeant === true)
      : null,
    uncovered: idsOf(({ isGap }) => isGap)
  }
}

function listedException(rule: RuleException, parts: Parts): ListedException {
  const { purpose, approvedBy, prefixes } = rule
  return {
    ...listed(rule, parts),
    purpose,
    approvedBy,
    prefixes: prefixes.map(showPrefix)
  }
}

function listedDnssecExceptions(
  { dnssecExceptions = [] }: RuleSet,
  { at, network, app }: BanQuery
): ListedDnssecException[] {
  // They concern names, whatever the network; no app.
  if (app !== undefined || network !== undefined) return []
  return dnssecExceptions.map(one => ({
    name: one.text,
    rule: `${one.position.file}:${one.position.line}`,
    state: ruleState(one, at),
    purpose: one.purpose,
    approvedBy: one.approvedBy,
    reference: one.reference ?? null,
    referenceUrl: one.referenceUrl ?? null,
    from: shown(one.from),
    until: shown(one.until)
  }))
}

function listed(rule: Ban | RuleException, { networksOf, mandates, at }: Parts): Listed {
  const { id, position, sources, from, until, schedule, reference, referenceUrl } = rule
  const titles = new Map(sources.map(source => [sourceId(source), source]))
  const place = `${position.file}:${position.line}`
  return {
    id,
    rule: place,
    state: ruleState(rule, at),
    networks: [...networksOf.get(rule)!],
    sources: [...titles].map(([id, { kind, title }]) => ({ kind, id, title })),
    from: shown(from),
    until: shown(until),
    schedule: schedule?.text ?? null,
    reference: reference ?? null,
    referenceUrl: referenceUrl ?? null,
    mandates: mandatesOfRule(mandates, place)
  }
}

function noticesOf(rule: Ban | RuleException, { at, within }: BanQuery): Notice[] {
  const { kind, id, from, until } = rule
  const isSoon = (instant: Seconds): boolean => at < instant && instant <= at + within * DAY
  const review = rule.kind === 'ban' && at < until ? rule.review : undefined
  const notice = (instant: Seconds, what: Notice['what']): Notice[] => {
    return [{ at: shown(instant)!, kind, id, what }]
  }
  return [
    ...(isSoon(from) ? notice(from, 'starts') : []),
    ...(isSoon(until) ? notice(until, 'ends') : []),
    ...(review !== undefined && isSoon(review) ? notice(review, 'review') : []),
    ...(review !== undefined && review <= at ? notice(review, 'review due') : [])
  ]
}

function byTime(a: Notice, b: Notice): number {
  return Date.parse(a.at) - Date.parse(b.at)
}

function shown(instant: Seconds | undefined): string | null {
  return instant !== undefined && Number.isFinite(instant) ? showInstant(instant, 'UTC') : null
}

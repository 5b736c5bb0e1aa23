import type { Milliseconds } from '../../base/units.js'
import type { QueryRecord } from '../../lookups/event/schema.js'
import type { Segment, Version } from './rule-segments.js'
import type { Gateway } from './rule-versions.js'

/*
 * What became of each lookup that a ban covers, and in which minutes the ban was not in force. verify.py in the
 * pack has the same rules in Python, and a test compares both.
 */

/** State of a ban in a network under one version of the rules; `absent`: it is not in them. */
export type BanState =
  'in force' | 'monitored' | 'absent' | 'to come' | 'ended' | 'outside its hours'

/** A state from one time, inclusive, to another, exclusive. */
export interface StateSpan {
  readonly from: Milliseconds
  readonly until: Milliseconds
  readonly state: BanState
}

/** The states of the ban over the whole period, by network; a network that is not in it has no ban. */
export type StatesByNetwork = Readonly<Record<string, readonly StateSpan[]>>

/**
 * What became of a lookup.
 *
 * `blocked`       by this ban or another rule
 * `exempt`        exempted by an exception
 * `monitored`     answered; a rule in monitor mode would have blocked it
 * `refused`       got no records: the query was of a kind that is never forwarded
 * `absent`        answered; the rules did not have the ban in this network
 * `outside dates`, `outside hours`  answered; the ban was not to be in force at that time
 * `other`         answered although the ban was in force: it did not cover the name, the query or the client
 * `not known`     answered, under rules that are not at hand
 */
export const OUTCOMES = [
  ...(['blocked', 'exempt', 'monitored', 'refused', 'absent', 'outside dates'] as const),
  ...(['outside hours', 'other', 'not known'] as const)
] as const
export type EnforcementOutcome = (typeof OUTCOMES)[number]

const OUTCOME_OF_STATE: Readonly<Record<BanState, EnforcementOutcome>> = {
  'in force': 'other',
  monitored: 'other',
  absent: 'absent',
  'to come': 'outside dates',
  ended: 'outside dates',
  'outside its hours': 'outside hours'
}

/** Status of a ban over a time, the worst last. */
export const STATUSES = ['in force', 'not known', 'restart', 'log missing', 'not in force'] as const
export type Status = (typeof STATUSES)[number]

/** A time with one status at a gateway, in a network. */
export interface Stretch {
  readonly gateway: Gateway
  readonly network: string
  readonly from: Milliseconds
  readonly until: Milliseconds
  readonly status: Status
  readonly cause: string
  readonly version: Version | undefined
}

/** A time of which the chain of the log has a file that is not there. */
export interface MissingTime {
  readonly from: Milliseconds
  readonly until: Milliseconds
}

/** Fields of a lookup that decide. */
export type Lookup = Pick<
  QueryRecord,
  'verdict' | 'ban' | 'exception' | 'network' | 'sha256' | 'serial'
>

export const versionKey = ({ sha256, serial }: Version): string => `${sha256} ${serial ?? ''}`

export class Enforcement {
  /** By gateway, version and network, for versions that are not at hand: what lookups show. */
  private readonly shown = new Map<string, { blocked: boolean; answered: boolean }>()
  /** Networks in which the ban matched a lookup. */
  private readonly matched = new Set<string>()

  /**
   * @param states of each version that is at hand, by `versionKey`
   * @param present networks that have the ban now, which count if it is not known which had it in the period
   */
  constructor(
    readonly ban: string,
    readonly period: { readonly since: Milliseconds; readonly until: Milliseconds },
    readonly segments: readonly Segment[],
    readonly states: ReadonlyMap<string, StatesByNetwork>,
    readonly missing: readonly MissingTime[],
    readonly present: readonly string[] = []
  ) {}

  /** Networks that have the ban at some time in the period: what is ordered. Complete after all lookups. */
  get networks(): readonly string[] {
    const known = [...this.states.values()].flatMap(networks => Object.keys(networks))
    const found = new Set([...known, ...this.matched])
    // A period of which nothing is known is not one in which the ban was in force.
    return [...(found.size > 0 ? found : this.present)].sort()
  }

  /** The number of gateways of a fleet, and of gateways without any known time in the period. */
  get gateways(): { readonly all: number; readonly unknown: number } {
    const isKnown = new Map<Gateway, boolean>()
    for (const { gateway, kind } of this.segments) {
      if (gateway !== undefined)
        isKnown.set(gateway, isKnown.get(gateway) === true || kind !== 'unknown')
    }
    return { all: isKnown.size, unknown: [...isKnown.values()].filter(known => !known).length }
  }

  add(lookup: Lookup, at: Milliseconds, gateway: Gateway): EnforcementOutcome {
    const outcome = this.outcomeOf(lookup, at)
    const { network = '', ban } = lookup
    if (ban === this.ban) this.matched.add(network)
    const isAnswered = outcome === 'not known'
    if (ban !== this.ban && !isAnswered) return outcome
    const key = this.shownKey(gateway, versionOf(lookup), network)
    const shown = this.shown.get(key) ?? { blocked: false, answered: false }
    this.shown.set(key, shown)
    if (isAnswered) shown.answered = true
    else if (lookup.verdict === 'blocked') shown.blocked = true
    return outcome
  }

  private outcomeOf(lookup: Lookup, at: Milliseconds): EnforcementOutcome {
    const { verdict, exception, network = '' } = lookup
    if (verdict === 'blocked' || verdict === 'monitored' || verdict === 'refused') return verdict
    if (verdict === 'allowed' && exception !== undefined) return 'exempt'
    const states = this.states.get(versionKey(versionOf(lookup)))
    if (states === undefined) return 'not known'
    return OUTCOME_OF_STATE[stateAt(states, network, at)]
  }

  /** The status over the whole period, for each gateway and each network that has the ban. */
  stretches(): Stretch[] {
    return this.segments.flatMap(segment =>
      this.networks.flatMap(network => this.inSegment(segment, network))
    )
  }

  private inSegment(segment: Segment, network: string): Stretch[] {
    const { gateway, from, until } = segment
    const gaps = gateway === undefined ? this.missing : []
    const cuts = [from, until, ...gaps.flatMap(gap => [gap.from, gap.until])]
    const spans =
      segment.kind === 'rules' ? this.states.get(versionKey(segment.version))?.[network] : []
    for (const span of spans ?? []) cuts.push(span.from, span.until)
    const bounds = [...new Set(cuts.filter(at => from <= at && at <= until))].sort((a, b) => a - b)
    return bounds.slice(1).map((to, i) => {
      const start = bounds[i]!
      const isMissing = gaps.some(gap => gap.from < to && start < gap.until)
      const judged = isMissing ? MISSING : this.judge(segment, network, start)
      const version = segment.kind === 'rules' ? segment.version : undefined
      return { gateway, network, from: start, until: to, ...judged, version }
    })
  }

  private judge(segment: Segment, network: string, at: Milliseconds): Judged {
    const { gateway } = segment
    if (segment.kind === 'rules') return this.underVersion(segment.version, gateway, network, at)
    if (segment.kind === 'restart')
      return { status: 'restart', cause: 'the gateway was stopped or started again in this time' }
    if (segment.kind === 'unknown') return { status: 'not known', cause: segment.why }
    const before = this.underVersion(segment.before, gateway, network, segment.from)
    const after = this.underVersion(segment.after, gateway, network, segment.until)
    if (before.status === after.status) return before
    return { status: 'not known', cause: 'rules changed within this time' }
  }

  private underVersion(
    version: Version,
    gateway: Gateway,
    network: string,
    at: Milliseconds
  ): Judged {
    const states = this.states.get(versionKey(version))
    if (states !== undefined) {
      const state = stateAt(states, network, at)
      return { status: state === 'in force' ? 'in force' : 'not in force', cause: state }
    }
    const shown = this.shown.get(this.shownKey(gateway, version, network))
    if (shown?.answered === true && !shown.blocked)
      return { status: 'not in force', cause: 'lookups were answered; these rules are not at hand' }
    if (shown?.blocked === true && !shown.answered)
      return { status: 'in force', cause: 'lookups were blocked; these rules are not at hand' }
    return { status: 'not known', cause: 'these rules are not at hand' }
  }

  private shownKey(gateway: Gateway, version: Version, network: string): string {
    return JSON.stringify([gateway ?? '', versionKey(version), network])
  }
}

type Judged = Pick<Stretch, 'status' | 'cause'>

const MISSING: Judged = { status: 'log missing', cause: 'a file of the log is not there' }

function versionOf({ sha256 = '', serial }: Lookup): Version {
  return { sha256, serial: serial ?? null }
}

function stateAt(states: StatesByNetwork, network: string, at: Milliseconds): BanState {
  return states[network]?.find(({ from, until }) => from <= at && at < until)?.state ?? 'absent'
}

const MINUTE: Milliseconds = 60_000

/** How many minutes of the period have each status: that of their worst moment. */
export function minutesByStatus(
  { since, until }: { readonly since: Milliseconds; readonly until: Milliseconds },
  stretches: readonly Stretch[]
): ReadonlyMap<Status, number> {
  const first = Math.floor(since / MINUTE)
  const worst = new Uint8Array(Math.max(0, Math.ceil(until / MINUTE) - first))
  for (const { from, until: end, status } of stretches) {
    const rank = STATUSES.indexOf(status)
    const last = Math.ceil(end / MINUTE) - first
    for (let at = Math.floor(from / MINUTE) - first; at < last; at++)
      if (worst[at]! < rank) worst[at] = rank
  }
  const counts = new Map(STATUSES.map(status => [status, 0]))
  for (const rank of worst) counts.set(STATUSES[rank]!, counts.get(STATUSES[rank]!)! + 1)
  return counts
}

/** A stretch that several networks share. */
export interface Window extends Omit<Stretch, 'network'> {
  readonly networks: readonly string[]
}

/** Times in which the ban was not known to be in force; adjacent ones with the same cause are one. */
export function windowsOf(stretches: readonly Stretch[]): Window[] {
  const open = new Map<string, { readonly stretch: Stretch; readonly index: number }>()
  const merged: Stretch[] = []
  for (const stretch of stretches) {
    const key = JSON.stringify([stretch.gateway ?? '', stretch.network])
    const { stretch: before, index = merged.length } = open.get(key) ?? {}
    const isSame =
      before?.until === stretch.from &&
      before.status === stretch.status &&
      before.cause === stretch.cause &&
      JSON.stringify(before.version) === JSON.stringify(stretch.version)
    const now = isSame ? { ...before, until: stretch.until } : stretch
    const at = isSame ? index : merged.length
    merged[at] = now
    open.set(key, { stretch: now, index: at })
  }
  const windows = new Map<string, Stretch & { networks: string[] }>()
  for (const stretch of merged) {
    if (stretch.status === 'in force') continue
    const { gateway, from, until, status, cause, version } = stretch
    const key = JSON.stringify([gateway ?? '', from, until, status, cause, version])
    const window = windows.get(key) ?? { ...stretch, networks: [] }
    windows.set(key, window)
    window.networks.push(stretch.network)
  }
  return [...windows.values()].sort((a, b) => a.from - b.from || a.until - b.until)
}

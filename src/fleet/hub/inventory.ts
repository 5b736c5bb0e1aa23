import type { KeyObject } from 'node:crypto'
import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import { failsState } from '../../gateway/status/problems.js'
import { isSignedBy } from '../channel/credentials.js'
import { userKey } from '../channel/nkey.js'
import {
  MAX_REPORT,
  readMessage,
  reportSchema,
  signedSchema,
  type Counters,
  type Report
} from '../channel/wire.js'
import type { HubState } from './hub-state.js'
import { NO_COUNTERS } from './traffic-counts.js'

/** Limit of a signed report: the text is quoted in JSON. */
const MAX_SIGNED = 2 * MAX_REPORT

export interface NetworkCounts {
  readonly lookups: number
  readonly blocked: number
}

/** What a gateway counted between two reports. */
export interface Counted {
  readonly gateway: string
  readonly ring: string
  /** In force at the second one. */
  readonly serial: number | null
  /** The same bundle was in force at both. */
  readonly isSteady: boolean
  readonly hasRestarted: boolean
  readonly counts: Counters
  readonly networks: Readonly<Record<string, NetworkCounts>>
}

/** A gateway as the hub knows it. */
export interface Known {
  readonly name: string
  /** Null: it has not reported since the hub started. */
  readonly report: Report | null
  /** Wall-clock time of the hub. */
  readonly contact: Milliseconds | null
  /** Its clock minus that of the hub. */
  readonly clockOffset: Milliseconds | null
  /** How the last report came; null: there was none. */
  readonly by: Transport | null
}

export type Transport = 'nats' | 'https'

/** Why a report is not taken. */
export type Rejection = 'malformed' | 'unknown' | 'sender' | 'signature' | 'replayed'

/** Changed in place by each report. */
type Entry = { -readonly [key in keyof Known]: Known[key] } & {
  readonly key: KeyObject
  readonly account: string | null
  /** When its earlier runs started: their reports may come again from whoever has kept them. */
  readonly endedRuns: Set<string>
}

/** Earlier runs remembered for each gateway. */
const MAX_RUNS = 100

/** True if a gateway does not serve, runs other rules than ordered, or writes no evidence. */
export function isFailing(report: Report | null): boolean {
  return report !== null && (!report.ready || report.problems.some(failsState))
}

/** All gateways that are enrolled, with the last report of each. */
export class Inventory {
  readonly dropped: Record<Rejection, number> = {
    malformed: 0,
    unknown: 0,
    sender: 0,
    signature: 0,
    replayed: 0
  }
  accepted = 0
  private readonly entries = new Map<string, Entry>()
  /** Names by public key of the account. */
  private readonly names = new Map<string, string>()

  /** @param onCounted called for each report but the first one of a gateway */
  constructor(
    private readonly clock: Clock,
    private readonly onCounted: (counted: Counted) => void = () => undefined
  ) {}

  /** Adds a gateway, or replaces its keys. @param key public nkey @param account public key; null: it has none at NATS */
  add(name: string, key: string, account: string | null = null): void {
    const found = userKey(key)
    if (found === undefined) return
    this.remove(name)
    const empty = { report: null, contact: null, clockOffset: null, by: null }
    const own = { key: found, account, endedRuns: new Set<string>() }
    this.entries.set(name, { name, ...empty, ...own })
    if (account !== null) this.names.set(account, name)
  }

  /** Takes the gateways of a state that another hub has changed; gateways in both keep their reports. */
  follow(previous: HubState['gateways'], next: HubState['gateways']): void {
    for (const name of Object.keys(previous)) if (!(name in next)) this.remove(name)
    for (const [name, { key, account, revoked }] of Object.entries(next)) {
      const old = previous[name]
      const isSame = old?.key === key && old.account === account
      if (revoked !== null) this.remove(name)
      else if (!isSame || !this.entries.has(name)) this.add(name, key, account)
    }
  }

  remove(name: string): void {
    const account = this.entries.get(name)?.account ?? null
    if (account !== null) this.names.delete(account)
    this.entries.delete(name)
  }

  /** The gateway with an account at NATS; undefined: it is none, or revoked. */
  nameOf(account: string): string | undefined {
    return this.names.get(account)
  }

  get all(): Known[] {
    return [...this.entries.values()]
  }

  /**
   * Takes a signed report.
   *
   * @param sender the gateway that sent it; undefined: the signature alone says
   * @returns why it is dropped; undefined: it is taken
   */
  onReport(octets: Uint8Array, by: Transport = 'nats', sender?: string): Rejection | undefined {
    const rejection = this.take(octets, by, sender)
    if (rejection === undefined) this.accepted++
    else this.dropped[rejection]++
    return rejection
  }

  private take(octets: Uint8Array, by: Transport, sender?: string): Rejection | undefined {
    const signed = readMessage(octets, signedSchema, MAX_SIGNED)
    if (signed === undefined) return 'malformed'
    const report = readMessage(Buffer.from(signed.report), reportSchema, MAX_REPORT)
    if (report === undefined) return 'malformed'
    const entry = this.entries.get(report.gateway)
    if (entry === undefined) return 'unknown'
    if (sender !== undefined && sender !== report.gateway) return 'sender'
    if (!isSignedBy(signed, entry.key)) return 'signature'
    if (entry.report?.started === report.started && report.number <= entry.report.number)
      return 'replayed'
    if (entry.endedRuns.has(report.started)) return 'replayed'
    this.accept(entry, report, by)
    return undefined
  }

  private accept(entry: Entry, report: Report, by: Transport): void {
    const before = entry.report
    const now = this.clock.wall()
    entry.contact = now
    entry.by = by
    entry.clockOffset = Date.parse(report.at) - now
    entry.report = report
    if (before === null) return
    const hasRestarted = before.started !== report.started
    if (hasRestarted) rememberRun(entry.endedRuns, before.started)
    this.onCounted({
      ...{ gateway: entry.name, ring: report.ring, serial: report.active, hasRestarted },
      isSteady: before.active === report.active,
      // After a restart, counters begin at 0.
      counts: difference(report.counters, hasRestarted ? NO_COUNTERS : before.counters),
      networks: networkDifference(report.networks, hasRestarted ? {} : before.networks)
    })
  }
}

function rememberRun(runs: Set<string>, started: string): void {
  runs.add(started)
  if (runs.size > MAX_RUNS) runs.delete(runs.values().next().value!)
}

const least = (now: number, then: number): number => Math.max(0, now - then)

function difference(now: Counters, then: Counters): Counters {
  return {
    lookups: least(now.lookups, then.lookups),
    blocked: least(now.blocked, then.blocked),
    servfail: least(now.servfail, then.servfail),
    durationSum: least(now.durationSum, then.durationSum),
    responses: least(now.responses, then.responses)
  }
}

function networkDifference(
  now: Report['networks'] = {},
  then: Report['networks'] = {}
): Counted['networks'] {
  return Object.fromEntries(
    Object.entries(now).map(([name, [lookups, blocked]]) => {
      const [lookupsThen, blockedThen] = then[name] ?? [0, 0]
      return [name, { lookups: least(lookups, lookupsThen), blocked: least(blocked, blockedThen) }]
    })
  )
}

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

/** Limit of a signed report: the text is quoted in JSON. */
const MAX_SIGNED = 2 * MAX_REPORT

export const NO_COUNTERS: Counters = {
  lookups: 0,
  blocked: 0,
  servfail: 0,
  durationSum: 0,
  responses: 0
}

/** What was counted while one bundle was in force. */
export interface Period {
  readonly serial: number | null
  readonly counts: Counters
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
  readonly current: Period
  /** With the bundle before. */
  readonly previous: Period
  /** How the last report came; null: there was none. */
  readonly by: Transport | null
}

export type Transport = 'nats' | 'https'

/** Why a report is not taken. */
export type Rejection = 'malformed' | 'unknown' | 'signature' | 'replayed'

/** Changed in place by each report. */
type Entry = { -readonly [key in keyof Known]: Known[key] } & {
  readonly key: KeyObject
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
    signature: 0,
    replayed: 0
  }
  accepted = 0
  private readonly entries = new Map<string, Entry>()

  constructor(private readonly clock: Clock) {}

  /** Adds a gateway, or replaces its key. @param key public nkey */
  add(name: string, key: string): void {
    const found = userKey(key)
    if (found === undefined) return
    const none: Period = { serial: null, counts: NO_COUNTERS }
    const empty = { report: null, contact: null, clockOffset: null, by: null }
    const periods = { current: none, previous: none }
    this.entries.set(name, { name, ...empty, key: found, endedRuns: new Set(), ...periods })
  }

  remove(name: string): void {
    this.entries.delete(name)
  }

  get all(): Known[] {
    return [...this.entries.values()]
  }

  /** Takes a signed report. @returns why it is dropped; undefined: it is taken */
  onReport(octets: Uint8Array, by: Transport = 'nats'): Rejection | undefined {
    const rejection = this.take(octets, by)
    if (rejection === undefined) this.accepted++
    else this.dropped[rejection]++
    return rejection
  }

  private take(octets: Uint8Array, by: Transport): Rejection | undefined {
    const signed = readMessage(octets, signedSchema, MAX_SIGNED)
    if (signed === undefined) return 'malformed'
    const report = readMessage(Buffer.from(signed.report), reportSchema, MAX_REPORT)
    if (report === undefined) return 'malformed'
    const entry = this.entries.get(report.gateway)
    if (entry === undefined) return 'unknown'
    if (!isSignedBy(signed, entry.key)) return 'signature'
    const before = entry.report
    if (before?.started === report.started && report.number <= before.number) return 'replayed'
    if (entry.endedRuns.has(report.started)) return 'replayed'
    if (before !== null && before.started !== report.started)
      rememberRun(entry.endedRuns, before.started)
    const now = this.clock.wall()
    entry.contact = now
    entry.by = by
    entry.clockOffset = Date.parse(report.at) - now
    const delta = difference(report, before)
    if (report.active === entry.current.serial)
      entry.current = { serial: report.active, counts: sum(entry.current.counts, delta) }
    else {
      // What was counted since the last report may belong to either bundle, so it counts for neither.
      entry.previous = entry.current
      entry.current = { serial: report.active, counts: NO_COUNTERS }
    }
    entry.report = report
    return undefined
  }
}

function rememberRun(runs: Set<string>, started: string): void {
  runs.add(started)
  if (runs.size > MAX_RUNS) runs.delete(runs.values().next().value!)
}

/** What was counted between two reports. */
function difference({ started, counters }: Report, before: Report | null): Counters {
  if (before === null) return NO_COUNTERS
  // After a restart, counters begin at 0.
  const from = before.started === started ? before.counters : NO_COUNTERS
  const least = (now: number, then: number): number => Math.max(0, now - then)
  return {
    lookups: least(counters.lookups, from.lookups),
    blocked: least(counters.blocked, from.blocked),
    servfail: least(counters.servfail, from.servfail),
    durationSum: least(counters.durationSum, from.durationSum),
    responses: least(counters.responses, from.responses)
  }
}

export function sum(a: Counters, b: Counters): Counters {
  return {
    lookups: a.lookups + b.lookups,
    blocked: a.blocked + b.blocked,
    servfail: a.servfail + b.servfail,
    durationSum: a.durationSum + b.durationSum,
    responses: a.responses + b.responses
  }
}

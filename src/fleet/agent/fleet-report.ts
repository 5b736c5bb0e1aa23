import type { Milliseconds, Octets } from '../../base/units.js'
import type { FleetConfig } from '../../gateway/config/fleet-config.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import type { ChannelState } from '../channel/channel-state.js'
import type { NewlyBlockedName, Report } from '../channel/wire.js'
import type { NewlyBlockedReport } from '../../lookups/record/newly-blocked.js'
import type { QueryLogConfig } from '../../lookups/settings/query-log-config.js'
import {
  COUNTER,
  COUNTERS,
  DURATION_BOUNDS,
  PROTOCOLS
} from '../../resolver/context/lookup-counters.js'
import type { StatusReply } from '../../gateway/status/health.js'
import { failsState } from '../../gateway/status/problems.js'
import { totalsLayout, totalsOf, type CountedRules } from '../../gateway/workers/rule-counters.js'

const MAX_MESSAGE = 500
const MAX_PROBLEMS = 64
const MAX_PAUSED = 100
const MAX_NETWORKS = 50
const MAX_NETWORK_NAME = 64
const MAX_RULE = 200
/** A quarter of the largest report. */
const MAX_NAMES_SIZE: Octets = 4 * 1024
/** Counts of clients in no network. No network can have this name. */
const UNKNOWN_CLIENTS = '-'

/** What a gateway tells the hub. @param number of the report @param now wall clock */
export function fleetReport(
  { name, ring }: Pick<FleetConfig, 'name' | 'ring'>,
  status: StatusReply,
  { wanted, error, trust }: ChannelState,
  counted: Pick<Report, 'counters' | 'networks' | 'names'>,
  { number, now }: { readonly number: number; readonly now: Milliseconds }
): Report {
  const { rules, health, probe } = status
  const active = rules.bundle?.serial ?? null
  return {
    version: 1,
    gateway: name,
    ring,
    program: status.version,
    at: new Date(now).toISOString(),
    started: status.started,
    number,
    wanted: wanted?.serial ?? null,
    active,
    rules: rules.sha256,
    since: rules.since,
    ready: health.ready,
    problems: problemCodes(status),
    refused: wanted === null || wanted.serial === active ? null : refusal(status, error),
    ...(trust !== null && { trust }),
    probe: probe && { good: probe.lastGood, failing: probe.failing },
    paused: pausedRules(status).slice(0, MAX_PAUSED),
    ...counted
  }
}

const pausedRules = ({ enforcement }: StatusReply): string[] =>
  enforcement.against.flatMap(({ kind, subject }) => (kind === 'pause' ? (subject ?? []) : []))

/** Each code once, those first by which the hub judges a rollout: a code may have many problems. */
function problemCodes({ health }: StatusReply): string[] {
  const codes = [...new Set(health.problems.map(({ code }) => code))]
  const failing = codes.filter(failsState)
  return [...failing, ...codes.filter(code => !failsState(code))].slice(0, MAX_PROBLEMS)
}

/** Why the wanted bundle is not in force, if that is known. */
function refusal(
  { rules: { reload } }: StatusReply,
  error: ChannelState['error']
): Report['refused'] {
  const found = error ?? (reload?.outcome === 'refused' ? reload.first[0] : undefined)
  if (found === undefined) return null
  const { code, message } = found
  return { code, message: message.slice(0, MAX_MESSAGE) }
}

/** What a report says of newly blocked names: as much as it has room for. */
export function reportedNames(
  found: NewlyBlockedReport | undefined,
  which: QueryLogConfig['which']
): NonNullable<Report['names']> | null {
  // Without a log of blocked lookups, nothing is known.
  if (found === undefined || which === 'none') return null
  const blocked: NewlyBlockedName[] = []
  let size = 0
  for (const one of found.blocked) {
    if (one.network.length > MAX_NETWORK_NAME) continue
    const short = { ...one, rule: one.rule.slice(0, MAX_RULE) }
    size += Buffer.byteLength(JSON.stringify(short))
    if (size > MAX_NAMES_SIZE) break
    blocked.push(short)
  }
  return { serial: found.serial, blocked }
}

/** @param memory the fixed counters of all workers @param rules undefined: none are active yet */
export function fleetCounts(
  memory: SharedArrayBuffer,
  rules: CountedRules | undefined
): Required<Pick<Report, 'counters' | 'networks'>> {
  const all = new Float64Array(memory)
  const sum = (index: number): number => {
    let total = 0
    for (let start = 0; start < all.length; start += COUNTERS) total += all[start + index]!
    return total
  }
  let responses = 0
  for (let i = 0; i <= DURATION_BOUNDS.length; i++) responses += sum(COUNTER.durations + i)
  const { SERVFAIL } = RCODE
  const networks = rules === undefined ? [] : networkCounts(rules)
  const total = (part: 1 | 2): number => networks.reduce((all, one) => all + one[part], 0)
  return {
    counters: {
      ...{ lookups: total(1), blocked: total(2), responses },
      servfail: sum(COUNTER.responses + SERVFAIL) + sum(COUNTER.shelved + SERVFAIL),
      durationSum: sum(COUNTER.durationSum)
    },
    networks: Object.fromEntries(
      networks
        .filter(([name]) => name.length <= MAX_NETWORK_NAME)
        .sort((a, b) => b[1] - a[1])
        .slice(0, MAX_NETWORKS)
        .map(([name, lookups, blocked]) => [name, [lookups, blocked]])
    )
  }
}

/** Lookups and blocked ones by network; unknown clients last. */
function networkCounts(
  rules: CountedRules
): (readonly [name: string, lookups: number, blocked: number])[] {
  const { groups, blockedAt } = totalsLayout(rules)
  const totals = totalsOf(rules)
  return Array.from({ length: groups }, (_, i) => {
    const requests = totals.subarray(PROTOCOLS * i, PROTOCOLS * (i + 1))
    const lookups = requests.reduce((all, count) => all + count, 0)
    return [rules.networks[i] ?? UNKNOWN_CLIENTS, lookups, totals[blockedAt + i]!] as const
  })
}

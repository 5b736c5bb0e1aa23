import type { Milliseconds } from '../../base/units.js'
import type { Report, ReportedTrust } from '../channel/wire.js'
import type { HubConfig } from './hub-config.js'
import type { Forecast, HubState, PublishedBundle, Rollout } from './hub-state.js'
import { type Known, type Transport, isFailing } from './inventory.js'
import type { JudgedName } from './judge/blocked-names.js'
import { figuresOf, type RingFigures } from './judge/judge-ring.js'
import type { RingWatch } from './judge/ring-watch.js'

/** What the API and the commands show. The JSON is public: docs/operations/fleet.md. Times are RFC 3339. */

/** Which of the hubs of a fleet this is. */
export interface HubStatus {
  readonly name: string
  /** `unknown`: it is not connected to NATS, or cannot renew its lease. */
  readonly role: 'leader' | 'standby' | 'unknown'
  /** The hub that leads; null: not known. */
  readonly leader: string | null
  /** Names of all hubs that were seen in the last seven days. */
  readonly hubs: readonly string[]
  /** Those of them that the leader has not seen for two minutes; empty at a hub that does not lead. */
  readonly missing: readonly string[]
}

/** Names shown of each ring. */
const MAX_NAMES = 20

export type GatewayState = 'running' | 'behind' | 'refusing' | 'silent' | 'unseen'

export interface GatewayView {
  readonly name: string
  readonly ring: string
  /** `unseen`: no report since the hub started. */
  readonly state: GatewayState
  readonly program: string | null
  /** Serial that its ring should run. */
  readonly wanted: number | null
  readonly active: number | null
  readonly since: string | null
  readonly ready: boolean | null
  readonly problems: readonly string[]
  readonly refused: { readonly code: string; readonly message: string } | null
  /** What it trusts bundles by; null: not known. */
  readonly trust: ReportedTrust | null
  /** Its probe of its own bans; null: it is off, or not known. */
  readonly probe: Report['probe']
  readonly contact: string | null
  readonly clockOffsetMs: Milliseconds | null
  /** How its last report came. */
  readonly by: Transport | null
}

export interface RingView extends RingFigures {
  readonly ring: string
  readonly serial: number | null
  readonly since: string | null
  readonly by: string | null
  readonly phase: Rollout['phase'] | null
  readonly why: string | null
  readonly within: string | null
  /** How long the ring must stay within the band. */
  readonly soakMs: Milliseconds
  /** Of its bundle; null: it was published without one. */
  readonly forecast: Forecast | null
  /** Names that its bundle blocks and the one before did not, most clients first. */
  readonly names: readonly JudgedName[]
  /** Live gateways that run the bundle and do not know which names are newly blocked. */
  readonly namesUnknown: number
}

/** How many gateways do not enforce a ban. */
export interface BanView {
  readonly id: string
  readonly gateways: number
  readonly without: number
}

/** Why a gateway does not enforce a ban. */
export type Gap =
  | 'no such ban in its bundle'
  | 'the ban is monitored only'
  | 'the ban has not begun'
  | 'the ban has ended'
  | 'unknown bundle'
  | 'no report'
  | 'no recent report'
  | 'not ready'

export interface GapView extends GatewayView {
  readonly gap: Gap
}

export interface Sources {
  readonly config: HubConfig
  readonly state: HubState
  readonly gateways: readonly Known[]
  readonly watchOf: (ring: string) => RingWatch | undefined
  readonly namesOf: (ring: string) => readonly JudgedName[]
  /** Wall clock. */
  readonly now: Milliseconds
}

export const isLive = (
  { contact }: Known,
  { silentAfter }: Pick<HubConfig, 'silentAfter'>,
  now: Milliseconds
): boolean => contact !== null && now - contact <= silentAfter

const wantedOf = (ring: string, { state }: Sources): number | null =>
  state.rings[ring]?.serial ?? null

export const ringOf = ({ name, report }: Known, state: Pick<HubState, 'gateways'>): string =>
  report?.ring ?? state.gateways[name]!.ring

export function stateOf(gateway: Known, sources: Sources): GatewayState {
  const { report } = gateway
  if (report === null) return 'unseen'
  if (!isLive(gateway, sources.config, sources.now)) return 'silent'
  const wanted = wantedOf(report.ring, sources)
  if (wanted === null || report.active === wanted) return 'running'
  return report.refused === null ? 'behind' : 'refusing'
}

/** In one literal: V8 takes ten times as long to build an object from others, and there are 10,000. */
export function gatewayView(gateway: Known, sources: Sources): GatewayView {
  const { name, report, contact } = gateway
  const ring = ringOf(gateway, sources.state)
  return {
    name,
    ring,
    state: stateOf(gateway, sources),
    wanted: wantedOf(ring, sources),
    active: report?.active ?? null,
    refused: report?.refused ?? null,
    program: report?.program ?? null,
    since: report?.since ?? null,
    ready: report?.ready ?? null,
    problems: report?.problems ?? [],
    trust: report?.trust ?? null,
    probe: report?.probe ?? null,
    contact: contact === null ? null : new Date(contact).toISOString(),
    clockOffsetMs: gateway.clockOffset,
    by: gateway.by
  }
}

export function ringViews(sources: Sources): RingView[] {
  const { config, state, gateways, watchOf, namesOf, now } = sources
  return config.rings.map(({ name, soak }) => {
    const rollout = state.rings[name]
    const own = gateways.filter(one => ringOf(one, state) === name)
    const figures = figuresOf(own, rollout?.serial ?? 0, watchOf(name), {
      isLive: one => isLive(one, config, now)
    })
    const { serial = null, since = null, by = null, phase = null } = rollout ?? {}
    const { why = null, within = null } = rollout ?? {}
    const forecast = state.bundles.find(one => one.serial === serial)?.forecast ?? null
    const running = own.filter(one => isLive(one, config, now) && one.report?.active === serial)
    return {
      ...{ ring: name, serial, since, by, phase, why, within, soakMs: soak, forecast },
      ...figures,
      names: namesOf(name).slice(0, MAX_NAMES),
      namesUnknown: running.filter(({ report }) => report?.names?.serial !== serial).length
    }
  })
}

/** Gateways that do not enforce a ban now, each with the reason. */
export function withoutBan(id: string, sources: Sources): GapView[] {
  const gaps = gapsOf(id, sources)
  return sources.gateways.flatMap(gateway => {
    const gap = reasonOf(gateway, gaps, sources)
    return gap === undefined ? [] : [{ ...gatewayView(gateway, sources), gap }]
  })
}

/** All bans that a gateway may enforce, by id. */
export function banViews(sources: Sources): BanView[] {
  const { gateways } = sources
  return [...knownBans(sources.state)].toSorted().map(id => {
    const gaps = gapsOf(id, sources)
    const without = gateways.filter(one => reasonOf(one, gaps, sources) !== undefined).length
    return { id, gateways: gateways.length, without }
  })
}

/** By serial, why a bundle does not enforce a ban. */
const gapsOf = (id: string, { state, now }: Sources): Map<number, Gap | undefined> =>
  new Map(state.bundles.map(bundle => [bundle.serial, gapOf(bundle, id, now / 1000)]))

function reasonOf(
  gateway: Known,
  gaps: ReadonlyMap<number, Gap | undefined>,
  { config, now }: Sources
): Gap | undefined {
  const { report } = gateway
  if (report === null) return 'no report'
  const { active } = report
  if (active === null || !gaps.has(active)) return 'unknown bundle'
  const gap = gaps.get(active)
  if (gap !== undefined) return gap
  if (!isLive(gateway, config, now)) return 'no recent report'
  return isFailing(report) ? 'not ready' : undefined
}

/** @param now seconds since 1970 */
function gapOf({ bans }: PublishedBundle, id: string, now: number): Gap | undefined {
  const found = bans.filter(ban => ban.id === id)
  if (found.length === 0) return 'no such ban in its bundle'
  const enforced = found.filter(({ mode }) => mode === 'enforce')
  if (enforced.length === 0) return 'the ban is monitored only'
  const begun = enforced.filter(({ from }) => from === null || from <= now)
  if (begun.length === 0) return 'the ban has not begun'
  return begun.some(({ until }) => until === null || until > now) ? undefined : 'the ban has ended'
}

/** Ids of the bans of all bundles that a gateway may run. */
export function knownBans({ bundles }: HubState): ReadonlySet<string> {
  return new Set(bundles.flatMap(({ bans }) => bans.map(({ id }) => id)))
}

import type { Milliseconds } from '../../../base/units.js'
import type { Counters } from '../../channel/wire.js'
import type { Band } from '../hub-config.js'
import type { Forecast } from '../hub-state.js'
import type { NetworkCounts } from '../inventory.js'
import type { RingWatch, Tally } from './ring-watch.js'
import { NO_COUNTERS, sharesOf, sum } from '../traffic-counts.js'

/** Below this, a mean response time is not compared. */
const FAST: Milliseconds = 2
/** Gateways in the control group from which their spread is known. */
const SPREAD_GATEWAYS = 10
/** Lookups of a gateway, or a network, whose share counts by itself. */
const OWN_LOOKUPS = 100
/** In standard errors: 1 in 30,000 by chance. */
const SIGNIFICANT = 4
/** The narrowest band for blocked lookups. */
const LEAST_BAND = 0.01
/** A forecast is from other lookups: it may be off by this part of what it says. */
const FORECAST_ERROR = 0.5
/** A drop to less than this part of what is blocked otherwise, where that is at least so many. */
const DROP = 0.5
const DROP_BLOCKED = 50
const DROP_SHARE = 0.005
/** One network differs more than a ring: so many times the band. */
const NETWORK_BAND = 3

/** What a ring counted, and what was expected. */
export interface TrafficComparison {
  readonly observed: Counters
  /** The part of it that is compared. */
  readonly compared: Counters
  /** Undefined: there is nothing to compare with. */
  readonly usual: Counters | undefined
  /** How far the control group is from what was expected of it: what happens everywhere is no bundle's fault. */
  readonly drift: { readonly blocked: number; readonly servfail: number; readonly latency: number }
  /** Differences of single gateways. Undefined: too few to know their spread. */
  readonly spread: { readonly difference: number; readonly standardError: number } | undefined
}

const NO_DRIFT = { blocked: 0, servfail: 0, latency: 1 }

const totals = (group: readonly Tally[], part: 'observed' | 'compared' | 'expected'): Counters =>
  group.map(one => one[part]).reduce(sum, NO_COUNTERS)

export function comparisonOf(watch: RingWatch | undefined): TrafficComparison {
  const ring = watch?.group(false) ?? []
  const control = watch?.group(true) ?? []
  const observed = totals(ring, 'observed')
  const compared = totals(ring, 'compared')
  if (compared.lookups > 0) {
    const usual = totals(ring, 'expected')
    return { observed, compared, usual, drift: driftOf(control), spread: spreadOf(ring, control) }
  }
  // Nothing is known of the ring before: the later rings run the bundle before, in the same minutes.
  const others = totals(control, 'observed')
  const usual = others.lookups === 0 ? undefined : others
  return { observed, compared: observed, usual, drift: NO_DRIFT, spread: undefined }
}

function driftOf(control: readonly Tally[]): TrafficComparison['drift'] {
  const now = sharesOf(totals(control, 'compared'))
  const usual = sharesOf(totals(control, 'expected'))
  if (now.blocked === null) return NO_DRIFT
  const { blocked, servfail, latency } = usual
  return {
    blocked: now.blocked - blocked!,
    servfail: Math.max(0, (now.servfail ?? 0) - (servfail ?? 0)),
    latency: Math.max(1, (now.latency ?? 0) / Math.max(FAST, latency ?? 0))
  }
}

function spreadOf(ring: readonly Tally[], control: readonly Tally[]): TrafficComparison['spread'] {
  const own = differences(ring)
  const others = differences(control)
  if (own.length === 0 || others.length < SPREAD_GATEWAYS) return undefined
  const mean = average(others)
  const variance = others.reduce((all, one) => all + (one - mean) ** 2, 0) / (others.length - 1)
  return {
    difference: average(own) - mean,
    standardError: Math.sqrt(variance * (1 / own.length + 1 / others.length))
  }
}

const average = (values: readonly number[]): number =>
  values.reduce((all, one) => all + one, 0) / values.length

/** Share of blocked lookups of each gateway, above what was expected of it. */
const differences = (group: readonly Tally[]): number[] =>
  group
    .filter(({ compared }) => compared.lookups >= OWN_LOOKUPS)
    .map(({ compared, expected }) => (compared.blocked - expected.blocked) / compared.lookups)

/** @returns what is outside of the band; undefined: nothing, or too few lookups */
export function beyondBand(
  watch: RingWatch | undefined,
  comparison: TrafficComparison,
  forecast: Forecast | null,
  band: Band
): string | undefined {
  const { observed, compared, usual } = comparison
  if (observed.lookups < Math.max(1, band.lookups)) return undefined
  const known = usual !== undefined && Math.min(compared.lookups, usual.lookups) >= band.lookups
  return (
    (known ? blockedBeyond(comparison, forecast, band) : undefined) ??
    servfailBeyond(comparison, band) ??
    (known ? latencyBeyond(comparison, band) : undefined) ??
    (watch === undefined ? undefined : networkBeyond(watch, forecast, band))
  )
}

const percent = (part: number): string => `${(100 * part).toFixed(1)}%`

/** By how much the forecast says that the share of blocked lookups changes. */
const shiftOf = (forecast: Forecast | null): number =>
  forecast === null || forecast.lookups === 0
    ? 0
    : (forecast.newlyBlocked - forecast.newlyAllowed) / forecast.lookups

function blockedBeyond(
  { compared, usual, drift, spread }: TrafficComparison,
  forecast: Forecast | null,
  band: Band
): string | undefined {
  const shift = shiftOf(forecast)
  const now = compared.blocked / compared.lookups
  const expected = usual!.blocked / usual!.lookups + drift.blocked + shift
  const text = (width: number): string =>
    `blocked ${percent(now)} of lookups, expected ${percent(expected)} ± ${percent(width)}`
  if (Math.abs(now - expected) > band.blocked || hasDropped(now, expected, compared.lookups))
    return text(band.blocked)
  // Without a forecast nobody has said how much more the bundle is to block.
  if (spread === undefined || forecast === null) return undefined
  const width = Math.min(
    band.blocked,
    Math.max(LEAST_BAND, SIGNIFICANT * spread.standardError) + FORECAST_ERROR * Math.abs(shift)
  )
  // Both: the mean over gateways is that of small ones, the share of all lookups that of large ones.
  const isBeyond = Math.min(Math.abs(spread.difference - shift), Math.abs(now - expected)) > width
  return isBeyond ? text(width) : undefined
}

/** Whether much of what is otherwise blocked no longer is: a band in percentage points would not see it. */
const hasDropped = (now: number, expected: number, lookups: number): boolean =>
  expected >= DROP_SHARE && expected * lookups >= DROP_BLOCKED && now < DROP * expected

function servfailBeyond(
  { compared, usual, drift }: TrafficComparison,
  band: Band
): string | undefined {
  const { servfail } = sharesOf(compared)
  const most = (sharesOf(usual ?? NO_COUNTERS).servfail ?? 0) + drift.servfail + band.servfail
  return servfail !== null && servfail > most
    ? `SERVFAIL ${percent(servfail)} of responses, expected at most ${percent(most)}`
    : undefined
}

function latencyBeyond(
  { compared, usual, drift }: TrafficComparison,
  band: Band
): string | undefined {
  const { latency } = sharesOf(compared)
  const before = sharesOf(usual!).latency
  if (latency === null || before === null) return undefined
  const most = Math.max(FAST, before) * drift.latency * band.latency
  return latency > most
    ? `mean response time ${latency.toFixed(1)} ms, expected at most ${most.toFixed(1)} ms`
    : undefined
}

/** A bundle may break one network, which the shares of the whole ring hide. */
function networkBeyond(
  { networks, start }: RingWatch,
  forecast: Forecast | null,
  band: Band
): string | undefined {
  const width = NETWORK_BAND * band.blocked
  for (const [name, before] of start.networksBefore) {
    const after = networks.get(name)
    const forecastOf = forecast?.networks.find(({ what }) => what === name)
    if (after === undefined || Math.min(before.lookups, after.lookups) < OWN_LOOKUPS) continue
    const [now, usual] = [blockedShare(after), blockedShare(before)]
    const hasRisen = now - usual > width && !forecastOf?.newlyBlocked
    const hasFallen =
      (usual - now > width || hasDropped(now, usual, after.lookups)) && !forecastOf?.newlyAllowed
    if (hasRisen || hasFallen)
      return `network ${name}: blocked ${percent(now)} of lookups, expected ${percent(usual)} ± ${percent(width)}`
  }
  return undefined
}

const blockedShare = ({ lookups, blocked }: NetworkCounts): number => blocked / lookups

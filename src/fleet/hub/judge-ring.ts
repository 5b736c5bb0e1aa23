import type { Milliseconds } from '../../base/units.js'
import type { Report } from '../channel/wire.js'
import type { Band } from './hub-config.js'
import type { Forecast, Rollout } from './hub-state.js'
import { isFailing, NO_COUNTERS, sum, type Known, type Period } from './inventory.js'

/** Why a gateway does not run what is wanted, though nothing is wrong with the bundle. */
const UNREACHED: readonly string[] = [
  'FLEET_BUNDLE',
  'FLEET_CONNECT',
  'FLEET_PULL',
  'FLEET_MESSAGE',
  'FLEET_WRITE'
]
/** Errors that a wrong clock of the gateway explains. */
const CLOCK: readonly string[] = ['BUNDLE_EARLY', 'BUNDLE_EXPIRED']
/** The same as bundles have: larger offsets are wrong clocks. */
const CLOCK_SKEW: Milliseconds = 300_000
/** A gateway that has just started, or changed its rules, may be not ready for a moment. */
const SETTLING: Milliseconds = 10_000
/** Below this, a mean response time is not compared. */
const FAST: Milliseconds = 2

/** Shares of lookups; null: there were none. */
export interface Shares {
  readonly lookups: number
  readonly blocked: number | null
  readonly servfail: number | null
  /** Mean response time. */
  readonly latency: Milliseconds | null
}

export interface RingFigures {
  readonly gateways: number
  /** Those that reported within the time. */
  readonly live: number
  /** Live ones that run what is wanted. */
  readonly running: number
  /** Gateways that do not serve, run other rules than ordered, or write no evidence. */
  readonly notReady: number
  readonly refused: number
  readonly shares: Shares
  /** With the bundle before. */
  readonly before: Shares
}

/** `outside`: to be halted. `waiting`: too early to say. */
export type RingJudgement =
  | { readonly kind: 'within' }
  | { readonly kind: 'waiting'; readonly why: string }
  | { readonly kind: 'outside'; readonly why: string }

export function sharesOf(periods: readonly Period[]): Shares {
  const { lookups, blocked, servfail, durationSum, responses } = periods
    .map(({ counts }) => counts)
    .reduce(sum, NO_COUNTERS)
  const share = (part: number, all: number): number | null => (all === 0 ? null : part / all)
  return {
    lookups,
    blocked: share(blocked, lookups),
    servfail: share(servfail, responses),
    latency: share(durationSum, responses)
  }
}

/** @param serial wanted @param live whether a gateway reported lately */
export function figuresOf(
  gateways: readonly Known[],
  serial: number,
  live: (gateway: Known) => boolean
): RingFigures {
  const alive = gateways.filter(live)
  const running = alive.filter(({ report }) => report?.active === serial)
  const refused = alive.filter(isRefusing)
  return {
    gateways: gateways.length,
    live: alive.length,
    running: running.length,
    notReady: alive.filter(({ report }) => isFailing(report)).length,
    refused: refused.length,
    shares: sharesOf(running.map(({ current }) => current)),
    before: sharesOf(running.map(({ previous }) => previous))
  }
}

function isRefusing({ report, clockOffset }: Known): boolean {
  const code = report?.refused?.code
  if (code === undefined || UNREACHED.includes(code)) return false
  return !CLOCK.includes(code) || Math.abs(clockOffset ?? 0) <= CLOCK_SKEW
}

/** Judges a ring that got a bundle. */
export function judge(
  { serial, unready }: Pick<Rollout, 'serial' | 'unready'>,
  gateways: readonly Known[],
  live: (gateway: Known) => boolean,
  forecast: Forecast | null,
  band: Band
): RingJudgement {
  const figures = figuresOf(gateways, serial, live)
  const alive = gateways.filter(live)
  const outside = (why: string): RingJudgement => ({ kind: 'outside', why })
  const waiting = (why: string): RingJudgement => ({ kind: 'waiting', why })
  const first = alive.find(one => isRefusing(one) && one.report?.wanted === serial)
  if (first !== undefined) {
    const { code, message } = first.report!.refused!
    return outside(`${first.name} refuses bundle ${serial}: ${message} (${code})`)
  }
  const broken = alive.filter(
    ({ name, report }) =>
      report?.active === serial && isFailing(report) && !unready.includes(name) && isSettled(report)
  )
  if (broken.length > band.unready * figures.running) {
    const problems = broken[0]!.report!.problems.join(', ')
    return outside(
      `${broken.length} of ${figures.running} gateways not ready, ${broken[0]!.name}: ${problems}`
    )
  }
  const beyond = outsideShares(figures, forecast, band)
  if (beyond !== undefined) return outside(beyond)
  if (figures.live === 0) return waiting('no gateway of the ring has reported')
  const lagging = figures.live - figures.running
  if (lagging > band.lagging * figures.live)
    return waiting(`${figures.running} of ${figures.live} gateways run it`)
  if (figures.shares.lookups < band.lookups)
    return waiting(`${figures.shares.lookups} of ${band.lookups} lookups`)
  return { kind: 'within' }
}

const isSettled = ({ at, since }: Report): boolean => Date.parse(at) - Date.parse(since) >= SETTLING

/** @returns what is outside of the band; undefined: nothing, or too few lookups */
function outsideShares(
  { shares, before }: RingFigures,
  forecast: Forecast | null,
  band: Band
): string | undefined {
  if (shares.lookups < Math.max(1, band.lookups)) return undefined
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`
  const shift =
    forecast === null || forecast.lookups === 0
      ? 0
      : (forecast.newlyBlocked - forecast.newlyAllowed) / forecast.lookups
  const isKnown = before.blocked !== null && before.lookups >= band.lookups
  const expected = isKnown ? before.blocked + shift : undefined
  const { blocked, servfail, latency } = shares
  if (expected !== undefined && Math.abs(blocked! - expected) > band.blocked)
    return `blocked ${percent(blocked!)} of lookups, expected ${percent(expected)} ± ${percent(band.blocked)}`
  const mostServfail = (before.servfail ?? 0) + band.servfail
  if (servfail !== null && servfail > mostServfail)
    return `SERVFAIL ${percent(servfail)} of responses, expected at most ${percent(mostServfail)}`
  const mostLatency = Math.max(FAST, before.latency ?? Infinity) * band.latency
  if (latency !== null && latency > mostLatency)
    return `mean response time ${latency.toFixed(1)} ms, expected at most ${mostLatency.toFixed(1)} ms`
  return undefined
}

import type { Milliseconds } from '../../../base/units.js'
import type { Report } from '../../channel/wire.js'
import { nameBeyond, type JudgedName } from './blocked-names.js'
import { beyondBand, comparisonOf } from './compare-traffic.js'
import type { Band } from '../hub-config.js'
import type { Forecast, Rollout } from '../hub-state.js'
import { isFailing, type Known } from '../inventory.js'
import type { RingWatch } from './ring-watch.js'
import { NO_COUNTERS, sharesOf, type Shares } from '../traffic-counts.js'

/** Why a gateway does not run what is wanted, though nothing is wrong with the bundle. */
const UNREACHED: readonly string[] = [
  'FLEET_BUNDLE',
  'FLEET_CONNECT',
  'FLEET_PULL',
  'FLEET_MESSAGE',
  'FLEET_WRITE',
  // The hub was restored from a backup, and wants what it knew then.
  'FLEET_OLDER'
]
/** Errors that a wrong clock of the gateway explains. */
const CLOCK: readonly string[] = ['BUNDLE_EARLY', 'BUNDLE_EXPIRED', 'ROOT_EXPIRED']
/** The same as bundles have: larger offsets are wrong clocks. */
const CLOCK_SKEW: Milliseconds = 300_000
/** A gateway that has just started, or changed its rules, may be not ready for a moment. */
const SETTLING: Milliseconds = 10_000
/** One silent gateway holds a ring back; this many halt it. */
const MANY_SILENT = 2
/** Restarts for each gateway of the ring beyond those in later rings, and at least how many in all. */
const RESTARTS = 0.2
const MANY_RESTARTS = 2

const UNCOMPARED = 'nothing to compare with: no earlier bundle was done, and no later ring reports'

/** Which gateways report. */
export interface Contact {
  readonly isLive: (gateway: Known) => boolean
  /** True if it has been silent for so long that this is no interruption of a network. */
  readonly isLost: (gateway: Known) => boolean
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
  /** Gateways that reported when the ring got the bundle, and do not now. */
  readonly silent: number
  /** Since the ring got the bundle. */
  readonly restarts: number
  readonly shares: Shares
  /** What is expected, from the last bundle that was done and from later rings. */
  readonly before: Shares
}

/** `outside`: to be halted. `waiting`: too early to say, or only a person can. */
export type RingJudgement =
  | { readonly kind: 'within' }
  | { readonly kind: 'waiting'; readonly why: string }
  | { readonly kind: 'outside'; readonly why: string }

/** @param serial wanted */
export function figuresOf(
  gateways: readonly Known[],
  serial: number,
  watch: RingWatch | undefined,
  { isLive }: Pick<Contact, 'isLive'>
): RingFigures {
  const alive = gateways.filter(isLive)
  const members = new Set(watch?.start.members)
  const { observed, usual } = comparisonOf(watch)
  return {
    gateways: gateways.length,
    live: alive.length,
    running: alive.filter(({ report }) => report?.active === serial).length,
    notReady: alive.filter(({ report }) => isFailing(report)).length,
    refused: alive.filter(isRefusing).length,
    silent: gateways.filter(one => members.has(one.name) && !isLive(one)).length,
    restarts: restartsOf(watch, false),
    shares: sharesOf(observed),
    before: sharesOf(usual ?? NO_COUNTERS)
  }
}

function isRefusing({ report, clockOffset }: Known): boolean {
  const code = report?.refused?.code
  if (code === undefined || UNREACHED.includes(code)) return false
  return !CLOCK.includes(code) || Math.abs(clockOffset ?? 0) <= CLOCK_SKEW
}

export interface Judged {
  readonly rollout: Pick<Rollout, 'serial' | 'unready' | 'now'>
  /** Undefined: its file was lost. */
  readonly watch: RingWatch | undefined
  /** Of the ring. */
  readonly gateways: readonly Known[]
  /** Of later rings whose bundle does not change. */
  readonly control: readonly Known[]
  readonly contact: Contact
  readonly forecast: Forecast | null
  /** Names that the bundle newly blocks; none by default. */
  readonly names?: readonly JudgedName[]
  /** It brings back rules that were good: their traffic is not compared with the bad one's. */
  readonly isRollback: boolean
  readonly band: Band
}

const outside = (why: string): RingJudgement => ({ kind: 'outside', why })
const waiting = (why: string): RingJudgement => ({ kind: 'waiting', why })

/** Judges a ring that got a bundle. */
export function judge(judged: Judged): RingJudgement {
  const { rollout, watch, gateways, contact, forecast, isRollback, band, names = [] } = judged
  const broken = refusal(judged) ?? failure(judged) ?? restarts(judged) ?? silence(judged)
  if (broken !== undefined) return broken
  const name = nameBeyond(names, isRollback)
  if (name !== undefined) return outside(name)
  const comparison = comparisonOf(watch)
  const beyond = isRollback ? undefined : beyondBand(watch, comparison, forecast, band)
  if (beyond !== undefined) return outside(beyond)
  const figures = figuresOf(gateways, rollout.serial, watch, contact)
  const { live, running, silent } = figures
  if (live === 0) return waiting('no gateway of the ring has reported')
  // Gateways that were silent all along do not hold a ring back; those that fell silent do.
  const awaited = live + silent
  if (awaited - running > band.lagging * awaited)
    return waiting(`${running} of ${awaited} gateways run it`)
  if (silent > band.unready * awaited) return waiting(silentText(judged))
  const { observed, usual } = comparison
  if (watch !== undefined && observed.lookups < band.lookups)
    return waiting(`${observed.lookups} of ${band.lookups} lookups`)
  // A person who gave the ring its bundle at once has decided without a comparison.
  const isDecided = rollout.now || isRollback
  return usual === undefined && !isDecided ? waiting(UNCOMPARED) : { kind: 'within' }
}

function refusal({ rollout: { serial }, gateways, contact }: Judged): RingJudgement | undefined {
  const first = gateways.find(
    one => contact.isLive(one) && isRefusing(one) && one.report?.wanted === serial
  )
  if (first === undefined) return undefined
  const { code, message } = first.report!.refused!
  return outside(`${first.name} refuses bundle ${serial}: ${message} (${code})`)
}

const share = (part: number, all: number): number => (all === 0 ? 0 : part / all)

/** Gateways in which a state has begun to fail, more than in later rings. */
function failure(judged: Judged): RingJudgement | undefined {
  const { rollout, gateways, control, contact, band } = judged
  const isBroken = ({ name, report }: Known): boolean =>
    isFailing(report) && !rollout.unready.includes(name) && isSettled(report!)
  const running = gateways.filter(
    one => contact.isLive(one) && one.report?.active === rollout.serial
  )
  const broken = running.filter(isBroken)
  const others = control.filter(contact.isLive)
  const elsewhere = share(others.filter(isBroken).length, others.length)
  if (broken.length <= (band.unready + elsewhere) * running.length) return undefined
  const [{ name, report }] = broken as [Known, ...Known[]]
  const problems = report!.problems.join(', ')
  return outside(`${broken.length} of ${running.length} gateways not ready, ${name}: ${problems}`)
}

const isSettled = ({ at, since }: Report): boolean => Date.parse(at) - Date.parse(since) >= SETTLING

const restartsOf = (watch: RingWatch | undefined, isControl: boolean): number =>
  watch?.group(isControl).reduce((all, { restarts: n }) => all + n, 0) ?? 0

function restarts({ watch, gateways }: Judged): RingJudgement | undefined {
  const all = restartsOf(watch, false)
  if (all < MANY_RESTARTS) return undefined
  const elsewhere = share(restartsOf(watch, true), watch!.group(true).length)
  if (share(all, gateways.length) <= RESTARTS + elsewhere) return undefined
  const [[name, own]] = watch!.restarted() as [readonly [string, number]]
  return outside(`${all} restarts of ${gateways.length} gateways, ${own} of ${name}`)
}

/** Gateways that have died with the bundle, more than in later rings. */
function silence(judged: Judged): RingJudgement | undefined {
  const { gateways, control, contact, band, watch } = judged
  const members = new Set(watch?.start.members)
  const own = gateways.filter(({ name }) => members.has(name))
  const lost = own.filter(contact.isLost).length
  if (lost < MANY_SILENT) return undefined
  const elsewhere = share(control.filter(contact.isLost).length, control.length)
  return lost > (band.unready + elsewhere) * own.length ? outside(silentText(judged)) : undefined
}

function silentText({ gateways, contact, watch }: Judged): string {
  const members = new Set(watch?.start.members)
  const silent = gateways.filter(one => members.has(one.name) && !contact.isLive(one))
  return `${silent.length} of ${members.size} gateways silent, ${silent[0]!.name} first`
}

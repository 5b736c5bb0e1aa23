import type { Clock } from '../../base/clock.js'
import { failure } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import type { BundleFacts } from '../../rules/model/types.js'
import { showInstant } from '../../rules/time/instant.js'
import type { Timer, Timers } from '../../upstream/timers.js'

/** From so long before a bundle expires on, it is told every day. */
export const WARN_BEFORE: Seconds = 7 * 86_400
const DAY: Milliseconds = 86_400_000
/** The clock may be set while we wait. */
const MAX_TIMER: Milliseconds = 3_600_000

export type BundleState = 'good' | 'ending' | 'expired'

/**
 * How a bundle in force stands. The clock may be set back; what was made is in the past.
 *
 * @param now milliseconds of the calendar
 */
export function bundleState({ created, expires }: BundleFacts, now: Milliseconds): BundleState {
  const at = Math.max(now / MS_PER_SECOND, created)
  if (at >= expires) return 'expired'
  return at >= expires - WARN_BEFORE ? 'ending' : 'good'
}

/**
 * Tells of the bundle in force that it is about to expire, or has: once a day, since it stays in
 * force, and nothing else would say that no newer one comes.
 */
export class BundleExpiryMonitor {
  private bundle: BundleFacts | undefined
  private timer: Timer | undefined
  /** When it was told last, by the calendar. */
  private warnedAt: Milliseconds = -Infinity

  constructor(
    private readonly log: ServiceLog,
    private readonly clock: Clock,
    private readonly timers: Timers
  ) {}

  /** From now on, of this one. */
  watch(bundle: BundleFacts | undefined): void {
    if (bundle?.serial !== this.bundle?.serial) {
      this.warnedAt = -Infinity
      this.logRollback(bundle)
    }
    this.bundle = bundle
    this.check()
  }

  close(): void {
    this.timer?.cancel()
  }

  private check(): void {
    this.timer?.cancel()
    const { bundle, clock } = this
    if (bundle === undefined) return
    const now = clock.wall()
    const state = bundleState(bundle, now)
    if (state !== 'good' && Math.abs(now - this.warnedAt) >= DAY) {
      const code = state === 'ending' ? 'BUNDLE_ENDS' : 'BUNDLE_ENDED'
      const { message } = failure(code, bundle.serial, showInstant(bundle.expires, 'UTC'))
      this.log.warn({ code, serial: bundle.serial }, message)
      this.warnedAt = now
    }
    this.timer = this.timers.after(MAX_TIMER, () => this.check())
  }

  private logRollback(bundle: BundleFacts | undefined): void {
    if (bundle?.rollback === undefined) return
    const { from, to, by, at } = bundle.rollback
    const { code, message } = failure('BUNDLE_ROLLED_BACK', from, to, by, at)
    this.log.warn({ code, from, to, by, at }, message)
  }
}

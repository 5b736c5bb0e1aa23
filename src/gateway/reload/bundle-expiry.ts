import type { Clock } from '../../base/time/clock.js'
import { failure } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { BundleFacts } from '../../policy/rules/model/types.js'
import { showInstant } from '../../base/time/instant.js'
import type { Timer, Timers } from '../../base/time/timers.js'

/** Warn daily from this long before the active bundle expires. */
const WARN_BEFORE: Seconds = 7 * 86_400
/** The same for a root of trust, which several people may have to sign. */
const WARN_OF_ROOT: Seconds = 30 * 86_400
const DAY: Milliseconds = 86_400_000
/** Check at least this often, since the wall clock may be set. */
const MAX_TIMER: Milliseconds = 3_600_000

export type BundleState = 'good' | 'ending' | 'expired'

/**
 * The expiry state of a bundle. If the clock is set back to before the bundle was created, its creation
 * time counts as now.
 *
 * @param now wall-clock time
 */
export function bundleState({ created, expires }: BundleFacts, now: Milliseconds): BundleState {
  const at = Math.max(now / MS_PER_SECOND, created)
  if (at >= expires) return 'expired'
  return at >= expires - WARN_BEFORE ? 'ending' : 'good'
}

/** The expiry state of a root of trust. @param now wall-clock time */
export function rootState(
  { expires }: NonNullable<BundleFacts['root']>,
  now: Milliseconds
): BundleState {
  const left = expires - now / MS_PER_SECOND
  return left <= 0 ? 'expired' : left <= WARN_OF_ROOT ? 'ending' : 'good'
}

/**
 * Warns once a day that the active bundle or the root of trust is about to expire, or has expired. Both
 * remain in force, so nothing else would show that no newer one arrives.
 */
export class BundleExpiryMonitor {
  private bundle: BundleFacts | undefined
  private timer: Timer | undefined
  /** Wall-clock time of the last warning. */
  private warnedAt: Milliseconds = -Infinity

  constructor(
    private readonly log: ServiceLog,
    private readonly clock: Clock,
    private readonly timers: Timers
  ) {}

  /** Replaces the bundle to monitor. */
  watch(bundle: BundleFacts | undefined): void {
    if (bundle?.serial !== this.bundle?.serial) this.logRollback(bundle)
    const isOther =
      bundle?.serial !== this.bundle?.serial || bundle?.root?.version !== this.bundle?.root?.version
    if (isOther) this.warnedAt = -Infinity
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
    if (Math.abs(now - this.warnedAt) >= DAY && this.warn(bundle, now)) this.warnedAt = now
    this.timer = this.timers.after(MAX_TIMER, () => this.check())
  }

  /** @returns whether there was something to warn of */
  private warn(bundle: BundleFacts, now: Milliseconds): boolean {
    const { serial, root } = bundle
    const ofBundle = bundleState(bundle, now)
    if (ofBundle !== 'good') {
      const code = ofBundle === 'ending' ? 'BUNDLE_ENDS' : 'BUNDLE_ENDED'
      const { message } = failure(code, serial, showInstant(bundle.expires, 'UTC'))
      this.log.warn({ code, serial }, message)
    }
    const ofRoot = root === undefined ? 'good' : rootState(root, now)
    if (root !== undefined && ofRoot !== 'good') {
      const { version, expires } = root
      const code = ofRoot === 'ending' ? 'ROOT_ENDS' : 'ROOT_EXPIRED'
      const { message } = failure(code, version, showInstant(expires, 'UTC'))
      this.log.warn({ code, version }, message)
    }
    return ofBundle !== 'good' || ofRoot !== 'good'
  }

  private logRollback(bundle: BundleFacts | undefined): void {
    if (bundle?.rollback === undefined) return
    const { from, to, by, at } = bundle.rollback
    const { code, message } = failure('BUNDLE_ROLLED_BACK', from, to, by, at)
    this.log.warn({ code, from, to, by, at }, message)
  }
}

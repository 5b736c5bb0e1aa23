import type { Clock } from '../../base/time/clock.js'
import type { InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { utcDay } from '../files/closed-files.js'
import { deleteOldKeys, saveKey, generateKey, readKey, type PeriodKey } from './key-folder.js'
import { endOf, periodOf, startOf, type KeyRotation, type Period } from './key-period.js'

/** Keys kept in memory: lookups of the previous period arrive after its end. */
const MAX_ACTIVE = 2
/** Delay between attempts to read or write a key. */
const RETRY: Milliseconds = 60 * MS_PER_SECOND

export interface KeyOptions {
  readonly folder: string
  readonly rotation: KeyRotation
  /** How long a key is kept after its period. */
  readonly keep: Milliseconds
}

export interface KeyRingOptions extends KeyOptions {
  /** True if clients are written as pseudonyms, so that a current key is needed. */
  readonly isUsed?: boolean
}

/** A key and the time during which it is used. */
export interface ActiveKey {
  readonly secret: Uint8Array
  readonly start: Milliseconds
  /** -Infinity once another key has replaced it. */
  end: Milliseconds
}

/**
 * The pseudonym keys, generated where missing. Never throws: while a key can neither be read nor
 * written, a key held only in memory is used, and saving it is retried every minute. So in the
 * worst case nobody can derive the pseudonyms later, but addresses are never logged instead.
 */
export class KeyRing {
  private readonly active = new Map<Period, ActiveKey>()
  /** Keys that exist only in memory so far. */
  private readonly unsaved = new Map<Period, PeriodKey>()
  private readonly options: KeyRingOptions
  private readonly clock: Clock
  private readonly report: (error: InterdictError) => unknown
  private day = NaN
  private retryAt: Milliseconds = -Infinity
  private lastError = ''

  constructor(options: KeyRingOptions, clock: Clock, report: (error: InterdictError) => unknown) {
    this.options = options
    this.clock = clock
    this.report = report
  }

  /** The reason why a key in use is not on disk, so that its pseudonyms cannot be derived later; null: all are. */
  get error(): string | null {
    return this.unsaved.size === 0 ? null : this.lastError
  }

  /** The key for events at time `wall`. Call again after its end. */
  keyAt(wall: Milliseconds): ActiveKey {
    const period = periodOf(wall, this.options.rotation)
    return this.active.get(period) ?? this.activate(this.loadOrCreate(period))
  }

  /** Called periodically: deletes expired keys and retries failed writes. */
  maintain(): void {
    const today = utcDay(this.clock.wall())
    if (today !== this.day) {
      this.day = today
      this.attempt(() => deleteOldKeys(this.options.folder, this.options.keep, this.clock.wall()))
    }
    // Before the first lookup of a period, so that a key that cannot be written is reported at once.
    if (this.options.isUsed) this.keyAt(this.clock.wall())
    if (this.unsaved.size === 0 || this.clock.now() < this.retryAt) return
    for (const key of this.unsaved.values()) {
      const saved = this.attempt(() => saveKey(this.options.folder, key))
      if (saved === undefined) continue
      this.unsaved.delete(key.period)
      // Another process saved this key, and it could not be read until now.
      const active = this.active.get(key.period)
      if (saved === key || active === undefined) continue
      active.end = -Infinity
      this.activate(saved)
    }
  }

  private loadOrCreate(period: Period): PeriodKey {
    const { folder } = this.options
    const generated = generateKey(period)
    const saved = this.attempt(() => readKey(folder, period) ?? saveKey(folder, generated))
    if (saved === undefined) this.unsaved.set(period, generated)
    return saved ?? generated
  }

  private activate({ period, secret }: PeriodKey): ActiveKey {
    const key = { secret, start: startOf(period), end: endOf(period) }
    this.active.set(period, key)
    for (const oldest of this.active.keys()) {
      if (this.active.size <= MAX_ACTIVE) break
      this.active.delete(oldest)
      this.unsaved.delete(oldest)
    }
    return key
  }

  private attempt<T>(what: () => T): T | undefined {
    try {
      return what()
    } catch (error) {
      this.retryAt = this.clock.now() + RETRY
      this.lastError = (error as InterdictError).message
      this.report(error as InterdictError)
      return undefined
    }
  }
}

import type { Clock } from '../../base/clock.js'
import type { InterdictError } from '../../base/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { utcDay } from '../record/closed-files.js'
import { deleteOldKeys, saveKey, generateKey, readKey, type PeriodKey } from './key-folder.js'
import { endOf, periodOf, startOf, type KeyRotation, type Period } from './period.js'

/** Periods whose keys are held: lookups of the one before come in after its end. */
const MAX_ACTIVE = 2
/** Between two attempts to read or to write a key. */
const RETRY: Milliseconds = 60 * MS_PER_SECOND

export interface KeyOptions {
  readonly folder: string
  readonly rotation: KeyRotation
  /** How long after its period a key is kept. */
  readonly keep: Milliseconds
}

/** A key, and when it is used. */
export interface ActiveKey {
  readonly secret: Uint8Array
  readonly start: Milliseconds
  /** -Infinity once another key has taken its place. */
  end: Milliseconds
}

/**
 * The keys of pseudonyms, made where they are missing. Never throws: while a key can neither be
 * read nor written, one that is in memory alone is used, and it is tried again every minute. So
 * a pseudonym is at worst one that nobody can derive, and never an address.
 */
export class KeyRing {
  private readonly active = new Map<Period, ActiveKey>()
  /** Those that are in memory alone. */
  private readonly unsaved = new Map<Period, PeriodKey>()
  private readonly options: KeyOptions
  private readonly clock: Clock
  private readonly report: (error: InterdictError) => unknown
  private day = NaN
  private retryAt: Milliseconds = -Infinity

  constructor(options: KeyOptions, clock: Clock, report: (error: InterdictError) => unknown) {
    this.options = options
    this.clock = clock
    this.report = report
  }

  /** The key for what happened at `wall`. To be asked again when it has ended. */
  keyAt(wall: Milliseconds): ActiveKey {
    const period = periodOf(wall, this.options.rotation)
    return this.active.get(period) ?? this.activate(this.loadOrCreate(period))
  }

  /** To be called now and then: deletes keys that are over, tries again what failed. */
  maintain(): void {
    const today = utcDay(this.clock.wall())
    if (today !== this.day) {
      this.day = today
      this.attempt(() => deleteOldKeys(this.options.folder, this.options.keep, this.clock.wall()))
    }
    if (this.unsaved.size === 0 || this.clock.now() < this.retryAt) return
    for (const key of this.unsaved.values()) {
      const kept = this.attempt(() => saveKey(this.options.folder, key))
      if (kept === undefined) continue
      this.unsaved.delete(key.period)
      // Somebody else's, which could not be read until now.
      const held = this.active.get(key.period)
      if (kept === key || held === undefined) continue
      held.end = -Infinity
      this.activate(kept)
    }
  }

  private loadOrCreate(period: Period): PeriodKey {
    const { folder } = this.options
    const fresh = generateKey(period)
    const kept = this.attempt(() => readKey(folder, period) ?? saveKey(folder, fresh))
    if (kept === undefined) this.unsaved.set(period, fresh)
    return kept ?? fresh
  }

  private activate({ period, secret }: PeriodKey): ActiveKey {
    const held = { secret, start: startOf(period), end: endOf(period) }
    this.active.set(period, held)
    for (const oldest of this.active.keys()) {
      if (this.active.size <= MAX_ACTIVE) break
      this.active.delete(oldest)
      this.unsaved.delete(oldest)
    }
    return held
  }

  private attempt<T>(what: () => T): T | undefined {
    try {
      return what()
    } catch (error) {
      this.retryAt = this.clock.now() + RETRY
      this.report(error as InterdictError)
      return undefined
    }
  }
}

import { systemClock, type Clock } from '../time/clock.js'
import { doublingDelay } from '../time/doubling-delay.js'
import type { Milliseconds } from '../units.js'
import type { LogFields, ServiceLog } from '../log/service-log.js'
import { systemTimers, type Timer, type Timers } from '../time/timers.js'
import { serializeError, type SerializedError } from '../errors/serialized-error.js'

const FIRST_DELAY: Milliseconds = 50
const MAX_DELAY: Milliseconds = 5_000
/** A thread that ran this long before it died starts over with the first delay. */
const STABLE_AFTER: Milliseconds = 60_000

const ENDED = { message: 'ended' }

/** Restarts a thread that died: after 50 ms, doubled up to 5 s each time it dies again soon. */
export class Restarts {
  /** How often it has died. */
  count = 0
  private deathsInRow = 0
  private startedAt: Milliseconds = 0
  private timer: Timer | undefined

  constructor(
    private readonly restart: () => void,
    private readonly log: ServiceLog,
    private readonly timers: Timers = systemTimers,
    private readonly clock: Clock = systemClock
  ) {}

  /** The thread is being started. */
  onStart(): void {
    this.cancel()
    this.startedAt = this.clock.now()
  }

  /**
   * The thread died: logs why, and schedules its restart.
   *
   * @param error undefined: it ended without one
   */
  onExit(
    error: Error | SerializedError | undefined,
    message: string,
    fields: LogFields = {}
  ): void {
    const isStable = this.clock.now() - this.startedAt >= STABLE_AFTER
    this.count++
    this.deathsInRow = isStable ? 1 : this.deathsInRow + 1
    const restartMs = doublingDelay(this.deathsInRow, FIRST_DELAY, MAX_DELAY)
    const { message: why } = error instanceof Error ? serializeError(error) : (error ?? ENDED)
    this.log.error({ ...fields, error: why, restartMs }, message)
    this.timer = this.timers.after(restartMs, this.restart)
  }

  /** Cancels a restart that is scheduled. */
  cancel(): void {
    this.timer?.cancel()
  }
}

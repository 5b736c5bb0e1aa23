import type { Clock } from '../../base/time/clock.js'
import type { Timer, Timers } from '../../base/time/timers.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import type { UnvalidatedName } from '../../policy/tables/snapshot.js'

/** A boundary is found late by this much at most, also after the clock was set. */
const MAX_DELAY: Milliseconds = 60 * MS_PER_SECOND

export interface ExceptionClockOptions {
  readonly log: ServiceLog
  readonly clock: Clock
  readonly timers: Timers
  /** Removes what is cached for a name and all names below it. */
  readonly flush: (name: string) => void
}

/**
 * Watches the negative trust anchors begin and end. What was cached before says something else of the names than what is now
 * true of them, so it is removed.
 */
export class ExceptionClock {
  private exceptions: readonly UnvalidatedName[] = []
  private active: ReadonlyMap<string, UnvalidatedName> = new Map()
  private timer: Timer | undefined

  constructor(private readonly options: ExceptionClockOptions) {}

  set(exceptions: readonly UnvalidatedName[]): void {
    this.exceptions = exceptions
    this.check()
  }

  close(): void {
    this.timer?.cancel()
    this.timer = undefined
    this.exceptions = []
    this.active = new Map()
  }

  private readonly check = (): void => {
    const { clock, timers } = this.options
    this.timer?.cancel()
    const wall = clock.wall()
    const now: Seconds = wall / MS_PER_SECOND
    const { active: before } = this
    const current = this.exceptions.filter(({ from, until }) => from <= now && now < until)
    this.active = new Map(current.map(one => [one.text, one]))
    for (const [text, one] of this.active) if (!before.has(text)) this.onBegin(one)
    for (const [text, one] of before) if (!this.active.has(text)) this.onEnd(one, now)
    const next = Math.min(
      ...this.exceptions.flatMap(({ from, until }) => [from, until]).filter(at => at > now)
    )
    if (next === Infinity) this.timer = undefined
    else {
      const delay = Math.min(next * MS_PER_SECOND - wall, MAX_DELAY)
      this.timer = timers.after(Math.ceil(delay), this.check)
    }
  }

  private onBegin({ text: name, purpose, approvedBy, until }: UnvalidatedName): void {
    const fields = {
      name,
      purpose,
      approvedBy,
      until: new Date(until * MS_PER_SECOND).toISOString()
    }
    this.options.log.warn(
      fields,
      'DNSSEC exception in force: the name and those below are not validated'
    )
    this.options.flush(name)
  }

  private onEnd({ text: name, purpose, approvedBy, until }: UnvalidatedName, now: Seconds): void {
    const fields = { name, purpose, approvedBy }
    const what = until <= now ? 'expired' : 'removed'
    this.options.log.info(
      fields,
      `DNSSEC exception ${what}: the name and those below are validated`
    )
    this.options.flush(name)
  }
}

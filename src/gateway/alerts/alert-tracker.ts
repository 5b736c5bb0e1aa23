import { randomUUID } from 'node:crypto'
import type { Milliseconds } from '../../base/units.js'
import type { AlertBody } from './alert-schema.js'
import type { Condition } from './conditions.js'

/**
 * A condition has to be gone for this long before its alert is resolved, so that one that comes and goes is
 * one alert.
 */
export const RESOLVE_AFTER: Milliseconds = 10_000

/** What an alert says, without what is the same for all. */
export type AlertNews = Condition & Pick<AlertBody, 'id' | 'state' | 'repeat' | 'since'>

interface Active {
  readonly id: string
  readonly since: string
  condition: Condition
  /** Monotonic time at which it was last sent. */
  sentAt: Milliseconds
  repeat: number
  /** Monotonic time since which the condition is gone. */
  goneSince: Milliseconds | undefined
}

/** Turns conditions into alerts: raised once, repeated while they last, and resolved. */
export class AlertTracker {
  private readonly active = new Map<string, Active>()

  /**
   * @param conditions all that there are now
   * @param now monotonic
   * @param resend after which time an alert that lasts is repeated; 0: never
   * @returns the alerts to send, in their order
   */
  update(
    conditions: readonly Condition[],
    now: Milliseconds,
    resend: Milliseconds
  ): readonly AlertNews[] {
    const news: AlertNews[] = []
    const current = new Map(conditions.map(condition => [keyOf(condition), condition]))
    for (const [key, condition] of current) {
      const known = this.active.get(key)
      if (known === undefined) {
        const id = randomUUID()
        const since = new Date().toISOString()
        const active = { id, since, condition, sentAt: now, repeat: 0, goneSince: undefined }
        this.active.set(key, active)
        news.push(newsOf(active, 'raised'))
        continue
      }
      known.condition = condition
      known.goneSince = undefined
      if (resend === 0 || now - known.sentAt < resend) continue
      known.sentAt = now
      known.repeat++
      news.push(newsOf(known, 'raised'))
    }
    for (const [key, alert] of this.active) {
      if (current.has(key)) continue
      alert.goneSince ??= now
      if (now - alert.goneSince < RESOLVE_AFTER) continue
      this.active.delete(key)
      news.push(newsOf(alert, 'resolved'))
    }
    return news
  }

  /** Forgets alerts of other events, without resolving them. */
  keepOnly(events: readonly string[]): void {
    for (const [key, { condition }] of this.active) {
      if (!events.includes(condition.event)) this.active.delete(key)
    }
  }

  get count(): number {
    return this.active.size
  }
}

function newsOf({ id, since, condition, repeat }: Active, state: AlertNews['state']): AlertNews {
  return { ...condition, id, state, repeat, since }
}

const keyOf = ({ event, subject }: Condition): string => `${event}\n${subject ?? ''}`

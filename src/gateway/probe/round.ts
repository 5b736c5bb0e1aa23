import type { Milliseconds, Seconds } from '../../base/units.js'
import type { Target } from './probe-exchange.js'
import type { Question } from './judge-answer.js'
import type { LostName, Planner } from './probe-plan.js'

export interface ProberSettings {
  readonly every: Milliseconds
  /** Ways to the gateway. */
  readonly targets: readonly Target[]
  readonly workers: number
}

/**
 * The part of the interval in which a round is asked; then the next begins. Thus what goes wrong right after it was
 * asked is asked again, confirmed and reported before the interval is over.
 */
const SPREAD = 0.7

/** The questions of one round, spread evenly. */
export class Round {
  /** Questions that were taken. */
  asked = 0
  /** Index of the next subject. */
  private next = 0
  private queue: Question[] = []
  /** Questions about the last subject. */
  private queued = 0

  /**
   * @param number from 0
   * @param onLost called with names that a ban does not block
   */
  constructor(
    readonly number: number,
    private readonly begun: Milliseconds,
    private readonly onLost: (lost: LostName) => void
  ) {}

  /** The part of its time that has passed; 1 or more: all questions may be asked. */
  progress(now: Milliseconds, { every }: ProberSettings): number {
    return (now - this.begun) / (SPREAD * every)
  }

  isAsked({ subjects }: Planner): boolean {
    return this.next >= subjects.length && this.queue.length === 0
  }

  /** The next question; undefined: it is not its time. @param now wall-clock time */
  take(
    planner: Planner,
    settings: ProberSettings,
    progress: number,
    now: Seconds
  ): Question | undefined {
    const { length } = planner.subjects
    while (this.queue.length === 0) {
      if (this.next >= Math.min(length, Math.ceil(progress * length))) return undefined
      this.fill(planner, settings, now)
    }
    // The questions about one subject are spread like the subjects are.
    if ((this.next - this.queue.length / this.queued) / length > progress) return undefined
    this.asked++
    return this.queue.shift()
  }

  /** Goes on with the ban that is next, under other rules. */
  replan(before: Planner, { subjects }: Planner): void {
    const following = before.subjects[this.next]
    this.restart()
    if (following === undefined) return
    const { client, ban } = following
    const at = subjects.findIndex(
      it =>
        it.client.network === client.network &&
        it.client.clientClass === client.clientClass &&
        it.client.addressClass === client.addressClass &&
        it.ban?.id === ban?.id
    )
    this.next = at === -1 ? Math.min(this.next, subjects.length) : at
  }

  /** Questions that were planned by other settings are dropped. */
  restart(): void {
    this.queue = []
  }

  private fill(planner: Planner, { targets, workers }: ProberSettings, now: Seconds): void {
    const { probes, lost } = planner.questions(planner.subjects[this.next++]!, this.number, now)
    lost.forEach(this.onLost)
    // What is not blocked has no record.
    const logged = probes.findIndex(
      ({ kind, blocked }) =>
        kind === 'ban' && blocked !== undefined && blocked.action !== 'truncate'
    )
    this.queue = probes.flatMap((probe, i) =>
      targets.map((target, k) => {
        // Each name of a ban comes to several workers, and to others in the next round.
        const worker = (this.number + this.next + i + k) % workers
        return { probe, target, worker, isLogged: i === logged && k === 0 }
      })
    )
    this.queued = this.queue.length
  }
}

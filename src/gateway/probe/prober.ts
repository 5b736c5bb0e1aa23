import { epochSeconds, type Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { Timer, Timers } from '../../base/time/timers.js'
import type { Answer } from './channels.js'
import { Failures, type CurrentFailure, type Suspect } from './failures.js'
import { judge, type Judgement, type Question } from './judge-answer.js'
import type { ListenerReport } from './listener-checks.js'
import type { Coverage, Planner } from './probe-plan.js'
import { Round, type ProberSettings } from './round.js'

/** How often questions are sent, and suspects asked again. */
const TICK: Milliseconds = 50
/** Questions in flight; more would only wait for the workers. */
const MOST_IN_FLIGHT = 128

export interface ProberOptions {
  readonly clock: Clock
  readonly timers: Timers
  /** @returns undefined: no answer in time */
  readonly ask: (question: Question) => Promise<Answer | undefined>
  /** Checks that probes since a wall-clock time are in the query log. @returns what is wrong; undefined: nothing */
  readonly checkLog: (since: Milliseconds) => Promise<string | undefined>
  /** Verifies the certificates of all TLS listeners. */
  readonly checkListeners: () => Promise<ListenerReport>
  /** Called whenever a failure begins or ends, and after each round. */
  readonly onChange: (state: ProberState) => void
}

export interface ProberState {
  /** Rounds since the start. */
  readonly rounds: number
  readonly asked: number
  /** Failures that began, since the start. */
  readonly failed: number
  /** Of the last complete round; undefined: there was none yet. Wall-clock time of its end. */
  readonly last: { readonly at: Milliseconds; readonly asked: number } | undefined
  /** When a round last ended without a failure. Wall-clock time. */
  readonly lastGood: Milliseconds | undefined
  readonly failures: readonly CurrentFailure[]
  /** Undefined: there are no rules yet. */
  readonly coverage: Coverage | undefined
  /** Of the last complete round; undefined: there was none yet. */
  readonly listeners: ListenerReport | undefined
}

/** Asks the gateway itself all that its rules decide, round by round, spread over the interval. */
export class Prober {
  private planner: Planner | undefined
  private settings: ProberSettings | undefined
  private timer: Timer | undefined
  private round: Round | undefined
  private inFlight = 0
  /** When the last question of the round was asked that is logged. Wall-clock time. */
  private loggedAt: Milliseconds | undefined
  private isEnding = false
  private asked = 0
  private last: ProberState['last']
  private lastGood: Milliseconds | undefined
  private listeners: ListenerReport | undefined
  private readonly failures: Failures

  constructor(private readonly options: ProberOptions) {
    this.failures = new Failures(options.clock, () => this.report())
  }

  get state(): ProberState {
    const { asked, last, lastGood, round, planner, failures, listeners } = this
    const coverage = planner?.coverage(epochSeconds(this.options.clock))
    const { count: failed, current } = failures
    return {
      rounds: round?.number ?? 0,
      asked,
      failed,
      last,
      lastGood,
      failures: current,
      coverage,
      listeners
    }
  }

  /** Replaces the rules. */
  setPlanner(planner: Planner): void {
    if (this.planner !== undefined) this.round?.replan(this.planner, planner)
    this.planner = planner
  }

  configure(settings: ProberSettings): void {
    this.settings = settings
    this.round?.restart()
  }

  start(): void {
    this.timer ??= this.options.timers.after(TICK, this.tick)
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  private readonly tick = (): void => {
    const { planner, settings, options, failures } = this
    this.timer = options.timers.after(TICK, this.tick)
    if (planner === undefined || settings === undefined) return
    this.round ??= this.newRound(0)
    for (const suspect of failures.due()) {
      if (this.inFlight >= MOST_IN_FLIGHT) break
      void this.askAgain(planner, suspect)
    }
    const { round } = this
    const progress = round.progress(options.clock.now(), settings)
    while (this.inFlight < MOST_IN_FLIGHT) {
      const question = round.take(planner, settings, progress, epochSeconds(options.clock))
      if (question === undefined) break
      void this.ask(question)
    }
    const isSent = round.isAsked(planner) && this.inFlight === 0
    if (isSent && progress >= 1 && !this.isEnding) void this.endRound(round)
  }

  private newRound(number: number): Round {
    this.loggedAt = undefined
    return new Round(number, this.options.clock.now(), lost => {
      const problem = 'the rules do not block a name of a ban in force'
      this.failures.add({ kind: 'rule', ...lost, type: 'A', problem })
    })
  }

  /** Ends the round once its lookups are logged, and what failed in it is confirmed or not. */
  private async endRound({ asked, number }: Round): Promise<void> {
    this.isEnding = true
    const { options, loggedAt, failures } = this
    const [problem, listeners] = await Promise.all([
      loggedAt === undefined ? undefined : options.checkLog(loggedAt),
      options.checkListeners()
    ])
    this.listeners = listeners
    if (problem !== undefined) failures.add({ kind: 'log', problem })
    failures.endRound()
    const at = options.clock.wall()
    this.last = { at, asked }
    if (failures.isClear) this.lastGood = at
    this.round = this.newRound(number + 1)
    this.isEnding = false
    this.report()
  }

  private report(): void {
    this.options.onChange(this.state)
  }

  private async ask(question: Question): Promise<void> {
    if (question.isLogged) this.loggedAt = this.options.clock.wall()
    const { judgement, worker } = await this.judge(question)
    if (typeof judgement === 'object') this.failures.suspect(question, judgement.problem, worker)
  }

  private async askAgain(planner: Planner, suspect: Suspect): Promise<void> {
    const { question, worker = question.worker } = suspect
    const probe = planner.again(question.probe, epochSeconds(this.options.clock))
    if (probe === undefined) {
      this.failures.clear(suspect)
      return
    }
    suspect.isAsking = true
    suspect.question = { ...question, probe, worker, isLogged: false }
    const answered = await this.judge(suspect.question)
    this.failures.settle(suspect, answered.judgement, answered.worker)
  }

  private async judge(
    question: Question
  ): Promise<{ judgement: Judgement; worker: number | undefined }> {
    const { planner, options } = this
    this.inFlight++
    this.asked++
    const answer = await options.ask(question)
    this.inFlight--
    const worker = answer?.origin?.worker
    // Rules have changed since.
    if (planner === undefined || planner !== this.planner) return { judgement: 'skip', worker }
    return { judgement: judge(question, answer, planner, epochSeconds(options.clock)), worker }
  }
}

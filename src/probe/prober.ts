import { epochSeconds, type Clock } from '../base/clock.js'
import type { Milliseconds } from '../base/units.js'
import type { ProbeReply } from '../dns/edns/probe-option.js'
import { RCODE } from '../dns/registry/rcode.js'
import { showRrtype } from '../dns/registry/rrtype.js'
import type { Timer, Timers } from '../upstream/timers.js'
import { showServer } from '../upstream/upstream-server.js'
import type { Answer } from './channels.js'
import { problemOf } from './check.js'
import type { Target } from './exchange.js'
import type { Planner, Probe } from './plan.js'
import type { ProbeFailure } from './run.js'

/** How often questions are sent, and suspects asked again. */
const TICK: Milliseconds = 25
/**
 * The part of the interval in which a round is asked; then the next begins. Thus what goes wrong right after it was
 * asked is asked again, confirmed and reported before the interval is over.
 */
const SPREAD = 0.7
/** Questions in flight; more would only wait for the workers. */
const MOST_IN_FLIGHT = 64
/** What fails is asked again after so long, and so often, before it counts: rules change, and workers restart. */
const RETRY: Milliseconds = 2_000
const RETRIES = 2
/** What has failed is asked again so often until it is right. */
const RECHECK: Milliseconds = 5_000
/** What concerned one worker is forgotten if so many answers came from others: it has gone. */
const MOST_INCONCLUSIVE = 24
/** Most questions that are asked again: beyond that, everything is wrong. */
const MOST_SUSPECTS = 200
/** The clocks of two threads are read at different times. In seconds. */
const CLOCK_TOLERANCE = 2

/** One question over one way. */
export interface Question {
  readonly probe: Probe
  readonly target: Target
  readonly worker: number
  readonly isLogged: boolean
}

export interface ProberOptions {
  readonly clock: Clock
  readonly timers: Timers
  /** @returns undefined: no answer in time */
  readonly ask: (question: Question) => Promise<Answer | undefined>
  /** Checks that probes since a wall-clock time are in the query log. @returns what is wrong; undefined: nothing */
  readonly checkLog: (since: Milliseconds) => Promise<string | undefined>
  /** Called whenever a failure begins or ends, and after each round. */
  readonly onChange: (state: ProberState) => void
}

export interface ProberSettings {
  readonly every: Milliseconds
  /** Ways to the gateway. */
  readonly targets: readonly Target[]
  readonly workers: number
}

/** A failure that was confirmed, and is not over. */
export interface CurrentFailure extends ProbeFailure {
  readonly worker: number | undefined
  /** Wall-clock time. */
  readonly since: Milliseconds
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
}

interface Suspect {
  question: Question
  readonly failure: Omit<ProbeFailure, 'problem'>
  problem: string
  readonly worker: number | undefined
  readonly since: Milliseconds
  tries: number
  inconclusive: number
  isConfirmed: boolean
  isAsking: boolean
  /** Monotonic. */
  dueAt: Milliseconds
}

/** `skip`: the answer says nothing, as rules began, ended or changed meanwhile. */
type Judgement = 'good' | 'skip' | { readonly problem: string }

/** Asks the gateway itself all that its rules decide, round by round, spread over the interval. */
export class Prober {
  private planner: Planner | undefined
  private settings: ProberSettings | undefined
  private timer: Timer | undefined
  private round = -1
  private roundStart: Milliseconds = 0
  /** Index of the next subject. */
  private next = 0
  private queue: Question[] = []
  private queued = 0
  private inFlight = 0
  private askedInRound = 0
  /** When the last question of the round was asked that is logged. Wall-clock time. */
  private loggedAt: Milliseconds | undefined
  private isEnding = false
  private asked = 0
  private failed = 0
  private last: ProberState['last']
  private lastGood: Milliseconds | undefined
  private readonly suspects = new Map<string, Suspect>()
  /** What is wrong without a question. */
  private readonly standing = new Map<string, CurrentFailure>()
  /** Keys in `standing` that are wrong in this round. */
  private stillWrong = new Set<string>()

  constructor(private readonly options: ProberOptions) {}

  get state(): ProberState {
    const confirmed = [...this.suspects.values()].filter(({ isConfirmed }) => isConfirmed)
    const asked = confirmed.map(({ failure, problem, worker, since }) => {
      return { ...failure, problem, worker, since }
    })
    const failures = [...this.standing.values(), ...asked]
    const { failed, last, lastGood, round } = this
    return { rounds: Math.max(0, round), asked: this.asked, failed, last, lastGood, failures }
  }

  /** Replaces the rules. The round goes on with the ban that is next. */
  setPlanner(planner: Planner): void {
    const before = this.planner?.subjects[this.next]
    this.planner = planner
    this.queue = []
    if (before === undefined) return
    const { network, clientClass, ban } = before
    const at = planner.subjects.findIndex(
      it => it.network === network && it.clientClass === clientClass && it.ban?.id === ban?.id
    )
    this.next = at === -1 ? Math.min(this.next, planner.subjects.length) : at
  }

  configure(settings: ProberSettings): void {
    this.settings = settings
    this.queue = []
  }

  start(): void {
    this.timer ??= this.options.timers.after(TICK, this.tick)
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  private readonly tick = (): void => {
    this.timer = this.options.timers.after(TICK, this.tick)
    const { planner, settings } = this
    if (planner === undefined || settings === undefined) return
    const now = this.options.clock.now()
    if (this.round < 0) this.beginRound(now)
    this.askSuspects(now)
    const { length } = planner.subjects
    const share = (now - this.roundStart) / (SPREAD * settings.every)
    const wanted = Math.min(length, Math.ceil(share * length))
    while (this.inFlight < MOST_IN_FLIGHT && this.sendNext(planner, settings, wanted, share));
    const isSent = this.next >= length && this.queue.length === 0 && this.inFlight === 0
    if (isSent && share >= 1 && !this.isEnding) void this.endRound()
  }

  private beginRound(now: Milliseconds): void {
    this.round++
    this.roundStart = now
    this.next = 0
    this.askedInRound = 0
    this.loggedAt = undefined
    this.stillWrong = new Set()
    this.isEnding = false
  }

  /** Ends the round once its lookups are logged, and what failed in it is confirmed or not. */
  private async endRound(): Promise<void> {
    this.isEnding = true
    const { options } = this
    const { loggedAt } = this
    const problem = loggedAt !== undefined && (await options.checkLog(loggedAt))
    if (problem) this.addStanding('log', NO_LOG, problem)
    for (const key of this.standing.keys()) if (!this.stillWrong.has(key)) this.standing.delete(key)
    const at = options.clock.wall()
    this.last = { at, asked: this.askedInRound }
    if (this.suspects.size + this.standing.size === 0) this.lastGood = at
    this.beginRound(options.clock.now())
    this.report()
  }

  private report(): void {
    this.options.onChange(this.state)
  }

  /** Sends the next question, if it is its time. @returns whether one was sent */
  private sendNext(
    planner: Planner,
    settings: ProberSettings,
    wanted: number,
    share: number
  ): boolean {
    while (this.queue.length === 0) {
      if (this.next >= wanted) return false
      this.fill(planner, settings)
    }
    // The questions of one subject are spread like the subjects are.
    const { length } = planner.subjects
    const sent = (this.next - this.queue.length / this.queued) / length
    if (sent > share) return false
    void this.ask(this.queue.shift()!)
    return true
  }

  private fill(planner: Planner, { targets, workers }: ProberSettings): void {
    const subject = planner.subjects[this.next++]!
    const now = epochSeconds(this.options.clock)
    const { probes, lost } = planner.questions(subject, this.round, now)
    for (const { network, rule, name } of lost) {
      const problem = 'the rules do not block a name of a ban in force'
      const failure = { ...NO_LOG, kind: 'rule' as const, network, rule, name, type: 'A' }
      this.addStanding(`${network}\n${rule}`, failure, problem)
    }
    // Queries that are passed on have no record.
    const logged = probes.findIndex(
      ({ kind, blocked }) =>
        kind === 'ban' && blocked !== undefined && blocked.action !== 'truncate'
    )
    this.queue = probes.flatMap((probe, i) =>
      targets.map((target, k) => {
        // Each name of a ban comes to several workers, and to others in the next round.
        const worker = (this.round + this.next + i + k) % workers
        return { probe, target, worker, isLogged: i === logged && k === 0 }
      })
    )
    this.queued = this.queue.length
  }

  private async ask(question: Question): Promise<void> {
    this.inFlight++
    this.asked++
    this.askedInRound++
    if (question.isLogged) this.loggedAt = this.options.clock.wall()
    const { judgement, origin } = await this.judge(question)
    this.inFlight--
    if (typeof judgement === 'object') this.suspect(question, judgement.problem, origin)
  }

  private async judge(
    question: Question
  ): Promise<{ judgement: Judgement; origin: ProbeReply | undefined }> {
    const { clock } = this.options
    const planner = this.planner!
    const { probe } = question
    const answer = await this.options.ask(question)
    const origin = answer?.origin
    const judged = (judgement: Judgement) => ({ judgement, origin })
    const now = epochSeconds(clock)
    const { generation } = planner.snapshot
    // Rules have changed, or are about to be known here.
    if (planner !== this.planner || (origin !== undefined && origin.generation > generation))
      return judged('skip')
    const expected = planner.again(probe, now)
    if (expected === undefined || expected.blocked !== probe.blocked) return judged('skip')
    if (answer === undefined)
      return judged(probe.blocked?.action === 'drop' ? 'good' : { problem: 'no answer' })
    if (origin === undefined) return judged({ problem: 'the listener does not recognize probes' })
    if (origin.generation < generation) {
      const problem = `worker ${origin.worker} answers by generation ${origin.generation} of the rules, not ${generation}`
      return judged({ problem })
    }
    if (Math.abs(origin.time - now) > CLOCK_TOLERANCE)
      return judged({
        problem: `the clock of worker ${origin.worker} is ${origin.time - now} s off`
      })
    // An upstream that does not answer is reported as such.
    if (probe.kind === 'control' && isServfail(answer.message)) return judged('skip')
    const overUdp = question.target.transport === 'udp'
    const problem = problemOf(probe, answer.message, overUdp, true)
    return judged(problem === undefined ? 'good' : { problem })
  }

  private suspect(question: Question, problem: string, origin: ProbeReply | undefined): void {
    const { probe, target } = question
    const { kind, network, clientText: client, rule, nameText: name, qtype } = probe
    const server = `${target.transport} ${showServer(target.server)}`
    const failure = { kind, network, client, rule, name, type: showRrtype(qtype), server }
    this.addSuspect(question, failure, problem, origin?.worker)
  }

  private addSuspect(
    question: Question,
    failure: Suspect['failure'],
    problem: string,
    worker: number | undefined
  ): void {
    const key = `${Object.values(failure).join('\n')}\n${worker ?? ''}`
    if (this.suspects.has(key) || this.suspects.size >= MOST_SUSPECTS) return
    const { clock } = this.options
    this.suspects.set(key, {
      ...{ question, failure, problem, worker, since: clock.wall() },
      ...{ tries: 0, inconclusive: 0, isConfirmed: false, isAsking: false },
      dueAt: clock.now() + RETRY
    })
  }

  /** Something is wrong until a round ends in which it is not. */
  private addStanding(key: string, failure: Suspect['failure'], problem: string): void {
    this.stillWrong.add(key)
    if (this.standing.has(key)) return
    const since = this.options.clock.wall()
    this.standing.set(key, { ...failure, problem, worker: undefined, since })
    this.failed++
    this.report()
  }

  private askSuspects(now: Milliseconds): void {
    for (const [key, suspect] of this.suspects) {
      if (suspect.isAsking || suspect.dueAt > now || this.inFlight >= MOST_IN_FLIGHT) continue
      suspect.isAsking = true
      void this.askAgain(key, suspect)
    }
  }

  private async askAgain(key: string, suspect: Suspect): Promise<void> {
    const { clock } = this.options
    const probe = this.planner!.again(suspect.question.probe, epochSeconds(clock))
    if (probe === undefined) {
      this.clear(key, suspect)
      return
    }
    suspect.question = {
      ...suspect.question,
      probe,
      worker: suspect.worker ?? suspect.question.worker,
      isLogged: false
    }
    this.inFlight++
    this.asked++
    const { judgement, origin } = await this.judge(suspect.question)
    this.inFlight--
    suspect.isAsking = false
    const isOther = suspect.worker !== undefined && origin?.worker !== suspect.worker
    if (judgement === 'skip' || (judgement === 'good' && isOther)) {
      suspect.dueAt = clock.now() + RETRY
      if (judgement === 'good' && ++suspect.inconclusive > MOST_INCONCLUSIVE)
        this.clear(key, suspect)
    } else if (judgement === 'good') this.clear(key, suspect)
    else this.confirm(suspect, judgement.problem)
  }

  private confirm(suspect: Suspect, problem: string): void {
    suspect.problem = problem
    suspect.tries++
    suspect.dueAt = this.options.clock.now() + (suspect.tries < RETRIES ? RETRY : RECHECK)
    if (suspect.tries < RETRIES || suspect.isConfirmed) return
    suspect.isConfirmed = true
    this.failed++
    this.report()
  }

  private clear(key: string, { isConfirmed }: Suspect): void {
    this.suspects.delete(key)
    if (isConfirmed) this.report()
  }
}

/** The failure of the query log. */
const NO_LOG: Suspect['failure'] = {
  ...{ kind: 'log', network: '', client: '', rule: '', name: '', type: '', server: '' }
}

/** RFC 1035 §4.1.1. */
const isServfail = (message: Uint8Array): boolean => (message[3]! & 0x0f) === RCODE.SERVFAIL

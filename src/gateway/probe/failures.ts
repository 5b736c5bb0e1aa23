import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import { showRrtype } from '../../wire/dns/registry/rrtype.js'
import { showServer } from '../../wire/sockets/upstream-server.js'
import type { Judgement, Question } from './judge-answer.js'
import type { ProbeFailure } from './run-plan.js'

/** What fails is asked again after so long, and so often, before it counts: rules change, and workers restart. */
const RETRY: Milliseconds = 2_000
const RETRIES = 2
/** What has failed is asked again so often until it is right. */
const RECHECK: Milliseconds = 5_000
/** What concerned one worker is forgotten if so many answers came from others: it has gone. */
const MOST_INCONCLUSIVE = 24
/** Most questions that are asked again: beyond that, everything is wrong. */
const MOST_SUSPECTS = 200

/** A failure that was confirmed, and is not over. */
export interface CurrentFailure extends ProbeFailure {
  readonly worker: number | undefined
  /** Wall-clock time. */
  readonly since: Milliseconds
}

/** A question whose answer was wrong, until it is right. */
export interface Suspect {
  question: Question
  readonly worker: number | undefined
  readonly key: string
  readonly failure: Omit<CurrentFailure, 'problem'>
  problem: string
  tries: number
  inconclusive: number
  isConfirmed: boolean
  isAsking: boolean
  /** Monotonic. */
  dueAt: Milliseconds
}

/** What is wrong without a question. */
export type PlainFailure = Pick<ProbeFailure, 'kind' | 'problem'> & Partial<ProbeFailure>

/** What is wrong: answers, once they were wrong three times in a row, and what needs no question. */
export class Failures {
  /** That began, since the start. */
  count = 0
  private readonly suspects = new Map<string, Suspect>()
  private readonly plain = new Map<string, CurrentFailure>()
  /** Keys in `plain` that were found in this round. */
  private found = new Set<string>()

  /** @param onChange called when a failure begins or ends */
  constructor(
    private readonly clock: Clock,
    private readonly onChange: () => void
  ) {}

  get current(): readonly CurrentFailure[] {
    const confirmed = [...this.suspects.values()].filter(({ isConfirmed }) => isConfirmed)
    return [
      ...this.plain.values(),
      ...confirmed.map(it => ({ ...it.failure, problem: it.problem }))
    ]
  }

  /** Whether every answer was right. */
  get isClear(): boolean {
    return this.suspects.size + this.plain.size === 0
  }

  /** An answer was wrong. @param worker that gave it; undefined: unknown */
  suspect(question: Question, problem: string, worker: number | undefined): void {
    const { probe, target } = question
    const { kind, network, clientText: client, rule, nameText: name, qtype } = probe
    const server = `${target.transport} ${showServer(target.server)}`
    const asked = { kind, network, client, rule, name, type: showRrtype(qtype), server, worker }
    const key = Object.values(asked).join('\n')
    if (this.suspects.has(key) || this.suspects.size >= MOST_SUSPECTS) return
    this.suspects.set(key, {
      ...{ question, worker, key, problem, failure: { ...asked, since: this.clock.wall() } },
      ...{ tries: 0, inconclusive: 0, isConfirmed: false, isAsking: false },
      dueAt: this.clock.now() + RETRY
    })
  }

  /** Suspects that have to be asked again. */
  due(): readonly Suspect[] {
    const now = this.clock.now()
    return [...this.suspects.values()].filter(({ isAsking, dueAt }) => !isAsking && dueAt <= now)
  }

  /** A suspect was asked again. @param worker that answered */
  settle(suspect: Suspect, judgement: Judgement, worker: number | undefined): void {
    const isOther = suspect.worker !== undefined && worker !== suspect.worker
    suspect.isAsking = false
    suspect.dueAt = this.clock.now() + RETRY
    if (typeof judgement === 'object') this.confirm(suspect, judgement.problem)
    else if (judgement === 'good') {
      if (!isOther || ++suspect.inconclusive > MOST_INCONCLUSIVE) this.clear(suspect)
    }
  }

  /** The answer is right, or there is nothing to ask any more. */
  clear({ key, isConfirmed }: Suspect): void {
    this.suspects.delete(key)
    if (isConfirmed) this.onChange()
  }

  /** Something is wrong until a round ends in which it is not. */
  add(failure: PlainFailure): void {
    const key = `${failure.kind}\n${failure.network ?? ''}\n${failure.rule ?? ''}`
    this.found.add(key)
    if (this.plain.has(key)) return
    const since = this.clock.wall()
    this.plain.set(key, { ...NO_QUESTION, ...failure, worker: undefined, since })
    this.count++
    this.onChange()
  }

  endRound(): void {
    for (const key of this.plain.keys()) if (!this.found.has(key)) this.plain.delete(key)
    this.found = new Set()
  }

  private confirm(suspect: Suspect, problem: string): void {
    suspect.problem = problem
    if (++suspect.tries < RETRIES) return
    suspect.dueAt = this.clock.now() + RECHECK
    if (suspect.isConfirmed) return
    suspect.isConfirmed = true
    this.count++
    this.onChange()
  }
}

const NO_QUESTION = { network: '', client: '', rule: '', name: '', type: '', server: '' }

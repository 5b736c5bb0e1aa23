import type { ServiceLog } from '../../base/log/service-log.js'
import type { Milliseconds } from '../../base/units.js'
import { decompressName, showCanonical, showName } from '../../wire/dns/name/name.js'
import { qtypeOf } from '../../wire/dns/message/question.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { showRrtype } from '../../wire/dns/registry/rrtype.js'
import { answerVerdict, type AnswerVerdict } from '../../resolver/validation/answer-verdict.js'
import type { Validation, Verdict } from '../../resolver/validation/verdict.js'
import { BoundedQueue } from './bounded-queue.js'
import { FailureList, type FailureFields } from './failure-list.js'
import type { EnforcementStatus } from './validation-status.js'
import { internalError, withoutVerdict } from './without-verdict.js'

/** Nearly all that run wait for upstreams. A client would not wait for longer than so many answers take. */
const LIMITS = { maxRunning: 500, maxWaiting: 5_000 }

const OVERLOADED: AnswerVerdict = {
  isAccepted: false,
  isBogus: false,
  ede: EDE.DNSSEC_INDETERMINATE,
  reason: 'validation has too much to do'
}

const NOT_IN_USE = 'the rules have just changed the forwarders of the network'

export interface AnswerQueueOptions {
  /** Undefined: the forwarders are no longer in use. */
  readonly validate: (
    name: Uint8Array,
    type: number,
    message: Uint8Array,
    forwarders: number
  ) => Promise<Validation> | undefined
  readonly log: ServiceLog
  /** Wall-clock time. */
  readonly wall: () => Milliseconds
  /** Called after each result. */
  readonly onChange: () => void
}

interface Job {
  readonly question: Uint8Array
  readonly message: Uint8Array
  readonly forwarders: number
  readonly done: (verdict: AnswerVerdict) => void
}

/** Validates answers that clients wait for, in the order in which they come, and counts verdicts. */
export class AnswerQueue {
  private readonly queue = new BoundedQueue<Job>(LIMITS, job => this.run(job))
  private refused = 0
  private readonly verdicts: Record<Verdict, number> = {
    ...{ secure: 0, insecure: 0, bogus: 0, indeterminate: 0 }
  }
  private readonly failures: FailureList

  constructor(private readonly options: AnswerQueueOptions) {
    this.failures = new FailureList(options.log, options.wall, {
      bogus: 'answer fails DNSSEC validation; clients get SERVFAIL',
      indeterminate: 'answer could not be validated by DNSSEC; clients get SERVFAIL'
    })
  }

  get state(): EnforcementStatus {
    const { verdicts, refused, failures } = this
    return { verdicts: { ...verdicts }, refused, failures: failures.all }
  }

  /**
   * @param forwarders number of those that were queried
   * @param done called exactly once, also if there is too much to do
   */
  validate(
    question: Uint8Array,
    message: Uint8Array,
    forwarders: number,
    done: (verdict: AnswerVerdict) => void
  ): void {
    if (this.queue.offer({ question, message, forwarders, done })) return
    this.addRefused(1)
    done(OVERLOADED)
  }

  /** Answers were not accepted that have no verdict. */
  addRefused(count: number): void {
    if (count === 0) return
    this.refused += count
    this.options.onChange()
  }

  private async run({ question, message, forwarders, done }: Job): Promise<void> {
    const lower: number[] = []
    decompressName(question, 0, lower)
    const name = Uint8Array.from(lower)
    const type = qtypeOf(question)
    const validation = this.options.validate(name, type, message, forwarders)
    const result = await (validation?.catch(internalError) ?? withoutVerdict(NOT_IN_USE))
    const verdict = answerVerdict(result)
    this.verdicts[result.verdict]++
    if (!verdict.isAccepted) {
      const { ede, reason } = verdict
      const subject = { name: showCanonical(showName(name)), type: showRrtype(type) }
      const fields: FailureFields = { ...subject, verdict: result.verdict, ede, reason }
      this.failures.add(fields)
    }
    this.options.onChange()
    done(verdict)
  }
}

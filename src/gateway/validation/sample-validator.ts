import type { Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { decompressName, showCanonical, showName } from '../../wire/dns/name/name.js'
import { qtypeOf } from '../../wire/dns/message/question.js'
import { showRrtype } from '../../wire/dns/registry/rrtype.js'
import type { ValidationSample } from '../../resolver/stages/validation-sampler.js'
import { answerVerdict } from '../../resolver/validation/answer-verdict.js'
import type { Validation, Verdict } from '../../resolver/validation/verdict.js'
import { BoundedQueue } from './bounded-queue.js'
import { FailureList } from './failure-list.js'
import { ObservationRecorder, type OnObserved } from './observation-recorder.js'
import type { ObservationStatus } from './validation-status.js'
import { internalError } from './without-verdict.js'

/** Few at the same time: observation takes little of the machine. */
const LIMITS = { maxRunning: 8, maxWaiting: 200 }

export interface SampleValidatorOptions {
  /** Undefined: the forwarders are no longer in use. */
  readonly validate: (
    name: Uint8Array,
    type: number,
    forwarders: number
  ) => Promise<Validation> | undefined
  /** Finds the mailbox of the failing zone's operator; never rejects. */
  readonly contactOf: (validation: Validation, forwarders: number) => Promise<string | undefined>
  /** Receives events for the query log. */
  readonly onObserved: OnObserved
  readonly log: ServiceLog
  /** Wall-clock time. */
  readonly wall: () => Milliseconds
  /** Called after each result. */
  readonly onChange: () => void
}

/** Validates samples, a few at a time, counts, records and logs what it finds. It changes no answer. */
export class SampleValidator {
  private readonly queue = new BoundedQueue<ValidationSample>(LIMITS, sample => this.run(sample))
  private dropped = 0
  private readonly networks = new Map<string, Record<Verdict, number>>()
  private readonly failures: FailureList
  private readonly recorder: ObservationRecorder

  constructor(private readonly options: SampleValidatorOptions) {
    this.recorder = new ObservationRecorder(options.onObserved, options.wall)
    this.failures = new FailureList(options.log, options.wall, {
      bogus: 'answer fails DNSSEC validation; it was not changed',
      indeterminate: 'answer could not be validated by DNSSEC; it was not changed'
    })
  }

  get state(): ObservationStatus {
    const { networks, dropped, failures } = this
    return { networks: Object.fromEntries(networks), dropped, failures: failures.all }
  }

  offer(sample: ValidationSample): void {
    this.recorder.countAnswers(sample)
    if (this.queue.offer(sample)) return
    this.dropped++
    this.options.onChange()
  }

  private async run(sample: ValidationSample): Promise<void> {
    const { network, forwarders, question } = sample
    const lower: number[] = []
    decompressName(question, 0, lower)
    const name = Uint8Array.from(lower)
    const type = qtypeOf(question)
    const { validate, contactOf, wall } = this.options
    const begin = wall()
    const validation = await validate(name, type, forwarders)?.catch(internalError)
    if (validation === undefined) return
    const took = Math.max(0, wall() - begin)
    this.count(network, validation.verdict)
    const { verdict, ede = null, reason } = validation
    if (verdict === 'bogus' || verdict === 'indeterminate') {
      const subject = { network, name: showCanonical(showName(name)), type: showRrtype(type) }
      this.failures.add({ ...subject, verdict, ede, reason })
    }
    const wouldFail = !answerVerdict(validation).isAccepted
    const contact = wouldFail ? await contactOf(validation, forwarders) : undefined
    this.recorder.onValidated(sample, validation, contact, took)
    this.options.onChange()
  }

  private count(network: string, verdict: Verdict): void {
    let counts = this.networks.get(network)
    if (counts === undefined)
      this.networks.set(network, (counts = { secure: 0, insecure: 0, bogus: 0, indeterminate: 0 }))
    counts[verdict]++
  }
}

import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import {
  DNSSEC_VERDICT,
  QueryEvent,
  VERDICT,
  type Observation
} from '../../lookups/event/query-event.js'
import type { ValidationSample } from '../../resolver/stages/validation-sampler.js'
import { answerVerdict } from '../../resolver/validation/answer-verdict.js'
import type { Validation } from '../../resolver/validation/verdict.js'
import { decompressName } from '../../wire/dns/name/name.js'
import { qtypeOf } from '../../wire/dns/message/question.js'

/** Least time between two events of a network whose answers all pass. */
const COUNT_INTERVAL: Milliseconds = 60 * MS_PER_SECOND
const MICROSECONDS_PER_MS = 1000
const MAX_REASON = 255

export type OnObserved = (event: QueryEvent, observation: Observation) => void

interface Counts {
  validated: number
  answers: number
  recordedAt: Milliseconds
}

/**
 * Makes events for the query log: one for each failure, and at most one a minute for the other answers of a network, without the
 * client. Each has the counts since the previous one, so that their sums over any period give the size of the sample.
 */
export class ObservationRecorder {
  private readonly networks = new Map<string, Counts>()

  constructor(
    private readonly onObserved: OnObserved,
    private readonly wall: () => Milliseconds
  ) {}

  /** Counts the answers that a sample stands for, also if it is not validated. */
  countAnswers({ network, answers }: ValidationSample): void {
    this.countsOf(network).answers += answers
  }

  /** @param contact undefined: not known, or the answer does not fail */
  onValidated(
    sample: ValidationSample,
    validation: Validation,
    contact: string | undefined,
    took: Milliseconds
  ): void {
    const counts = this.countsOf(sample.network)
    counts.validated++
    const isAnonymous = answerVerdict(validation).isAccepted
    const now = this.wall()
    if (isAnonymous && now - counts.recordedAt < COUNT_INTERVAL) return
    const { validated, answers } = counts
    this.networks.set(sample.network, { validated: 0, answers: 0, recordedAt: now })
    const event = eventOf(sample, validation, now, took)
    this.onObserved(event, { contact, validated, answers, isAnonymous })
  }

  private countsOf(network: string): Counts {
    let counts = this.networks.get(network)
    if (counts === undefined)
      this.networks.set(network, (counts = { validated: 0, answers: 0, recordedAt: -Infinity }))
    return counts
  }
}

function eventOf(
  sample: ValidationSample,
  { verdict, ede = -1, reason }: Validation,
  time: Milliseconds,
  took: Milliseconds
): QueryEvent {
  const { question, client, device, protocol, generation, clientClass, addressClass } = sample
  const name: number[] = []
  decompressName(question, 0, name)
  return Object.assign(new QueryEvent(), {
    ...{ time, generation, clientClass, addressClass, client, device, protocol, ede },
    ...{ qname: Uint8Array.from(name), qnameLength: name.length, qtype: qtypeOf(question) },
    ...{ rcode: sample.rcode, verdict: VERDICT.observed, dnssec: DNSSEC_VERDICT[verdict] },
    latency: Math.round(took * MICROSECONDS_PER_MS),
    dnssecReason: Buffer.from(reason).subarray(0, MAX_REASON)
  })
}

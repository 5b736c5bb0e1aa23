import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { NO_DEVICE, type Protocol } from '../../lookups/event/query-event.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { networkOfClass } from '../../policy/tables/client-table.js'
import type { QueryContext } from '../context/query-context.js'

/** Samples that one worker hands over in a second: more would only take CPU time from it. */
const PER_SECOND = 10

/** A question whose answer is to be validated, after the client has it. */
export interface ValidationSample {
  /** Of the client. */
  readonly network: string
  /** `ForwarderSet.id` of those that answered it. */
  readonly forwarders: number
  /** In any letter case. */
  readonly question: Uint8Array
  /** Of the reply. */
  readonly rcode: number
  /** As in `QueryEvent`. */
  readonly client: Uint32Array
  readonly device: Uint8Array
  readonly protocol: Protocol
  readonly generation: number
  readonly clientClass: number
  readonly addressClass: number
  /** Answers of upstreams for this network since the worker's previous sample of it, with this one. */
  readonly answers: number
}

/** What a sample needs of the query. */
export type SampledQuery = Pick<
  QueryContext,
  'client' | 'clientAt' | 'clientIdentity' | 'clientClass' | 'addressClass' | 'protocol'
>

/** Hands over some of the questions that were just answered by an upstream, for networks with `dnssec: observe`. */
export class ValidationSampler {
  private since: Milliseconds = -Infinity
  private left = 0
  /** Answers since the previous sample, by network. */
  private readonly answers = new Map<string, number>()

  /** @param onSample does not wait for anything */
  constructor(private readonly onSample: (sample: ValidationSample) => void) {}

  /**
   * @param question is copied
   * @param rcode of the reply
   */
  offer(
    policy: Policy,
    query: SampledQuery,
    question: Uint8Array,
    rcode: number,
    now: Milliseconds
  ): void {
    const { clientClass, addressClass, client, clientAt, clientIdentity, protocol } = query
    if (!policy.observesDnssec(clientClass)) return
    const { generation, clients } = policy.snapshot
    const network = networkOfClass(clients, clientClass)!
    const answers = (this.answers.get(network) ?? 0) + 1
    this.answers.set(network, answers)
    if (now - this.since >= MS_PER_SECOND) {
      this.since = now
      this.left = PER_SECOND
    }
    if (this.left === 0) return
    this.left--
    this.answers.delete(network)
    this.onSample({
      ...{ network, answers, rcode, generation, protocol, clientClass, addressClass },
      forwarders: policy.forwardersFor(clientClass),
      question: question.slice(),
      client: client.slice(clientAt, clientAt + 4),
      device: clientIdentity?.device ?? NO_DEVICE
    })
  }
}

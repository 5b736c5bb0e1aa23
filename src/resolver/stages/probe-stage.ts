import { RCODE } from '../../wire/dns/registry/rcode.js'
import { encodeError } from '../../wire/dns/reply/local-reply.js'
import { PROTOCOLS } from '../context/lookup-counters.js'
import { isResolved, type ProbeRecognizer } from '../context/probe-recognizer.js'
import type { QueryContext } from '../context/query-context.js'
import type { QueryStages, StageDependencies } from './query-stages.js'
import { PENDING } from '../context/responder.js'

export interface ProbeDependencies extends StageDependencies {
  /** Undefined: the gateway does not probe itself. */
  readonly probes?: ProbeRecognizer | undefined
}

/** What is done before and after the stages if the query in `context` is a probe of the gateway itself. */
export class ProbeStage {
  /** Probes by protocol: listeners count them as queries. */
  readonly probed = new Float64Array(PROTOCOLS)

  constructor(
    private readonly context: QueryContext,
    private readonly stages: QueryStages,
    private readonly dependencies: ProbeDependencies
  ) {}

  /** It is answered as the client that it names, and not counted. */
  begin(): void {
    const { policy } = this.stages
    const probes = this.dependencies.probes!
    this.dependencies.counters.pause(policy.snapshot)
    const { client } = probes
    const own = probes.classIn(policy)
    this.context.setClient(client, 0, own, undefined, probes.addressClassIn(policy, own), policy)
    probes.prepareReply(this.context.query, policy.snapshot.generation)
  }

  /** It is not forwarded, unless it says so, or a rule has made an alias. @returns as `Resolver.answer` */
  end(decided: number): number {
    const { context, dependencies } = this
    dependencies.counters.resume()
    if (decided !== PENDING || isResolved(context.probe) || context.isAliased) return decided
    const { octets, query, maxLength } = context
    dependencies.probes!.markOpen(query)
    return encodeError(octets, query, maxLength, RCODE.NOERROR, undefined)
  }
}

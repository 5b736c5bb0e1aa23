import type { Config } from '../config/config.js'
import { Policy } from '../policy/evaluate/policy.js'
import type { Snapshot } from '../policy/tables/snapshot.js'
import { PROTOCOL } from '../querylog/record/query-event.js'
import type { RebindingGuard } from '../resolver/rebinding-guard.js'
import type { NameSource } from '../rules/model/types.js'
import type { Forwarder } from '../upstream/forwarder.js'
import {
  buildExplanation,
  withForceReason,
  type ExplainedQuery,
  type Explanation
} from './explanation.js'
import { NoUpstreams, resolveOnce } from './one-query.js'

/** What a decision depends on besides the query. */
export interface ExplainParts {
  readonly config: Config
  readonly snapshot: Snapshot
  /** Of the rules: for the reasons given with `force`. */
  readonly sources: readonly NameSource[]
  /** Closed afterwards. Undefined: upstreams are not queried. */
  readonly forwarder: Forwarder | undefined
  readonly guard: RebindingGuard | undefined
}

/** The decision for one query of one client, made by the code that serves: the same policy and resolver. */
export async function explainQuery(
  query: ExplainedQuery,
  { config, snapshot, sources, forwarder, guard }: ExplainParts
): Promise<Explanation> {
  const policy = new Policy(snapshot)
  const noUpstreams = new NoUpstreams()
  const upstreams = forwarder ?? noUpstreams
  const resolving = resolveOnce(query, PROTOCOL.udp, policy, config, upstreams, guard)
  const resolved = await resolving.finally(() => upstreams.close())
  const resolution = { ...resolved, upstreamSkipped: noUpstreams.wasAsked, guard }
  return withForceReason(buildExplanation(query, policy, resolution, upstreams), sources)
}

import { failure } from '../../base/errors/error.js'
import { epochSeconds } from '../../base/time/clock.js'
import type { Identification } from '../../wire/pki/identity.js'
import { IdentityIndex } from '../../policy/evaluate/identity-index.js'
import { Policy } from '../../policy/evaluate/policy.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { PROTOCOL } from '../../lookups/event/query-event.js'
import type { RebindingGuard } from '../../resolver/stages/rebinding-guard.js'
import type { MandateOrder } from '../../policy/rules/mandates/mandate-orders.js'
import type { NameSource } from '../../policy/rules/model/types.js'
import type { Forwarder } from '../../resolver/upstream/forwarder.js'
import { dnssecOf, type QueryValidator } from './dnssec-view.js'
import {
  buildExplanation,
  classOfClient,
  withSourceFacts,
  type ExplainedQuery,
  type Explanation
} from './explanation.js'
import { withMandates } from './mandate-view.js'
import { NoUpstreams, resolveOnce, type ResolverSettings } from './one-query.js'

/** What a decision depends on besides the query. */
export interface ExplainParts {
  readonly settings: ResolverSettings
  readonly snapshot: Snapshot
  /** Of the rules: for the dates of names, and the reasons given with `force`. */
  readonly sources: readonly NameSource[]
  /** Closed afterwards. Undefined: upstreams are not queried. */
  readonly forwarder: Forwarder | undefined
  readonly guard: RebindingGuard | undefined
  /** Closed afterwards. Absent: nothing is validated. */
  readonly validator?: QueryValidator | undefined
  /** Orders of the mandates in force; absent: there are none. */
  readonly mandates?: readonly MandateOrder[]
}

/**
 * The decision for one query of one client, made by the code that serves: the same policy and resolver.
 *
 * @param given with `device`, the name of a client of the rules, the client has proved to be that
 * @throws InterdictError CLIENT_NONE
 */
export async function explainQuery(
  given: Omit<ExplainedQuery, 'identity'> & { readonly device?: string | undefined },
  { settings, snapshot, sources, forwarder, guard, validator, mandates = [] }: ExplainParts
): Promise<Explanation> {
  const policy = new Policy(snapshot)
  const query = { ...given, identity: identityOf(policy, given) }
  const noUpstreams = new NoUpstreams()
  const queried = forwarder && (validator?.enforcing(forwarder) ?? forwarder)
  const upstreams = queried ?? noUpstreams
  const resolving = resolveOnce(query, PROTOCOL.udp, policy, settings, upstreams, guard)
  const resolved = await resolving.finally(() => upstreams.close())
  const resolution = { ...resolved, upstreamSkipped: noUpstreams.wasAsked, guard }
  const explanation = {
    ...buildExplanation(query, policy, resolution, upstreams),
    ...(await dnssecOf(query, classOfClient(policy, query), policy, resolution, validator))
  }
  const now = epochSeconds(query.clock)
  return withMandates(withSourceFacts(explanation, sources), query.name, mandates, now)
}

/** @throws InterdictError CLIENT_NONE */
function identityOf(
  policy: Policy,
  { device, client }: { readonly device?: string | undefined; readonly client: Uint32Array }
): Identification | undefined {
  if (device === undefined) return undefined
  const found = new IdentityIndex(policy).named(device, client)
  if (found === undefined) throw failure('CLIENT_NONE', device)
  return found
}

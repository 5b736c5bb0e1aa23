import { VERDICT, type QueryEvent } from '../../lookups/event/query-event.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import type { Forwarder } from '../../resolver/upstream/forwarder.js'
import type { ChainStep, Validation, Verdict } from '../../resolver/validation/verdict.js'

/** Validates answers by DNSSEC, as the gateway does. */
export interface QueryValidator {
  validate(name: Uint8Array, type: number, forwarders: number): Promise<Validation>
  /** The forwarder as networks have it that enforce validation. */
  enforcing(forwarder: Forwarder): Forwarder
  close(): void
}

/** What DNSSEC validation says of an answer. */
export interface DnssecView {
  readonly mode: 'observe' | 'enforce'
  readonly verdict: Verdict
  /** INFO-CODE of an extended DNS error. RFC 8914 §4. */
  readonly ede: number | null
  /** Empty if secure. */
  readonly reason: string
  /** From the trust anchor to the answer: what signed each RRset, or what failed. */
  readonly steps: readonly ChainStep[]
}

/** What validation says of the answer of an upstream, if the client's network observes or enforces DNSSEC. */
export async function dnssecOf(
  query: { readonly name: Uint8Array; readonly qtype: number },
  clientClass: number,
  policy: Policy,
  { event, upstreamSkipped }: { readonly event: QueryEvent; readonly upstreamSkipped: boolean },
  validator: QueryValidator | undefined
): Promise<{ readonly dnssec?: DnssecView }> {
  const isEnforced = policy.enforcesDnssec(clientClass)
  const isForwarded = event.verdict === VERDICT.forwarded || event.verdict === VERDICT.failed
  if (validator === undefined) return {}
  try {
    if (upstreamSkipped || !isForwarded || !(isEnforced || policy.observesDnssec(clientClass)))
      return {}
    const set = policy.forwardersFor(clientClass)
    const { verdict, ede, reason, steps } = await validator.validate(query.name, query.qtype, set)
    const mode = isEnforced ? 'enforce' : 'observe'
    return { dnssec: { mode, verdict, ede: ede ?? null, reason, steps } }
  } finally {
    validator.close()
  }
}

import { encodeEde } from '../../wire/dns/edns/ede-option.js'
import type { LoopProbes } from '../../wire/dns/message/loop-probe.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { encodeError } from '../../wire/dns/reply/local-reply.js'
import type { QueryContext } from '../context/query-context.js'

const LOOP = encodeEde(EDE.OTHER, 'forwarding loop')

/** Recognizes loop probes of this resolver that come back from an upstream. */
export interface LoopDetection {
  readonly probes: LoopProbes
  /** Called with the token of each probe that has come back. */
  readonly onProbe: (token: string) => void
}

/**
 * Whether the question is a loop probe; if so, it is reported. Call it last, before forwarding:
 * probes are never cached, and no rule matches them.
 */
export function detectLoop({ query }: QueryContext, detection: LoopDetection | undefined): boolean {
  const token = detection?.probes.findToken(query.qname)
  if (token === undefined) return false
  detection!.onProbe(token)
  return true
}

/** Ends the loop. REFUSED lets the resolver that forwarded the probe try another upstream. */
export function refuseLoop({ octets, query, maxLength }: QueryContext): number {
  return encodeError(octets, query, maxLength, RCODE.REFUSED, LOOP)
}

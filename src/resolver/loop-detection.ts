import { encodeEde } from '../dns/edns/ede-option.js'
import type { LoopProbes } from '../dns/message/loop-probe.js'
import { EDE } from '../dns/registry/ede.js'
import { RCODE } from '../dns/registry/rcode.js'
import { encodeError } from '../dns/reply/local-reply.js'
import type { QueryContext } from './query-context.js'

const BACK = encodeEde(EDE.OTHER, 'a question of this resolver has come back to it')

/** How questions of our own are known that come back from upstreams, and who is told. */
export interface LoopDetection {
  readonly probes: LoopProbes
  readonly onProbe: (token: string) => void
}

/**
 * Whether the question is a probe of ours that an upstream asks back; then it is told. To be asked
 * only of what would be forwarded: no probe is held, nor does a rule speak of one.
 */
export function detectLoop({ query }: QueryContext, loops: LoopDetection | undefined): boolean {
  const token = loops?.probes.findToken(query.qname)
  if (token === undefined) return false
  loops!.onProbe(token)
  return true
}

/** Ends the round trip: whoever asks may ask another, who leads elsewhere. */
export function refuseLoop({ octets, query, maxLength: limit }: QueryContext): number {
  return encodeError(octets, query, limit, RCODE.REFUSED, BACK)
}

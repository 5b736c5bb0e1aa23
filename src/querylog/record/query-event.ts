import type { Microseconds, Milliseconds } from '../../base/units.js'

/** How a lookup ended, as the log has it; see docs/reference/query-log.md. Numbers go through the ring. */
export const VERDICT = {
  forwarded: 0, // answered by an upstream just now
  cached: 1, // answered from the cache
  blocked: 2, // answered by a ban's or block's action
  monitored: 3, // would have been blocked; answered as if not
  allowed: 4, // an exception or allow let it through
  refused: 5, // the client is in no network, or asked what is not looked up: see resolver/odd.ts
  failed: 6, // no upstream answered
  local: 7, // a special-use name, answered here
  stale: 8 // no upstream answered in time: answered from what is over in the cache
} as const

/** What the deciding rule matched. */
export const MATCH = {
  none: 0,
  qname: 1,
  cname: 2,
  dname: 3,
  svcb: 4,
  address: 5,
  rebinding: 6 // no rule, but the rebinding guard
} as const

export const PROTOCOL = { udp: 0, tcp: 1 } as const

/** No response was sent (action `drop`). */
export const NO_RCODE = 0xffff

/**
 * Which lookups are logged: the setting `log.queries`.
 *
 * `blocked`  lookups that policy answered or, in monitor mode, would have answered
 * `all`      every lookup with a verdict, including refused clients
 * `none`     none
 *
 * Refused clients are logged with `all` only: anyone can send such queries, from forged addresses,
 * and could fill the disk with them.
 */
export type LookupFilter = 'blocked' | 'all' | 'none'

/** One lookup, as a worker hands it to the ring. One instance is filled again and again. */
export class QueryEvent {
  time: Milliseconds = 0
  generation = 0
  /** Client class in the snapshot of `generation`. */
  clientClass = 0
  client = new Uint32Array(4)
  protocol: number = PROTOCOL.udp
  /** Wire form, root label included, in any case: the log lower-cases it. */
  qname: Uint8Array = new Uint8Array(256)
  qnameLength = 0
  qtype = 0
  rcode = 0
  verdict: number = VERDICT.forwarded
  match: number = MATCH.none
  /** Claim and record of the deciding or would-be-deciding rule in that snapshot; -1: none. */
  claim = -1
  entry = -1
  /** Index in the configuration's upstreams; -1: none was asked. */
  upstream = -1
  latency: Microseconds = 0
  /** INFO-CODE on the response; -1: none. */
  ede = -1
}

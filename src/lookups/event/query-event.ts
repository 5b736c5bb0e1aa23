import type { Microseconds, Milliseconds } from '../../base/units.js'

/**
 * The outcome of a lookup as written to the log; see docs/reference/query-log.md. Stored as numbers
 * in the ring.
 */
export const VERDICT = {
  forwarded: 0, // answered by an upstream
  cached: 1, // answered from the cache
  blocked: 2, // answered with the action of a ban or block
  monitored: 3, // would have been blocked; answered normally
  allowed: 4, // allowed by an exception or allow rule
  refused: 5, // client outside every network, or unsupported query: see resolver/stages/unsupported-queries.ts
  failed: 6, // no upstream answered
  local: 7, // special-use name, answered locally
  stale: 8, // no upstream responded in time: answered with a stale cache entry
  probe: 9 // asked by the gateway itself, to check that its rules are enforced: counts nowhere
} as const

/** What the deciding rule matched. */
export const MATCH = {
  none: 0,
  qname: 1,
  cname: 2,
  dname: 3,
  svcb: 4,
  address: 5,
  rebinding: 6, // not a rule: the rebinding guard
  ech: 7 // not a rule: the network's `ech`
} as const

/** How the query came; `dot` is DNS over TLS (RFC 7858), `doh` DNS over HTTPS (RFC 8484). */
export const PROTOCOL = { udp: 0, tcp: 1, dot: 2, doh: 3 } as const

/** No response was sent (action `drop`). */
export const NO_RCODE = 0xffff

/** The client is known by its address only. */
export const NO_DEVICE = new Uint8Array(0)

/**
 * Which lookups are logged.
 *
 * `bans`     those of names that a ban covers, or did in the last 90 days, whatever the verdict; and what else is
 *            blocked or monitored
 * `blocked`  blocked and monitored ones
 */
export type LookupFilter = 'bans' | 'blocked' | 'all' | 'none'

/** One lookup, as a worker passes it to the ring. A single instance is reused for all lookups. */
export class QueryEvent {
  time: Milliseconds = 0
  generation = 0
  /** Wire format including the root label, in any case; the log converts it to lower case. */
  clientClass = 0
  /** Class of the address of a recognized client, if it is in another network; 0: it is not. */
  addressClass = 0
  client = new Uint32Array(4)
  /** Name of the client in UTF-8, at most 255 octets; empty: it is known by its address only. */
  device: Uint8Array = NO_DEVICE
  protocol: number = PROTOCOL.udp
  /**
   * Claim and record, in that snapshot, of the rule that decided or would have decided; -1: none. Or
   * one made by `claimOfSource`.
   */
  qname: Uint8Array = new Uint8Array(256)
  qnameLength = 0
  qtype = 0
  rcode = 0
  verdict: number = VERDICT.forwarded
  match: number = MATCH.none
  /** Index into the configured upstreams; -1: no upstream was queried. */
  claim = -1
  entry = -1
  /** INFO-CODE of the extended DNS error (RFC 8914) in the response; -1: none. */
  upstream = -1
  latency: Microseconds = 0
  /** INFO-CODE on the response; -1: none. */
  ede = -1
}

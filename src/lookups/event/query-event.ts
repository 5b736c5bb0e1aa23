import type { Microseconds, Milliseconds } from '../../base/units.js'
import type { Code } from '../../base/code.js'

export type LookupVerdict = Code<'verdict'>

/**
 * The outcome of a lookup as written to the log; see docs/reference/query-log.md. Stored as numbers
 * in the ring.
 */
export const VERDICT = {
  forwarded: 0 as LookupVerdict, // answered by an upstream
  cached: 1 as LookupVerdict, // answered from the cache
  blocked: 2 as LookupVerdict, // answered with the action of a ban or block
  monitored: 3 as LookupVerdict, // would have been blocked; answered normally
  allowed: 4 as LookupVerdict, // allowed by an exception or allow rule
  refused: 5 as LookupVerdict, // client outside every network, or unsupported query: see resolver/stages/unsupported-queries.ts
  failed: 6 as LookupVerdict, // no upstream answered
  local: 7 as LookupVerdict, // special-use name or local record, answered locally
  stale: 8 as LookupVerdict, // no upstream responded in time: answered with a stale cache entry
  probe: 9 as LookupVerdict, // asked by the gateway itself, to check that its rules are enforced: counts nowhere
  observed: 10 as LookupVerdict // validated for a network with `dnssec: observe`, after the client had the answer: counts nowhere
} as const

export type Match = Code<'match'>

/** What the deciding rule matched. */
export const MATCH = {
  none: 0 as Match,
  qname: 1 as Match,
  cname: 2 as Match,
  dname: 3 as Match,
  svcb: 4 as Match,
  address: 5 as Match,
  rebinding: 6 as Match, // not a rule: the rebinding guard
  ech: 7 as Match, // not a rule: the network's `ech`
  record: 8 as Match // local records answer the name
} as const

export type Protocol = Code<'protocol'>

/** How the query came; `dot` is DNS over TLS (RFC 7858), `doh` DNS over HTTPS (RFC 8484). */
export const PROTOCOL = {
  udp: 0 as Protocol,
  tcp: 1 as Protocol,
  dot: 2 as Protocol,
  doh: 3 as Protocol
} as const

export type DnssecVerdict = Code<'DNSSEC verdict'>

/** What DNSSEC validation says of the answer. */
export const DNSSEC_VERDICT = {
  none: 0 as DnssecVerdict, // not validated
  secure: 1 as DnssecVerdict,
  insecure: 2 as DnssecVerdict,
  bogus: 3 as DnssecVerdict,
  indeterminate: 4 as DnssecVerdict
} as const

/** No response was sent (action `drop`). */
export const NO_RCODE = 0xffff

/** The client is known by its address only. */
export const NO_DEVICE = new Uint8Array(0)
/** Of an answer that is secure or was not validated. */
export const NO_REASON = new Uint8Array(0)

/**
 * Which lookups are logged.
 *
 * `bans`     names that a ban covers, or did in the last 90 days, whatever the verdict; and what else is
 *            blocked or monitored
 * `blocked`  blocked and monitored ones
 */
export type LookupFilter = 'bans' | 'blocked' | 'all' | 'none'

/** One lookup, as a worker passes it to the ring. A single instance is reused for all lookups. */
export class QueryEvent {
  time: Milliseconds = 0
  generation = 0
  clientClass = 0
  /** Class of the address of a recognized client, if it is in another network; 0: it is not. */
  addressClass = 0
  client = new Uint32Array(4)
  /** Name of the client in UTF-8, at most 255 octets; empty: it is known by its address only. */
  device: Uint8Array = NO_DEVICE
  protocol: Protocol = PROTOCOL.udp
  /** Wire format including the root label, in any case; the log converts it to lower case. */
  qname: Uint8Array = new Uint8Array(256)
  qnameLength = 0
  qtype = 0
  rcode = 0
  verdict: LookupVerdict = VERDICT.forwarded
  match: Match = MATCH.none
  /**
   * Claim and entry, in that snapshot, of the rule that decided or would have decided; -1: none. Or
   * one made by `claimOfSource`.
   */
  claim = -1
  entry = -1
  /** Index into the configured upstreams; -1: no upstream was queried. */
  upstream = -1
  latency: Microseconds = 0
  /** INFO-CODE of the extended DNS error (RFC 8914) in the response; -1: none. */
  ede = -1
  dnssec: DnssecVerdict = DNSSEC_VERDICT.none
  /** Why the answer is not secure, in UTF-8, at most 255 octets; empty: not known, or it is. */
  dnssecReason: Uint8Array = NO_REASON
}

/** Additional fields of an event with the verdict `observed`. */
export interface Observation {
  /** Mailbox of the zone's operator, from its SOA; undefined: not known. */
  readonly contact: string | undefined
  /** Answers of this network that were validated since its previous event, with this one. */
  readonly validated: number
  /** Answers of upstreams for this network in the same time, from which the sample was taken. */
  readonly answers: number
  /** Whether to leave the client out. */
  readonly isAnonymous: boolean
}

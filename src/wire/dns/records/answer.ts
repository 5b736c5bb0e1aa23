import type { Milliseconds, Seconds } from '../../../base/units.js'
import type { Code } from '../../../base/code.js'

/**
 * An upstream's answer to one question, as cached: the octets after the question, ready to be copied
 * after any client's question for the same name (compression pointers stay valid, because the
 * question has the same length and starts at octet 12).
 */
export interface Answer {
  /** Answer and authority sections; TTLs already within `TtlLimits`. */
  readonly body: Uint8Array
  readonly rcode: number
  readonly answers: number
  readonly authorities: number
  /** AD as set by the upstream; passed on only to clients that set AD or DO. RFC 6840 §5.7. */
  readonly authentic: boolean
  /** Positions in `body` of every TTL field; TTLs in `body` are those at `storedAt`. */
  readonly ttls: Uint16Array
  /** Clock.now() when stored. */
  readonly storedAt: Milliseconds
  /** How long the answer may be served after `storedAt`. 0: not cached. */
  readonly lifetime: Seconds
  /** The upstream's extended errors: the first INFO-CODE, and all as encoded options. RFC 8914 §3. */
  readonly ede: { readonly code: number; readonly option: Uint8Array } | undefined
  /** The upstream that answered: index in `Forwarder.upstreams`, for the log. */
  readonly upstream: number
  /**
   * Target names of the answer (CNAME and DNAME targets, names that a DNAME substitutes, SVCB and
   * HTTPS TargetName), concatenated in lower-cased wire form; empty if there are none.
   */
  readonly targets: Uint8Array
  /** A `TargetKind` for each of `targets`. */
  readonly targetKinds: Uint8Array
  /** Addresses in A, AAAA and SVCB hints: four 32-bit words each, as in `DatagramBatch.peers`. */
  readonly addresses: Uint32Array

  /**
   * Set by policy: this answer was inspected and nothing in it is blocked for queries of class
   * `cleanClass` (client class and transport) under policy epoch `cleanEpoch`; the next cache hit
   * skips the inspection.
   */
  cleanEpoch: number
  cleanClass: number
}

export type TargetKind = Code<'target kind'>

/** The record type through which an answer refers to a target name. */
export const TARGET_KIND = {
  cname: 1 as TargetKind,
  dname: 2 as TargetKind,
  svcb: 3 as TargetKind
} as const

/** Configured limits on TTLs and on how long answers are cached. */
export interface TtlLimits {
  /** Raises every lower TTL except 0, which means "use once". */
  readonly minTtl: Seconds
  /** Lowers every higher TTL; takes precedence over `minTtl`. Reasons: RFC 8767 §4. */
  readonly maxTtl: Seconds
  /** Limit for NXDOMAIN and NODATA, to which `minTtl` does not apply. RFC 2308 §5. */
  readonly negativeMaxTtl: Seconds
  /** Lifetime of SERVFAIL and other failures, at most 5 minutes. RFC 9520 §3.2. */
  readonly failureTtl: Seconds
}

const NO_OCTETS = new Uint8Array(0)
const NO_TTLS = new Uint16Array(0)

/** The RCODE of an answer alone. */
export function withoutRecords(answer: Answer): Answer {
  const nothing = { body: NO_OCTETS, ttls: NO_TTLS, answers: 0, authorities: 0, authentic: false }
  return { ...answer, ...nothing }
}

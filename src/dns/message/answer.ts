import type { Milliseconds, Seconds } from '../../base/units.js'

/**
 * What an upstream said of one question, as it is kept: the octets after the question, ready to be
 * laid behind any asker's own question of the same name (compression pointers keep their meaning,
 * since the question has the same length and starts at octet 12).
 */
export interface Answer {
  /** Answer, authority and additional section; no OPT; TTLs already floored and capped. */
  readonly body: Uint8Array
  readonly rcode: number
  readonly answers: number
  readonly authorities: number
  readonly additionals: number
  /** Authentic Data as the upstream set it. RFC 6840 §5.7: given only to who asked with AD or DO. */
  readonly authentic: boolean
  /** Positions in `body` of every TTL field; the TTL octets there are those of the moment of storing. */
  readonly ttls: Uint16Array
  /** Clock.now() when stored. */
  readonly storedAt: Milliseconds
  /** How long it may be given out from then. 0: never kept. */
  readonly lifetime: Seconds
  /** The upstream's extended errors, passed on: the first INFO-CODE, and all of them ready to be copied. RFC 8914 §3. */
  readonly ede: { readonly code: number; readonly option: Uint8Array } | undefined
  /** Whose answer it is: index in `Forwarder.upstreams`, for the log. */
  readonly upstream: number
  /**
   * Names the answer leads to (CNAME and DNAME targets, SVCB and HTTPS TargetName), one after the
   * other in lower-cased wire form; empty where there are none.
   */
  readonly targets: Uint8Array
  /** How it leads there, one of `TARGET_KIND` for each of `targets`. */
  readonly targetKinds: Uint8Array
  /** Addresses in A, AAAA and SVCB hints: four 32-bit words each, as in `DatagramBatch.clients`. */
  readonly addresses: Uint32Array

  /**
   * Policy's note: this answer was inspected and found clean for clients of class `cleanClass`
   * under policy epoch `cleanEpoch`; spares the inspection on the next hit.
   */
  cleanEpoch: number
  cleanClass: number
}

/** How an answer leads to another name. */
export const TARGET_KIND = { cname: 1, dname: 2, svcb: 3 } as const

/** Bounds of how long answers are kept; config says them. */
export interface TtlLimits {
  /** Raises every TTL below it but 0, which means "use once" and is left to mean that. */
  readonly minTtl: Seconds
  /** Lowers every TTL above it; stronger than `minTtl`. RFC 8767 §4 has reasons. */
  readonly maxTtl: Seconds
  /** For NXDOMAIN and NODATA; `minTtl` does not hold for them. RFC 2308 §5. */
  readonly negativeMaxTtl: Seconds
  /** For SERVFAIL and the like, at most 5 minutes. RFC 9520 §3.2. */
  readonly failureTtl: Seconds
}

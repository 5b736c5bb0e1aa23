/** Counters of one upstream; they never decrease. */
export interface UpstreamCounts {
  /** Queries sent, over UDP and TCP, retries and probes included. */
  queries: number
  /** Of these, over TCP. */
  overTcp: number
  /** Responses accepted. */
  responses: number
  /** Queries that timed out. */
  timeouts: number
  /** Queries that could not be delivered, as reported by ICMP or the operating system. */
  undelivered: number
  /** Queries that could not be sent, or whose connection closed before the response. */
  lost: number
  /** Truncated responses, retried over TCP. */
  truncated: number
  /** Responses in which only the case of QNAME or the cookie was wrong: retried over TCP. */
  doubts: number
  /** Responses that asked for another cookie, or for none: retried. RFC 7873 §5.3. */
  rewordings: number
  /** Responses that rejected EDNS: retried without OPT. RFC 6891 §7. */
  ednsRejections: number
}

/** Counters that belong to no single upstream; they never decrease. */
export interface ForwarderCounts {
  /**
   * Responses and ICMP quotes with a wrong address, port, ID or question, late ones included. RFC
   * 5452 §9.1.
   */
  mismatches: number
  /** Upstream queries moved to TCP because of many mismatches. */
  movedToTcp: number
  /** Waiters that joined an upstream query in flight. */
  shared: number
  /** Waiters rejected because of `maxInFlight` or `maxWaiters`. */
  rejected: number
  /** Upstream queries that failed. */
  failures: number
}

/** All counters, summed over upstreams. */
export type Counts = UpstreamCounts & ForwarderCounts

export function newUpstreamCounts(): UpstreamCounts {
  return {
    queries: 0,
    overTcp: 0,
    responses: 0,
    timeouts: 0,
    undelivered: 0,
    lost: 0,
    truncated: 0,
    doubts: 0,
    rewordings: 0,
    ednsRejections: 0
  }
}

export function newForwarderCounts(): ForwarderCounts {
  return { mismatches: 0, movedToTcp: 0, shared: 0, rejected: 0, failures: 0 }
}

/** Adds `counts` to `sum`. */
export function addCounts(sum: UpstreamCounts, counts: Readonly<UpstreamCounts>): void {
  for (const key of Object.keys(sum) as (keyof UpstreamCounts)[]) sum[key] += counts[key]
}

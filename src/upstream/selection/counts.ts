/** What happened with one upstream; all only ever grow. */
export interface UpstreamCounts {
  /** Queries sent, over UDP and TCP, retries and probes included. */
  queries: number
  /** Of these, those over TCP. */
  overTcp: number
  /** Responses accepted. */
  responses: number
  /** Queries that no answer came to in time. */
  timeouts: number
  /** Queries that could not be delivered, as ICMP or the system said. */
  undelivered: number
  /** Queries that could not be sent, or whose connection ended before the answer. */
  lost: number
  /** Truncated responses, asked for again over TCP. */
  truncated: number
  /** Responses that only the case of QNAME or the cookie was wrong in: asked for again over TCP. */
  doubts: number
  /** Responses that wanted another cookie, or none: asked for again. RFC 7873 §5.3. */
  rewordings: number
}

/** What happened that is no one upstream's; all only ever grow. */
export interface ForwarderCounts {
  /**
   * Responses, and what ICMP quotes of queries, with a wrong address, port, ID or question, late
   * ones included. RFC 5452 §9.1.
   */
  mismatches: number
  /** Inquiries moved to TCP because of many mismatches. */
  movedToTcp: number
  /** Askers that joined an inquiry under way. */
  shared: number
  /** Askers turned away because of `maxInFlight` or `maxWaiters`. */
  rejected: number
  /** Inquiries that failed. */
  failures: number
}

/** All of it, upstreams together. */
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
    rewordings: 0
  }
}

export function newForwarderCounts(): ForwarderCounts {
  return { mismatches: 0, movedToTcp: 0, shared: 0, rejected: 0, failures: 0 }
}

/** Adds them to `sum`. */
export function addCounts(sum: UpstreamCounts, counts: Readonly<UpstreamCounts>): void {
  for (const what of Object.keys(sum) as (keyof UpstreamCounts)[]) sum[what] += counts[what]
}

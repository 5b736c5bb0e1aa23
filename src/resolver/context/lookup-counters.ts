import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { MATCH, PROTOCOL, type Match } from '../../lookups/event/query-event.js'

/** Upper bounds of the buckets that response times are counted in; above them is one more. */
export const DURATION_BOUNDS: readonly Milliseconds[] = [
  0.25, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000
]

/** RCODEs that fit into a header. RFC 1035 §4.1.1. */
export const RCODE_SLOTS = 16
/** For extended RCODEs, of which the header has only four bits (RFC 6891 §6.1.3); unassigned itself. */
export const EXTENDED_RCODE = 15

/** A counter's index in the memory of a worker that does not depend on the rules. */
export const COUNTER = {
  /** Responses by RCODE, but for those from the shelf. */
  responses: 0,
  /** Responses from the shelf by RCODE. */
  shelved: RCODE_SLOTS,
  hits: 32,
  misses: 33,
  stale: 34,
  /** Messages that were rejected before the network was looked up, by transport. */
  malformed: 35, // to 38
  /** Lookups blocked by the rebinding guard. */
  rebinding: 39,
  /** Sum of all response times, in milliseconds. */
  durationSum: 40,
  /** Response times by `DURATION_BOUNDS`. */
  durations: 41, // to 54
  /** Not a counter: see `EventLoopLag`. */
  lag: 56
} as const

/** Number of protocols that queries are counted by. */
export const PROTOCOLS = Object.keys(PROTOCOL).length

/** Numbers per worker of the counters in `COUNTER`: whole cache lines, so that workers share none. */
export const COUNTERS = 64
/** Numbers in a cache line of 64 octets. */
const LINE = 8

/** The values of MATCH for which a claim counts: qname to address. */
export const CLAIM_MATCHES = MATCH.address

/**
 * Where the counters of one snapshot are, in numbers from the start of a worker's part: queries by
 * client class and protocol; blocked lookups by client class; for each of `CLAIM_MATCHES`, lookups by claim, blocked
 * or monitored. Memory that no rule has counted in is never touched, so it costs address space only.
 */
export interface RuleCounterLayout {
  readonly classes: number
  readonly claims: number
  readonly blockedAt: number
  readonly claimsAt: number
  /** Numbers per worker. */
  readonly size: number
}

export function ruleCounterLayout({ clients, claims }: Snapshot): RuleCounterLayout {
  const classes = clients.networkOf.length
  const { length } = claims.list
  const blockedAt = PROTOCOLS * classes
  const claimsAt = blockedAt + classes
  const used = claimsAt + CLAIM_MATCHES * length
  return {
    classes,
    claims: length,
    blockedAt,
    claimsAt,
    size: Math.ceil(used / LINE) * LINE
  }
}

/** Memory for so many numbers, all 0. */
export function allocateCounters(numbers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(numbers * Float64Array.BYTES_PER_ELEMENT)
}

/**
 * The counters of one worker, in memory that the control thread and the HTTP thread read without asking.
 * Only the worker writes, so plain additions do; a restarted worker continues in the same memory. Counting
 * never allocates. Numbers are doubles: exact up to 2^53, and read and written whole.
 */
export class LookupCounters {
  fixed: Float64Array
  /** By RCODE. */
  shelved: Float64Array
  /** By client class and protocol, `PROTOCOLS` numbers for each class. */
  requests: Float64Array = new Float64Array(0)
  private blocked: Float64Array = new Float64Array(0)
  /** By claim, one array for each match. */
  private claims: Float64Array = new Float64Array(0)
  private claimCount = 0
  /** Responses since `beginBatch` that are sent with the batch. */
  private inBatch = 0
  private isPaused = false
  /** What is counted while paused, which nobody reads; undefined: it never was, under these rules. */
  private unread: LookupCounters | undefined

  /**
   * @param clock is read once per batch
   * @param memory of all workers, each with `COUNTERS` numbers
   */
  constructor(
    private readonly clock: Clock,
    memory = allocateCounters(COUNTERS),
    private readonly worker = 0
  ) {
    const start = worker * COUNTERS * Float64Array.BYTES_PER_ELEMENT
    this.fixed = new Float64Array(memory, start, COUNTERS)
    this.shelved = this.fixed.subarray(COUNTER.shelved, COUNTER.shelved + RCODE_SLOTS)
  }

  /**
   * From now on these rules are counted.
   *
   * @param memory of all workers for this snapshot; undefined: of this one alone
   */
  adopt(snapshot: Snapshot, memory: SharedArrayBuffer | undefined): void {
    const { classes, claims, blockedAt, claimsAt, size } = ruleCounterLayout(snapshot)
    const shared = memory ?? allocateCounters(size)
    const start = memory === undefined ? 0 : this.worker * size
    const at = (offset: number, length: number): Float64Array =>
      new Float64Array(shared, (start + offset) * Float64Array.BYTES_PER_ELEMENT, length)
    this.requests = at(0, PROTOCOLS * classes)
    this.blocked = at(blockedAt, classes)
    this.claims = at(claimsAt, CLAIM_MATCHES * claims)
    this.claimCount = claims
    this.unread = undefined
  }

  /** What follows is a probe of the gateway itself, and does not count, until `resume`. */
  pause(snapshot: Snapshot): void {
    if (this.isPaused) return
    if (this.unread === undefined) {
      this.unread = new LookupCounters(this.clock)
      this.unread.adopt(snapshot, undefined)
    }
    this.isPaused = true
    this.swap(this.unread)
  }

  resume(): void {
    if (!this.isPaused) return
    this.isPaused = false
    this.swap(this.unread!)
  }

  private swap(other: LookupCounters): void {
    const { fixed, shelved, requests, blocked, claims, inBatch } = this
    Object.assign(this, {
      fixed: other.fixed,
      shelved: other.shelved,
      requests: other.requests,
      blocked: other.blocked,
      claims: other.claims,
      inBatch: other.inBatch
    })
    Object.assign(other, { fixed, shelved, requests, blocked, claims, inBatch })
  }

  /** Counts a response that is sent with the batch. @param rcode as in the header, or EXTENDED_RCODE */
  countResponse(rcode: number): void {
    this.fixed[COUNTER.responses + rcode]!++
    this.inBatch++
  }

  /** As `countResponse`, for a response from the shelf. */
  countShelved(rcode: number): void {
    this.shelved[rcode]!++
    this.inBatch++
  }

  /** Counts a response to a query that waited. */
  countLate(rcode: number, took: Milliseconds): void {
    this.fixed[COUNTER.responses + rcode]!++
    this.countDuration(1, took)
  }

  countBlocked(clientClass: number, claim: number, match: Match): void {
    this.blocked[clientClass]!++
    this.claims[(match - 1) * this.claimCount + claim]!++
  }

  /** A rule in monitor mode would have blocked the lookup. */
  countMonitored(claim: number, match: Match): void {
    this.claims[(match - 1) * this.claimCount + claim]!++
  }

  countRebinding(clientClass: number): void {
    this.blocked[clientClass]!++
    this.fixed[COUNTER.rebinding]!++
  }

  /** The responses of a batch are about to be sent: counts their times. @param since when it was received */
  endBatch(since: Milliseconds): void {
    const { inBatch } = this
    if (inBatch === 0) return
    this.inBatch = 0
    this.countDuration(inBatch, this.clock.now() - since)
  }

  private countDuration(responses: number, took: Milliseconds): void {
    let bucket = 0
    while (bucket < DURATION_BOUNDS.length && took > DURATION_BOUNDS[bucket]!) bucket++
    this.fixed[COUNTER.durations + bucket]! += responses
    this.fixed[COUNTER.durationSum]! += responses * took
  }
}

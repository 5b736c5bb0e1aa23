import { readAddress } from '../../../base/values/address.js'
import { doublingDelay } from '../../../base/time/doubling-delay.js'
import type { Milliseconds } from '../../../base/units.js'
import type { Endpoint, Peer } from '../../../wire/sockets/datagram.js'
import { showServer, type UpstreamServer } from '../../../wire/sockets/upstream-server.js'
import { newUpstreamCounts } from './counts.js'
import type { UpstreamCookies } from './upstream-cookies.js'

/** Weight of a new response time in the smoothed one. RFC 6298 §2 has the same for TCP. */
const GAIN = 1 / 8
/** Time out of rotation after the first failure; it doubles with each further one in a row. */
const FIRST_RETRY: Milliseconds = 1000
/** Longest time out of rotation: an upstream that is up again is found within it. */
const MAX_RETRY: Milliseconds = 10_000
/** Failures in a row after which an upstream is marked down. */
const DOWN_AFTER = 3
/** Error responses in a row where another upstream had an answer: then it leaves rotation. */
const MAX_WRONG_ERRORS = 8
const WRONG_ERROR_RETRY: Milliseconds = 10_000

/** Responses in a row over TCP with a changed case of QNAME: then its case is not checked. */
const MAX_CASE_MISMATCHES = 3

/** How long EDNS stays disabled for an upstream that rejects it, as long as in Unbound (`infra-host-ttl`). */
const EDNS_DISABLED_FOR: Milliseconds = 900_000

/** A change of an upstream's health, for the service log. */
export type HealthChange = {
  /** `down`: three failures in a row; `up`: it answered again. */
  readonly kind: 'down' | 'up'
  /** Index in `Forwarder.upstreams`, and the text there. */
  readonly upstream: number
  readonly address: string
  /** Why the last connection to it failed, over TLS. */
  readonly error?: string | undefined
}

/** Reacts to changes of an upstream's health: leaving rotation starts probing. */
export interface HealthListener {
  onOutOfRotation(upstream: Upstream, now: Milliseconds): void
  onHealthChange(change: HealthChange): void
}

/** An upstream resolver: address, response time and health. */
export class Upstream {
  readonly family: 4 | 6
  /** Address, as in `DatagramBatch.peers`. */
  readonly words: Uint32Array
  readonly text: string
  readonly counts = newUpstreamCounts()
  /** Smoothed; 0: not measured yet, and therefore selected first. */
  responseTime: Milliseconds = 0
  isDown = false
  /** No longer in the settings: only queries that were in flight may still go to it. */
  isRemoved = false
  /** Queried over TLS only. */
  readonly isEncrypted: boolean
  /** Why it last failed over TLS or HTTPS; undefined: it has answered since. */
  connectionError: string | undefined
  /** Repeats the letter case of QNAME in responses, as far as is known. */
  preservesCase = true
  private caseMismatches = 0
  private failures = 0
  /** When the first of the failures in a row was. */
  private failingSince: Milliseconds = Infinity
  /** Of the failures in a row, one was reported by ICMP or by the operating system. */
  private isUndeliverable = false
  private wrongErrors = 0
  private lastResponseAt: Milliseconds = -Infinity
  private lastFailureAt: Milliseconds = -Infinity
  /** It has answered with OPT. */
  knowsEdns = false
  private ednsDisabledUntil: Milliseconds = -Infinity
  /** When it returns to rotation. */
  outOfRotationUntil: Milliseconds = -Infinity

  /** @throws InterdictError ADDRESS_INVALID */
  constructor(
    readonly index: number,
    readonly endpoint: UpstreamServer,
    readonly peer: Peer,
    readonly cookies: UpstreamCookies,
    private readonly listener: HealthListener
  ) {
    this.family = familyOf(endpoint)
    this.isEncrypted = endpoint.tls !== undefined
    this.words = wordsOf(endpoint)
    this.text = showServer(endpoint)
  }

  /** Not selected while another upstream is in rotation. */
  isOutOfRotation(now: Milliseconds): boolean {
    return now < this.outOfRotationUntil
  }

  /** Whether it has failed and not answered since: it has to be probed. */
  get isFailing(): boolean {
    return this.failures > 0
  }

  /** Undefined: it has not responded yet. */
  answeredAgo(now: Milliseconds): Milliseconds | undefined {
    return this.lastResponseAt === -Infinity ? undefined : now - this.lastResponseAt
  }

  /**
   * For how long it has failed without a response, as far as that is beyond doubt: three failures in a
   * row, or one that ICMP or the operating system reports. Undefined: it has not.
   */
  unavailableFor(now: Milliseconds): Milliseconds | undefined {
    return this.isDown || this.isUndeliverable ? now - this.failingSince : undefined
  }

  countQuery(overTcp: boolean): void {
    this.counts.queries++
    if (overTcp) this.counts.overTcp++
  }

  /** @param took response time; undefined where it is not comparable: of a retry over TCP */
  onResponse(took: Milliseconds | undefined, now: Milliseconds): void {
    this.lastResponseAt = now
    this.connectionError = undefined
    if (this.failures > 0) this.recover()
    if (took !== undefined) this.measure(took)
  }

  /**
   * A query sent at `sentAt` timed out. That is a failure only if no response at all has come since:
   * upstreams do not answer names that they cannot resolve in time, and networks lose single
   * packets. Queries in flight together count as one failure.
   */
  onTimeout(sentAt: Milliseconds, now: Milliseconds): void {
    this.measure(now - sentAt)
    if (this.lastResponseAt <= sentAt && this.lastFailureAt <= sentAt) this.onFailure(now)
  }

  /**
   * ICMP reports that it cannot be reached. That comes at once, so a thousand queries may fail within
   * a second: while it is out of rotation, they count as one failure. Not a response time.
   */
  onUndelivered(sentAt: Milliseconds, now: Milliseconds): void {
    if (this.lastResponseAt > sentAt || this.isOutOfRotation(now)) return
    this.isUndeliverable = true
    this.onFailure(now)
  }

  /** A failure: leaves rotation for a while, and is marked down after three in a row. */
  onFailure(now: Milliseconds): void {
    if (this.failures++ === 0) this.failingSince = now
    this.lastFailureAt = now
    this.outOfRotationUntil = now + doublingDelay(this.failures, FIRST_RETRY, MAX_RETRY)
    this.listener.onOutOfRotation(this, now)
    if (this.failures < DOWN_AFTER || this.isDown) return
    this.isDown = true
    this.cookies.onDown(now)
    this.listener.onHealthChange(this.healthChange('down'))
  }

  /** It returned an error where another upstream had an answer. */
  onWrongError(now: Milliseconds): void {
    if (++this.wrongErrors >= MAX_WRONG_ERRORS) this.outOfRotationUntil = now + WRONG_ERROR_RETRY
  }

  /** Whether queries to it have an OPT record. */
  usesEdns(now: Milliseconds): boolean {
    return now >= this.ednsDisabledUntil
  }

  /**
   * It rejected a query with OPT and answered the same query without: RFC 6891 §6.2.2. Only that question went
   * without if it knows EDNS: others would lose DO, cookies and EDE because of one bad name.
   */
  onAnswerWithoutEdns(now: Milliseconds): void {
    if (!this.knowsEdns) this.ednsDisabledUntil = now + EDNS_DISABLED_FOR
  }

  /** It returned something other than an error. */
  onAnswer(): void {
    this.wrongErrors = 0
  }

  /**
   * After a response over UDP with the wrong case of QNAME, it sent one over TCP, which cannot be
   * spoofed. If the upstream itself changes the case, the case is not checked until the next start.
   */
  onTcpCaseCheck(isExact: boolean): void {
    this.caseMismatches = isExact ? 0 : this.caseMismatches + 1
    if (this.caseMismatches >= MAX_CASE_MISMATCHES) this.preservesCase = false
  }

  private healthChange(kind: HealthChange['kind']): HealthChange {
    const { index, text, connectionError: error } = this
    return { kind, upstream: index, address: text, ...(error !== undefined && { error }) }
  }

  private measure(took: Milliseconds): void {
    this.responseTime =
      this.responseTime === 0 ? took : this.responseTime + (took - this.responseTime) * GAIN
  }

  /** Response times from before the failure no longer apply. */
  private recover(): void {
    this.failures = 0
    this.failingSince = Infinity
    this.isUndeliverable = false
    this.responseTime = 0
    this.outOfRotationUntil = -Infinity
    if (!this.isDown) return
    this.isDown = false
    this.listener.onHealthChange(this.healthChange('up'))
  }
}

function familyOf({ address }: Endpoint): 4 | 6 {
  return address.includes(':') ? 6 : 4
}

/** The zone of a scoped address (RFC 4007 §11) is not part of its 128 bits. */
function wordsOf({ address }: Endpoint): Uint32Array {
  const octets = readAddress(address.replace(/%.*$/, ''))
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  return Uint32Array.from({ length: 4 }, (_, word) => view.getUint32(4 * word))
}

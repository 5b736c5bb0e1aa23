import { readAddress } from '../../base/address.js'
import type { Milliseconds } from '../../base/units.js'
import type { Endpoint, Peer } from '../../udp/datagram.js'
import { newUpstreamCounts } from './counts.js'
import type { UpstreamCookies } from './upstream-cookies.js'

/** Weight of a new response time in the smoothed one. RFC 6298 §2 has the same for TCP. */
const GAIN = 1 / 8
/** Rest after the first failure; it doubles with each one in a row. */
const FIRST_RETRY: Milliseconds = 1000
/** Longest rest, so that a dead upstream that came back is found within this time. */
const MAX_RETRY: Milliseconds = 10_000
/** Failures in a row after which an upstream is called down. */
const DOWN_AFTER = 3
/** Errors in a row that another upstream knew better, after which an upstream is passed over. */
const MAX_WRONG_ERRORS = 8
const WRONG_ERROR_RETRY: Milliseconds = 10_000

/** Answers in a row, proved over TCP, that spoil the case of QNAME, after which it is as it is. */
const MAX_CASE_MISMATCHES = 3

/** Port of DNS over UDP and TCP. RFC 1035 §4.2. */
export const DNS_PORT = 53

/** What a change of an upstream's health is, for the service log. */
export type HealthChange = {
  /** `down`: three failures in a row; `up`: it answered again. */
  readonly kind: 'down' | 'up'
  /** Index in `Forwarder.upstreams`, and the text there. */
  readonly upstream: number
  readonly address: string
}

/** Whom an upstream tells that its rest began (a probe is due) and that it went down or up. */
export interface HealthListener {
  onOutOfRotation(upstream: Upstream, now: Milliseconds): void
  onHealthChange(change: HealthChange): void
}

/** Another resolver: where it is, how fast it answers, and whether it does. */
export class Upstream {
  readonly family: 4 | 6
  /** Its address as in `DatagramBatch.peers`. */
  readonly words: Uint32Array
  readonly text: string
  readonly counts = newUpstreamCounts()
  /** Smoothed response time; 0: not measured yet, and so chosen first. */
  responseTime: Milliseconds = 0
  isDown = false
  /** Gives QNAME back in the case in which it was asked, as far as we know. */
  preservesCase = true
  private caseMismatches = 0
  private failures = 0
  private wrongErrors = 0
  private lastResponseAt: Milliseconds = -Infinity
  private lastFailureAt: Milliseconds = -Infinity
  private outOfRotationUntil: Milliseconds = -Infinity

  /** @throws InterdictError ADDRESS_INVALID */
  constructor(
    readonly index: number,
    readonly endpoint: Endpoint,
    readonly peer: Peer,
    readonly cookies: UpstreamCookies,
    private readonly listener: HealthListener
  ) {
    this.family = familyOf(endpoint)
    this.words = wordsOf(endpoint)
    this.text = showEndpoint(endpoint)
  }

  /** Passed over while there is another. */
  isOutOfRotation(now: Milliseconds): boolean {
    return now < this.outOfRotationUntil
  }

  /** Whether it has failed and not answered since: somebody has to ask whether it is back. */
  get isFailing(): boolean {
    return this.failures > 0
  }

  /** When the rest ends. */
  get outUntil(): Milliseconds {
    return this.outOfRotationUntil
  }

  /** A query goes out to it. */
  countQuery(overTcp: boolean): void {
    this.counts.queries++
    if (overTcp) this.counts.overTcp++
  }

  /** @param took of a response over UDP; undefined where it says nothing, as over TCP */
  onResponse(took: Milliseconds | undefined, now: Milliseconds): void {
    this.lastResponseAt = now
    if (this.failures > 0) this.recover()
    if (took !== undefined) this.measure(took)
  }

  /**
   * No answer came to a query sent at `sentAt`. That is a failure only if nothing at all was heard
   * since: upstreams are silent about single names that they cannot resolve in time, and networks
   * lose single packets. Those that were under way together when it died count as one.
   */
  onTimeout(sentAt: Milliseconds, now: Milliseconds): void {
    this.measure(now - sentAt)
    if (this.lastResponseAt <= sentAt && this.lastFailureAt <= sentAt) this.onFailure(now)
  }

  /**
   * The network says that it cannot be reached, which is no response time. That costs no time, so
   * that a thousand queries may be told so within a second: while it rests, they are one failure.
   */
  onUndelivered(sentAt: Milliseconds, now: Milliseconds): void {
    if (this.lastResponseAt <= sentAt && !this.isOutOfRotation(now)) this.onFailure(now)
  }

  /** It could not be reached at all. */
  onFailure(now: Milliseconds): void {
    this.failures++
    this.lastFailureAt = now
    this.outOfRotationUntil = now + Math.min(MAX_RETRY, FIRST_RETRY * 2 ** (this.failures - 1))
    this.listener.onOutOfRotation(this, now)
    if (this.failures < DOWN_AFTER || this.isDown) return
    this.isDown = true
    this.cookies.onDown(now)
    this.listener.onHealthChange({ kind: 'down', upstream: this.index, address: this.text })
  }

  /** It answered with an error where another one had an answer, or with an answer. */
  onWrongError(now: Milliseconds): void {
    if (++this.wrongErrors >= MAX_WRONG_ERRORS) this.outOfRotationUntil = now + WRONG_ERROR_RETRY
  }

  /** It answered with something else than an error. */
  onAnswer(): void {
    this.wrongErrors = 0
  }

  /**
   * After an answer over UDP that spoilt the case of QNAME, it gave one over TCP, which is not
   * forged, in the right case or not. If it is the upstream itself that spoils it, it is not asked
   * to keep it any more, until the next start.
   */
  onTcpCaseCheck(right: boolean): void {
    this.caseMismatches = right ? 0 : this.caseMismatches + 1
    if (this.caseMismatches >= MAX_CASE_MISMATCHES) this.preservesCase = false
  }

  private measure(took: Milliseconds): void {
    this.responseTime =
      this.responseTime === 0 ? took : this.responseTime + (took - this.responseTime) * GAIN
  }

  /** What was measured when it failed says nothing of now. */
  private recover(): void {
    this.failures = 0
    this.responseTime = 0
    this.outOfRotationUntil = -Infinity
    if (!this.isDown) return
    this.isDown = false
    this.listener.onHealthChange({ kind: 'up', upstream: this.index, address: this.text })
  }
}

/** `192.0.2.1`, with the port where it is not 53: `192.0.2.1:5353`, `[2001:db8::1]:5353`. */
export function showEndpoint({ address, port }: Endpoint): string {
  if (port === DNS_PORT) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function familyOf({ address }: Endpoint): 4 | 6 {
  return address.includes(':') ? 6 : 4
}

/** The zone of a scoped address (RFC 4007 §11) is no part of its 128 bits. */
function wordsOf({ address }: Endpoint): Uint32Array {
  const octets = readAddress(address.replace(/%.*$/, ''))
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  return Uint32Array.from({ length: 4 }, (_, word) => view.getUint32(4 * word))
}

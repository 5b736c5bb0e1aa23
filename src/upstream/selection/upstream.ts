import { readAddress } from '../../base/address.js'
import type { Milliseconds } from '../../base/units.js'
import type { Endpoint, Peer } from '../../udp/datagram.js'
import type { Cookies } from './cookies.js'
import { newUpstreamCounts } from './counts.js'

/** Weight of a new response time in the smoothed one. RFC 6298 §2 has the same for TCP. */
const GAIN = 1 / 8
/** Rest after the first failure; it doubles with each one in a row. */
const FIRST_REST: Milliseconds = 1000
/** Longest rest, so that a dead upstream that came back is found within this time. */
const LONGEST_REST: Milliseconds = 10_000
/** Failures in a row after which an upstream is called down. */
const DOWN_AFTER = 3
/** Errors in a row that another upstream knew better, after which an upstream is passed over. */
const SPOILT_AFTER = 8
const SPOILT_REST: Milliseconds = 10_000

/** Answers in a row, proved over TCP, that spoil the case of QNAME, after which it is as it is. */
const SPELLING_AFTER = 3

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
  resting(upstream: Upstream, now: Milliseconds): void
  changed(change: HealthChange): void
}

/** Another resolver: where it is, how fast it answers, and whether it does. */
export class Upstream {
  readonly family: 4 | 6
  /** Its address as in `DatagramBatch.peers`. */
  readonly words: Uint32Array
  readonly text: string
  readonly counts = newUpstreamCounts()
  /** Smoothed response time; 0: not measured yet, and so chosen first. */
  smoothed: Milliseconds = 0
  down = false
  /** Gives QNAME back in the case in which it was asked, as far as we know. */
  keepsCase = true
  private misspellings = 0
  private failures = 0
  private spoilt = 0
  private heardAt: Milliseconds = -Infinity
  private failedAt: Milliseconds = -Infinity
  private restUntil: Milliseconds = -Infinity

  /** @throws InterdictError ADDRESS_INVALID */
  constructor(
    readonly index: number,
    readonly endpoint: Endpoint,
    readonly peer: Peer,
    readonly cookies: Cookies,
    private readonly listener: HealthListener
  ) {
    this.family = familyOf(endpoint)
    this.words = wordsOf(endpoint)
    this.text = showEndpoint(endpoint)
  }

  /** Passed over while there is another. */
  isResting(now: Milliseconds): boolean {
    return now < this.restUntil
  }

  /** Whether it has failed and not answered since: somebody has to ask whether it is back. */
  get isFailing(): boolean {
    return this.failures > 0
  }

  /** When the rest ends. */
  get restsUntil(): Milliseconds {
    return this.restUntil
  }

  /** A query goes out to it. */
  asked(overTcp: boolean): void {
    this.counts.queries++
    if (overTcp) this.counts.overTcp++
  }

  /** @param took of a response over UDP; undefined where it says nothing, as over TCP */
  heard(took: Milliseconds | undefined, now: Milliseconds): void {
    this.heardAt = now
    if (this.failures > 0) this.recover()
    if (took !== undefined) this.measure(took)
  }

  /**
   * No answer came to a query sent at `sentAt`. That is a failure only if nothing at all was heard
   * since: upstreams are silent about single names that they cannot resolve in time, and networks
   * lose single packets. Those that were under way together when it died count as one.
   */
  silent(sentAt: Milliseconds, now: Milliseconds): void {
    this.measure(now - sentAt)
    if (this.heardAt <= sentAt && this.failedAt <= sentAt) this.failed(now)
  }

  /**
   * The network says that it cannot be reached, which is no response time. That costs no time, so
   * that a thousand queries may be told so within a second: while it rests, they are one failure.
   */
  undelivered(sentAt: Milliseconds, now: Milliseconds): void {
    if (this.heardAt <= sentAt && !this.isResting(now)) this.failed(now)
  }

  /** It could not be reached at all. */
  failed(now: Milliseconds): void {
    this.failures++
    this.failedAt = now
    this.restUntil = now + Math.min(LONGEST_REST, FIRST_REST * 2 ** (this.failures - 1))
    this.listener.resting(this, now)
    if (this.failures < DOWN_AFTER || this.down) return
    this.down = true
    this.cookies.down(now)
    this.listener.changed({ kind: 'down', upstream: this.index, address: this.text })
  }

  /** It answered with an error where another one had an answer, or with an answer. */
  contradicted(now: Milliseconds): void {
    if (++this.spoilt >= SPOILT_AFTER) this.restUntil = now + SPOILT_REST
  }

  /** It answered with something else than an error. */
  confirmed(): void {
    this.spoilt = 0
  }

  /**
   * After an answer over UDP that spoilt the case of QNAME, it gave one over TCP, which is not
   * forged, in the right case or not. If it is the upstream itself that spoils it, it is not asked
   * to keep it any more, until the next start.
   */
  spelt(right: boolean): void {
    this.misspellings = right ? 0 : this.misspellings + 1
    if (this.misspellings >= SPELLING_AFTER) this.keepsCase = false
  }

  private measure(took: Milliseconds): void {
    this.smoothed = this.smoothed === 0 ? took : this.smoothed + (took - this.smoothed) * GAIN
  }

  /** What was measured when it failed says nothing of now. */
  private recover(): void {
    this.failures = 0
    this.smoothed = 0
    this.restUntil = -Infinity
    if (!this.down) return
    this.down = false
    this.listener.changed({ kind: 'up', upstream: this.index, address: this.text })
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

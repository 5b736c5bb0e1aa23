import type { Milliseconds } from '../../../base/units.js'
import type { UpstreamServer } from '../../../wire/sockets/upstream-server.js'
import type { UpstreamCounts } from './counts.js'
import type { Upstream } from './upstream.js'

/** An upstream at one moment, for status and metrics. */
export interface UpstreamState {
  readonly address: string
  /** Queries to it are encrypted: `strict`, its certificate is checked; `opportunistic`, it is not. */
  readonly encryption: 'none' | 'strict' | 'opportunistic'
  /** Why the last connection to it failed, over TLS. */
  readonly error: string | undefined
  /** Smoothed; 0: not measured yet. */
  readonly responseTime: Milliseconds
  /**
   * `up`             selected by response time
   * `outOfRotation`  it failed a moment ago, and others are preferred
   * `down`           it has failed three or more times in a row, and has not answered since
   */
  readonly health: 'up' | 'outOfRotation' | 'down'
  /** Time since its last response; undefined: none yet. */
  readonly answeredAgo: Milliseconds | undefined
  /** See `Upstream.unavailableFor`. */
  readonly unavailableFor: Milliseconds | undefined
  /** It supports cookies: responses without the right one are discarded. */
  readonly cookies: boolean
  /** False: it has rejected EDNS, and is queried without for a while. */
  readonly edns: boolean
  readonly counts: Readonly<UpstreamCounts>
}

/** @param now monotonic time of the forwarder's clock */
export function stateOf(upstream: Upstream, now: Milliseconds): UpstreamState {
  return {
    address: upstream.text,
    encryption: encryptionOf(upstream.endpoint),
    error: upstream.connectionError,
    responseTime: upstream.responseTime,
    health: upstream.isDown ? 'down' : upstream.isOutOfRotation(now) ? 'outOfRotation' : 'up',
    answeredAgo: upstream.answeredAgo(now),
    unavailableFor: upstream.unavailableFor(now),
    cookies: upstream.cookies.isSupported,
    edns: upstream.usesEdns(now),
    counts: upstream.counts
  }
}

function encryptionOf({ tls }: UpstreamServer): UpstreamState['encryption'] {
  if (tls === undefined) return 'none'
  return tls.opportunistic ? 'opportunistic' : 'strict'
}

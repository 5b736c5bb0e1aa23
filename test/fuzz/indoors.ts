import type { Clock } from '../../src/base/time/clock.js'
import type { Milliseconds } from '../../src/base/units.js'
import { allocateCache } from '../../src/resolver/cache/memory.js'
import { PackedAnswerCache } from '../../src/resolver/cache/packed.js'
import { Shelf } from '../../src/resolver/cache/shelf.js'
import { MAX_ALIASES } from '../../src/wire/dns/message/alias-chain.js'
import { ServerCookies } from '../../src/wire/dns/edns/server-cookie.js'
import type { Policy } from '../../src/policy/evaluate/policy.js'
import { ClientResponseTimer } from '../../src/resolver/stages/client-response-timer.js'
import { Fallback } from '../../src/resolver/answers/fallback.js'
import { ServerIdentity } from '../../src/resolver/context/server-identity.js'
import {
  allocateCounters,
  COUNTERS,
  LookupCounters
} from '../../src/resolver/context/lookup-counters.js'
import { QueryLogger } from '../../src/resolver/stages/query-logger.js'
import type { ReplyTarget } from '../../src/resolver/context/responder.js'
import { Resolver } from '../../src/resolver/stages/resolve.js'
import { UpstreamResponseHandler } from '../../src/resolver/answers/upstream-response-handler.js'
import type {
  Forwarder,
  ForwardedQuestion,
  UpstreamOutcome
} from '../../src/resolver/upstream/forwarder.js'
import { systemTimers } from '../../src/base/time/timers.js'
import { replyTarget } from '../resolver/reply-target.js'
import type { Protocol } from '../../src/lookups/event/query-event.js'

const CACHE = 1_000_000
const SHELF = 100_000
const STALE_MAX = 86_400
const STALE_AFTER = 1800
const STALE_RECHECK = 30

/** What comes back for an inquiry; `message` as upstreams send it. */
export type Upstream = (inquiry: ForwardedQuestion) => UpstreamOutcome

/** A clock that stands still until it is told to go on. */
export class StandingClock implements Clock {
  private time: Milliseconds = 1000
  now = (): Milliseconds => this.time
  wall = (): Milliseconds => Date.UTC(2026, 0, 1) + this.time
  pass(ms: Milliseconds): void {
    this.time += ms
  }
}

/** The real resolver, cache and shelf between ends in memory; everything happens within a call. */
export class Indoors {
  readonly clock = new StandingClock()
  readonly resolver: Resolver
  readonly counterMemory = allocateCounters(COUNTERS)
  private waiting: (() => void)[] = []

  constructor(
    policy: Policy,
    private readonly upstream: Upstream
  ) {
    const { clock } = this
    const cache = new PackedAnswerCache(allocateCache(CACHE, 1, undefined, 7), clock, STALE_MAX)
    const limits = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 3600, failureTtl: 5 }
    const failures = new PackedAnswerCache(allocateCache(CACHE, 1, undefined, 7), clock)
    const fallback = new Fallback(cache, failures, {
      staleMax: STALE_MAX,
      staleRecheck: STALE_RECHECK
    })
    const counters = new LookupCounters(clock, this.counterMemory)
    const sink = { push: () => undefined, commit: () => undefined }
    const parts = {
      cache,
      shelf: new Shelf(SHELF, clock.now()),
      forwarder: this.forwarder(),
      responses: new UpstreamResponseHandler(cache, fallback, limits),
      fallback,
      responseTimer: new ClientResponseTimer(fallback, STALE_AFTER, clock, systemTimers),
      logger: new QueryLogger('blocked', sink, counters),
      counters,
      cookies: new ServerCookies(clock, [new Uint8Array(16)]),
      identity: new ServerIdentity({ version: 'fuzzed', name: 'here' }),
      clock
    }
    this.resolver = new Resolver(parts, policy)
  }

  /** Forwards the query for which `answer` has just returned PENDING; see `forward`. */
  askLater(
    query: Uint8Array,
    client: Uint32Array,
    protocol: Protocol,
    meanwhile = (): void => undefined
  ): Uint8Array | undefined {
    return this.replyTo(query, client, protocol, target => {
      this.resolver.answerLater(target)
      meanwhile()
    })
  }

  /**
   * Forwards a query whatever is cached.
   *
   * @returns a copy of the reply; undefined if none is sent
   */
  forward(query: Uint8Array, client: Uint32Array, protocol: Protocol): Uint8Array | undefined {
    return this.replyTo(query, client, protocol, target => this.resolver.forward(target))
  }

  /** Ends all upstream queries, and those for alias targets that follow from them. */
  finish(): void {
    for (let round = 0; this.waiting.length > 0; round++) {
      if (round > MAX_ALIASES) throw new Error('upstream queries without end')
      const { waiting } = this
      this.waiting = []
      for (const tell of waiting) tell()
    }
  }

  private replyTo(
    query: Uint8Array,
    client: Uint32Array,
    protocol: Protocol,
    start: (target: ReplyTarget) => void
  ): Uint8Array | undefined {
    const replies: (Uint8Array | undefined)[] = []
    const target = replyTarget(query.slice(), client, protocol, (octets, start, end) => {
      replies.push(octets?.slice(start, end))
    })
    start(target)
    this.finish()
    if (replies.length !== 1) throw new Error(`${replies.length} replies instead of one`)
    return replies[0]
  }

  private forwarder(): Forwarder {
    return {
      upstreams: ['in memory'],
      inFlight: 0,
      close: () => undefined,
      forward: (inquiry, waiter) =>
        void this.waiting.push(() => waiter.onOutcome(this.upstream(inquiry)))
    }
  }
}

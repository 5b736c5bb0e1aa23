import { systemClock, type Clock } from '../../base/time/clock.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { AnswerCache } from '../../resolver/cache/cache.js'
import { LruAnswerCache } from '../../resolver/cache/lru.js'
import type { Answer, TtlLimits } from '../../wire/dns/records/answer.js'
import {
  MAX_UPSTREAM_QUERY_SIZE,
  encodeUpstreamQuery
} from '../../wire/dns/message/encode-query.js'
import { encodeQuestion } from '../../wire/dns/message/question.js'
import { RRCLASS } from '../../wire/dns/registry/rrclass.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { QueryEvent, type Protocol } from '../../lookups/event/query-event.js'
import type { ClientIdentity } from '../../resolver/context/client-identity.js'
import { ClientResponseTimer } from '../../resolver/stages/client-response-timer.js'
import { Fallback, type FallbackLimits } from '../../resolver/answers/fallback.js'
import { LookupCounters } from '../../resolver/context/lookup-counters.js'
import { ServerIdentity, type IdentitySettings } from '../../resolver/context/server-identity.js'
import { QueryLogger } from '../../resolver/stages/query-logger.js'
import type { RebindingGuard } from '../../resolver/stages/rebinding-guard.js'
import { Resolver } from '../../resolver/stages/resolve.js'
import { PENDING } from '../../resolver/context/responder.js'
import {
  UpstreamResponseHandler,
  type UpstreamAnswer
} from '../../resolver/answers/upstream-response-handler.js'
import type { Forwarder, OutcomeHandler } from '../../resolver/upstream/forwarder.js'
import { systemTimers } from '../../base/time/timers.js'
import type { ExplainedQuery, Resolution } from './explanation.js'

/** Stands in for the upstreams: every forwarded query fails at once. */
export class NoUpstreams implements Forwarder {
  readonly upstreams = []
  readonly inFlight = 0
  /** Whether any query was forwarded. */
  wasAsked = false

  forward(_inquiry: unknown, handler: OutcomeHandler): void {
    this.wasAsked = true
    setImmediate(() => handler.onOutcome({ kind: 'failure', ede: 22, upstream: -1, took: 0 }))
  }

  close(): void {
    // Nothing is open.
  }
}

/** A clock whose wall time stands still. */
export function fixedClock(wall: Milliseconds): Clock {
  return { now: () => systemClock.now(), wall: () => wall }
}

/**
 * Resolves one query as the server would for a client: with the same code, but empty caches of its
 * own.
 *
 */
export function resolveOnce(
  query: ExplainedQuery,
  protocol: Protocol,
  policy: Policy,
  settings: ResolverSettings,
  forwarder: Forwarder,
  guard: RebindingGuard | undefined
): Promise<Resolved> {
  const { clock } = query
  const newCache = (): LruAnswerCache => new LruAnswerCache(settings.cache.size, clock)
  const caches = { cache: newCache(), failures: newCache() }
  return new SingleQueries(policy, settings, { forwarder, guard, clock, ...caches }).resolve(
    query,
    protocol
  )
}

/** What of the settings a decision depends on. */
export interface ResolverSettings {
  readonly cache: TtlLimits &
    FallbackLimits & {
      readonly size: Octets
      readonly staleAfter: Milliseconds
    }
  readonly identity: IdentitySettings
}

type Resolved = Omit<Resolution, 'upstreamSkipped' | 'guard'>

/** What single queries are resolved with. */
export interface SingleQueryParts {
  readonly forwarder: Forwarder
  readonly guard: RebindingGuard | undefined
  readonly clock: Clock
  readonly cache: AnswerCache
  readonly failures: AnswerCache
}

/** Resolves single queries, one after the other, as the server would. */
export class SingleQueries {
  private readonly event = new QueryEvent()
  private readonly responses: RecordingResponseHandler
  private readonly resolver: Resolver
  private readonly query = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)
  private readonly octets = new Uint8Array(MAX_REPLY)

  constructor(
    policy: Policy,
    { cache: limits, identity }: ResolverSettings,
    given: SingleQueryParts
  ) {
    const { forwarder, guard, clock, cache, failures } = given
    const push = (recorded: QueryEvent): void => void Object.assign(this.event, recorded)
    const fallback = new Fallback(cache, failures, limits)
    const responseTimer = new ClientResponseTimer(fallback, limits.staleAfter, clock, systemTimers)
    const responses = new RecordingResponseHandler(cache, fallback, limits)
    const counters = new LookupCounters(clock)
    const logger = new QueryLogger('all', { push, commit: () => undefined }, counters)
    const parts = {
      cache,
      shelf: undefined,
      forwarder,
      responses,
      fallback,
      responseTimer,
      logger,
      counters,
      identity: new ServerIdentity(identity),
      rebindingGuard: guard,
      clock
    }
    this.responses = responses
    this.resolver = new Resolver(parts, policy)
  }

  /**
   * The result is valid until the next query.
   *
   */
  async resolve(
    { name, qtype, client, identity: identified }: Omit<ExplainedQuery, 'clock'>,
    protocol: Protocol
  ): Promise<Resolved> {
    const { event, responses, resolver, query, octets } = this
    Object.assign(event, new QueryEvent())
    responses.answer = undefined
    resolver.beginBatch()
    const asClient = identified && {
      clientClass: identified.clientClass,
      addressClass: identified.addressClass,
      device: new TextEncoder().encode(identified.device)
    }
    const question = encodeQuestion(name, qtype, RRCLASS.IN)
    const length = encodeUpstreamQuery(query, 0, 0, question, false, false)
    octets.set(query.subarray(0, length))
    const now = resolver.answer(octets, 0, length, octets.length, client, 0, protocol, asClient)
    const reply =
      now === PENDING
        ? await resolveLater(resolver, query.slice(0, length), client, protocol, asClient)
        : now > 0
          ? octets.slice(0, now)
          : undefined
    return { event, reply, answer: responses.answer }
  }
}

/** The largest DNS message. */
const MAX_REPLY: Octets = 65_535

/** Keeps the answer that it handled last. */
class RecordingResponseHandler extends UpstreamResponseHandler {
  answer: Answer | undefined

  override handle(...args: Parameters<UpstreamResponseHandler['handle']>): UpstreamAnswer {
    const handled = super.handle(...args)
    this.answer = handled.answer
    return handled
  }
}

function resolveLater(
  resolver: Resolver,
  query: Uint8Array,
  client: Uint32Array,
  protocol: Protocol,
  identity: ClientIdentity | undefined
): Promise<Uint8Array | undefined> {
  return new Promise(done => {
    resolver.answerLater({
      octets: query,
      start: 0,
      end: query.length,
      client,
      clientAt: 0,
      protocol,
      identity,
      reply(reply, from, to) {
        done(reply?.slice(from, to))
      }
    })
  })
}

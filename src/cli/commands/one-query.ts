import { systemClock, type Clock } from '../../base/clock.js'
import type { Milliseconds } from '../../base/units.js'
import { LruAnswerCache } from '../../cache/lru.js'
import type { Config } from '../../config/config.js'
import type { Answer } from '../../dns/message/answer.js'
import { MAX_UPSTREAM_QUERY_SIZE, encodeUpstreamQuery } from '../../dns/message/encode-query.js'
import { encodeQuestion } from '../../dns/message/question.js'
import { RRCLASS } from '../../dns/registry/rrclass.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { QueryEvent } from '../../querylog/record/query-event.js'
import { ClientResponseTimer } from '../../resolver/client-response-timer.js'
import { Fallback } from '../../resolver/fallback.js'
import { ServerIdentity } from '../../resolver/identity.js'
import { QueryLogger } from '../../resolver/query-logger.js'
import type { RebindingGuard } from '../../resolver/rebinding-guard.js'
import { Resolver } from '../../resolver/resolve.js'
import { PENDING } from '../../resolver/responder.js'
import {
  UpstreamResponseHandler,
  type UpstreamAnswer
} from '../../resolver/upstream-response-handler.js'
import type { Forwarder, OutcomeHandler } from '../../upstream/forwarder.js'
import { systemTimers } from '../../upstream/timers.js'
import type { Asked, Resolved } from '../output/explanation.js'

/** In place of upstreams: whatever is forwarded fails at once, and is missed. */
export class Nobody implements Forwarder {
  readonly upstreams = []
  readonly inFlight = 0
  missed = false

  forward(_inquiry: unknown, waiter: OutcomeHandler): void {
    this.missed = true
    setImmediate(() => waiter.onOutcome({ kind: 'failure', ede: 22, upstream: -1, took: 0 }))
  }

  close(): void {
    // There is nothing.
  }
}

/** A calendar that stands still. */
export function standingClock(wall: Milliseconds): Clock {
  return { now: () => systemClock.now(), wall: () => wall }
}

/**
 * What the resolver does with one question, as it would for a client: the same code that serves,
 * with caches of its own.
 *
 * @param protocol one of `PROTOCOL`
 */
export async function resolve(
  { name, qtype, client, clock }: Asked,
  protocol: number,
  policy: Policy,
  config: Config,
  forwarder: Forwarder,
  guard: RebindingGuard | undefined
): Promise<Omit<Resolved, 'unasked' | 'guard'>> {
  const { cache: limits, identity } = config
  const event = new QueryEvent()
  const push = (seen: QueryEvent): void => void Object.assign(event, seen)
  const cache = new LruAnswerCache(limits.size, clock)
  const failures = new LruAnswerCache(limits.size, clock)
  const fallback = new Fallback(cache, failures, limits)
  const responseTimer = new ClientResponseTimer(fallback, limits.staleAfter, clock, systemTimers)
  const responses = new RecordingResponseHandler(cache, fallback, limits)
  const logger = new QueryLogger('all', { push, commit: () => undefined })
  const parts = {
    cache,
    shelf: undefined,
    forwarder,
    responses,
    fallback,
    responseTimer,
    logger,
    identity: new ServerIdentity(identity),
    rebindingGuard: guard,
    clock
  }
  const resolver = new Resolver(parts, policy)

  const query = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)
  const question = encodeQuestion(name, qtype, RRCLASS.IN)
  const length = encodeUpstreamQuery(query, 0, 0, question, false, false)
  const octets = new Uint8Array(65_535)
  octets.set(query.subarray(0, length))
  const now = resolver.answer(octets, 0, length, octets.length, client, 0, protocol)
  const reply =
    now === PENDING
      ? await later(resolver, query.slice(0, length), client, protocol)
      : now > 0
        ? octets.slice(0, now)
        : undefined
  return { event, reply, answer: responses.answer }
}

/** Keeps the answer that it handled last. */
class RecordingResponseHandler extends UpstreamResponseHandler {
  answer: Answer | undefined

  override handle(...args: Parameters<UpstreamResponseHandler['handle']>): UpstreamAnswer {
    const handled = super.handle(...args)
    this.answer = handled.answer
    return handled
  }
}

function later(
  resolver: Resolver,
  query: Uint8Array,
  client: Uint32Array,
  protocol: number
): Promise<Uint8Array | undefined> {
  return new Promise(done => {
    resolver.answerLater({
      octets: query,
      start: 0,
      end: query.length,
      client,
      clientAt: 0,
      protocol,
      reply(reply, from, to) {
        done(reply?.slice(from, to))
      }
    })
  })
}

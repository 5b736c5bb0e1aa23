import type { Milliseconds } from '../../base/units.js'
import type { AnswerCache, QuestionKey } from '../cache/cache.js'
import { VERDICT, type LookupVerdict } from '../../lookups/event/query-event.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import { isStale, type Fallback } from '../answers/fallback.js'
import { COUNTER } from '../context/lookup-counters.js'
import { detectLoop, refuseLoop, type LoopDetection } from './loop-detection.js'
import { SYNTHESIZE, type QueryContext } from '../context/query-context.js'
import type { QueryStages, StageDependencies } from './query-stages.js'
import { PENDING } from '../context/responder.js'

export interface CacheDependencies extends StageDependencies {
  readonly cache: AnswerCache
  readonly fallback: Fallback
  /** Undefined: loop probes are forwarded like any query. */
  readonly loopDetection?: LoopDetection | undefined
}

/** The stage that both paths of `Resolver` have after policy: the cache, and failures of upstreams. */
export class CacheStage {
  constructor(
    private readonly context: QueryContext,
    private readonly stages: QueryStages,
    private readonly dependencies: CacheDependencies
  ) {}

  /** Answers the query in `context` from the cache. Returns the reply's length, DROP, RESTART or PENDING. */
  answer(key: QuestionKey, took: Milliseconds): number {
    const { context } = this
    const { cache, fallback, loopDetection, counters } = this.dependencies
    const cached = cache.get(key)
    if (cached !== undefined) {
      counters.fixed[COUNTER.hits]!++
      return this.respond(cached, VERDICT.cached, took)
    }
    // Upstreams that failed on this question a moment ago are not queried again yet.
    const failed = fallback.get(key)
    if (failed !== undefined) {
      const isOld = isStale(failed)
      counters.fixed[isOld ? COUNTER.stale : COUNTER.hits]!++
      return this.respond(failed, isOld ? VERDICT.stale : VERDICT.cached, took)
    }
    counters.fixed[COUNTER.misses]!++
    // A loop probe of this resolver has come back from an upstream.
    if (detectLoop(context, loopDetection)) return refuseLoop(context)
    return PENDING
  }

  /** Replies with `answer`, or with what is made of the A records of the name. Returns as `answer`. */
  respond(answer: Answer, verdict: LookupVerdict, took: Milliseconds): number {
    const decided = this.stages.respond(answer, verdict, took)
    return decided === SYNTHESIZE ? this.answer(this.context.forwardedKey(), took) : decided
  }
}

import type { Milliseconds } from '../../../base/units.js'
import { ResponseChain } from '../../../wire/dns/message/response-chain.js'
import { EDE } from '../../../wire/dns/registry/ede.js'
import type { ForwardedQuestion, OutcomeHandler, UpstreamOutcome } from '../forwarder.js'
import type { Completion } from './completion.js'
import type { UpstreamQuery } from './upstream-query.js'

/** Sends the query for the target of an alias, to end at `deadline`; false if the target is not to be resolved. */
export type AskTarget = (
  question: ForwardedQuestion,
  deadline: Milliseconds,
  waiter: OutcomeHandler
) => boolean

/**
 * Goes on where a response ends with a CNAME and says nothing about its target, as that of an authoritative server does
 * whose zones do not contain the target: queries the upstream that is responsible for the target. RFC 1034 §4.3.2, step 3a.
 *
 * The waiters get one outcome, with the whole chain in one message, so that cache, policy and log treat it like the
 * response of a resolver. Meanwhile the query stays in flight, and equal questions join it. All its steps together have the
 * time of one query, and a chain has at most 16 CNAMEs.
 */
export class AliasFollower {
  constructor(
    private readonly completion: Completion,
    private readonly now: () => Milliseconds,
    private readonly askTarget: AskTarget
  ) {}

  /**
   * Queries the target of the alias that a response ends with.
   *
   * @returns false if there is none to query: the response is to be passed on
   */
  follow(query: UpstreamQuery, message: Uint8Array): boolean {
    const chain = new ResponseChain(query.forwarded.question)
    if (!add(chain, message) || !this.askNext(query, chain)) return false
    query.chain = chain
    // The query has had its response; only its waiters stay.
    this.completion.discard(query)
    return true
  }

  /** @returns false: no target has to be queried */
  private askNext(query: UpstreamQuery, chain: ResponseChain): boolean {
    const { dnssecOk, checkingDisabled, forwarders } = query.forwarded
    if (chain.next === undefined) return false
    const question = { question: chain.next, dnssecOk, checkingDisabled, forwarders }
    return this.askTarget(question, query.deadline, {
      onOutcome: outcome => {
        // Otherwise the forwarder was closed meanwhile.
        if (query.chain === chain) this.onOutcome(query, chain, outcome)
      }
    })
  }

  private onOutcome(query: UpstreamQuery, chain: ResponseChain, outcome: UpstreamOutcome): void {
    const took = this.now() - query.startedAt
    const { upstream } = outcome
    if (outcome.kind === 'failure') {
      this.completion.end(query, { ...outcome, took, aliases: joined(chain) })
      return
    }
    const isAdded = add(chain, outcome.message)
    if (isAdded && this.askNext(query, chain)) return
    const message = joined(chain)
    this.completion.end(
      query,
      message === undefined || !isAdded
        ? { kind: 'failure', ede: EDE.NETWORK_ERROR, upstream, took, aliases: message }
        : { kind: 'response', message, upstream, took }
    )
  }
}

/** @returns false: the response is malformed */
function add(chain: ResponseChain, message: Uint8Array): boolean {
  try {
    chain.add(message)
    return true
  } catch {
    return false
  }
}

/** Undefined: too large for one message. */
function joined(chain: ResponseChain): Uint8Array | undefined {
  try {
    return chain.join()
  } catch {
    return undefined
  }
}

import type { Seconds } from '../../base/units.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import { isBanned } from '../../policy/evaluate/client-pair.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import type { Decision } from '../../policy/tables/decision.js'
import { MATCH, type Match } from '../../lookups/event/query-event.js'
import { AnswerMatch } from './answer-match.js'
import type { QueryContext } from '../context/query-context.js'
import type { RebindingGuard } from './rebinding-guard.js'

/**
 * Evaluates policy for the contents of an answer: alias targets and addresses. An answer without
 * any match is marked clean for this client class and transport, until the rules change or the time comes at which
 * one of them starts or ends.
 */
export class AnswerInspector {
  private readonly found = new AnswerMatch(false)
  /** What the bans of the network of the client's address match. */
  private readonly banned = new AnswerMatch(true)
  /** After `inspect`: the decision that blocks, or that would block if it were enforced. */
  readonly decision: Decision = this.found.decision
  /** If a target matched: which one. */
  readonly name: HashedName = this.found.name
  private policy: Policy | undefined
  private epoch = 0

  /** @param guard may be replaced; undefined: private addresses are allowed */
  constructor(public guard: RebindingGuard | undefined) {}

  /** What in the answer matched `decision.monitorClaim`. */
  get monitorMatch(): Match {
    return this.found.monitorMatch
  }

  /** What in the answer matched `decision.logSource`. */
  get logMatch(): Match {
    return this.found.logMatch
  }

  /** @param epoch `policy.epochAt(now)` */
  beginBatch(policy: Policy, now: Seconds, epoch: number): void {
    this.policy = policy
    this.epoch = epoch
    this.found.beginBatch(policy, now)
    this.banned.beginBatch(policy, now)
  }

  /** What in the answer is blocked for this client; `none` if nothing is. */
  inspect(context: QueryContext, answer: Answer): Match {
    const { decision, epoch } = this
    decision.clear()
    if (answer.targetKinds.length === 0 && answer.addresses.length === 0) return MATCH.none
    if (answer.cleanEpoch === epoch && answer.cleanClass === context.decisionClass)
      return MATCH.none
    let match = this.found.find(context, answer)
    if (context.addressClass !== 0) match = this.addBans(context, answer, match)
    if (match === MATCH.none) match = this.inspectPrivate(context, answer)
    // An answer with a match that is monitored or logged is not clean: each of its lookups has to be logged.
    if (match === MATCH.none && decision.monitorClaim === -1 && decision.logSource === -1) {
      answer.cleanEpoch = epoch
      answer.cleanClass = context.decisionClass
    }
    return match
  }

  /** Adds the bans of the network of the client's address. @param match of its own network */
  private addBans(context: QueryContext, answer: Answer, match: Match): Match {
    const { found, banned, policy } = this
    if (match !== MATCH.none && isBanned(policy!, found.decision)) return match
    banned.decision.clear()
    const other = banned.find(context, answer)
    if (other !== MATCH.none) {
      found.takeFrom(banned)
      return other
    }
    if (found.decision.monitorClaim === -1) {
      found.decision.takeMonitored(banned.decision)
      found.monitorMatch = banned.monitorMatch
    }
    return match
  }

  /** Private addresses come from the settings: no rule can allow them. */
  private inspectPrivate({ query, clientClass }: QueryContext, answer: Answer): Match {
    const caught = this.guard?.blocks(query.qname, answer) === true
    return caught && !this.policy!.forwardsDomain(query.qname, clientClass)
      ? MATCH.rebinding
      : MATCH.none
  }
}

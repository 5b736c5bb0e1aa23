import type { Seconds } from '../../base/units.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import type { HashedName } from '../../wire/dns/name/hashed-name.js'
import { isBanned } from '../../policy/evaluate/client-pair.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import type { Verdict } from '../../policy/tables/verdict.js'
import { MATCH } from '../../lookups/event/query-event.js'
import { AnswerMatch } from './answer-match.js'
import type { QueryContext } from '../context/query-context.js'
import type { RebindingGuard } from './rebinding-guard.js'

/**
 * Evaluates policy for the contents of an answer: alias targets and addresses. An answer without
 * any match is marked clean for this client class and transport, until the rules change or the time comes at which
 * one of them starts or ends.
 */
export class AnswerInspector {
  private found = new AnswerMatch()
  /** What the bans of the network of the client's address match. */
  private banned = new AnswerMatch()
  private policy: Policy | undefined
  private now: Seconds = 0
  private epoch = 0

  /** @param guard may be replaced; undefined: private addresses are allowed */
  constructor(public guard: RebindingGuard | undefined) {}

  /** After `inspect`: the verdict that blocks, or that would block if it were enforced. */
  get verdict(): Verdict {
    return this.found.verdict
  }

  /** What in the answer matched `verdict.monitorClaim`, one of `MATCH`. */
  get monitorMatch(): number {
    return this.found.monitorMatch
  }

  /** What in the answer matched `verdict.logSource`, one of `MATCH`. */
  get logMatch(): number {
    return this.found.logMatch
  }

  /** If a target matched: which one. */
  get name(): HashedName {
    return this.found.name
  }

  /** @param epoch `policy.epochAt(now)` */
  beginBatch(policy: Policy, now: Seconds, epoch: number): void {
    this.policy = policy
    this.now = now
    this.epoch = epoch
  }

  /** What in the answer is blocked for this client, one of `MATCH`; `none` if nothing is. */
  inspect(context: QueryContext, answer: Answer): number {
    const { policy, found, now, epoch } = this
    found.verdict.clear()
    if (answer.targetKinds.length === 0 && answer.addresses.length === 0) return MATCH.none
    if (answer.cleanEpoch === epoch && answer.cleanClass === context.verdictClass) return MATCH.none
    const { clientClass, addressClass, verdict: ofName } = context
    let match = found.find(context, answer, policy!, clientClass, ofName, now)
    if (addressClass !== 0) match = this.addBans(context, answer, match)
    if (match === MATCH.none) match = this.inspectPrivate(context, answer)
    // An answer with a match that is monitored or logged is not clean: each of its lookups has to be logged.
    const { monitorClaim, logSource } = this.verdict
    if (match === MATCH.none && monitorClaim === -1 && logSource === -1) {
      answer.cleanEpoch = epoch
      answer.cleanClass = context.verdictClass
    }
    return match
  }

  /** Adds the bans of the network of the client's address. @param match of its own network */
  private addBans(context: QueryContext, answer: Answer, match: number): number {
    const { found, banned, now } = this
    const policy = this.policy!
    if (match !== MATCH.none && isBanned(policy, found.verdict)) return match
    const { addressClass, addressBans } = context
    banned.verdict.clear()
    const other = banned.find(context, answer, policy, addressClass, addressBans, now)
    if (other !== MATCH.none) {
      this.found = banned
      this.banned = found
      return other
    }
    if (found.verdict.monitorClaim === -1) {
      found.verdict.takeMonitored(banned.verdict)
      found.monitorMatch = banned.monitorMatch
    }
    return match
  }

  /** Private addresses come from the settings: no rule can allow them. */
  private inspectPrivate({ query }: QueryContext, answer: Answer): number {
    const caught = this.guard?.blocks(query.qname, answer) === true
    return caught ? MATCH.rebinding : MATCH.none
  }
}

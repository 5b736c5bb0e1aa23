import type { Seconds } from '../base/units.js'
import { TARGET_KIND, type Answer } from '../dns/message/answer.js'
import { HashedName } from '../dns/name/hashed-name.js'
import type { Policy } from '../policy/evaluate/policy.js'
import { Verdict } from '../policy/tables/verdict.js'
import { MATCH } from '../querylog/record/query-event.js'
import { isBlocked } from './blocked-reply.js'
import type { QueryContext } from './query-context.js'
import type { RebindingGuard } from './rebinding-guard.js'

/** `MATCH` for each kind of `TARGET_KIND`. */
const MATCH_OF_TARGET = {
  [TARGET_KIND.cname]: MATCH.cname,
  [TARGET_KIND.dname]: MATCH.dname,
  [TARGET_KIND.svcb]: MATCH.svcb
} as Readonly<Record<number, number>>

/**
 * Policy on what an answer says: the names it leads to and the addresses in it. A clean answer is
 * marked so for this class of clients, until the rules change or one of them starts or ends.
 */
export class AnswerInspector {
  /** The verdict that bans, or that would if it were enforced, after `inspect`. */
  readonly verdict = new Verdict()
  /** How the answer leads to what `verdict.monitorClaim` says, one of `MATCH`. */
  monitorMatch: number = MATCH.none
  private readonly name = new HashedName()
  private policy: Policy | undefined
  private now: Seconds = 0
  private epoch = 0

  /** @param guard undefined: addresses inside are not looked for */
  constructor(private readonly guard: RebindingGuard | undefined) {}

  /** @param epoch `policy.epochAt(now)` */
  beginBatch(policy: Policy, now: Seconds, epoch: number): void {
    this.policy = policy
    this.now = now
    this.epoch = epoch
  }

  /** How the answer leads this client to a banned place, one of `MATCH`; `none`: it does not. */
  inspect(lookup: QueryContext, answer: Answer): number {
    const { verdict, epoch } = this
    verdict.clear()
    if (answer.targetKinds.length === 0 && answer.addresses.length === 0) return MATCH.none
    if (answer.cleanEpoch === epoch && answer.cleanClass === lookup.clientClass) return MATCH.none
    const match =
      this.inspectNames(lookup, answer) ||
      this.inspectAddresses(lookup, answer) ||
      this.inspectPrivate(lookup, answer)
    // What is banned in monitor mode is no ban, but each lookup of it has to be recorded.
    if (match === MATCH.none && verdict.monitorClaim === -1) {
      answer.cleanEpoch = epoch
      answer.cleanClass = lookup.clientClass
    }
    return match
  }

  private inspectNames(lookup: QueryContext, answer: Answer): number {
    const { policy, name, verdict, now } = this
    const { targets, targetKinds } = answer
    let at = 0
    for (const kind of targetKinds) {
      const match = MATCH_OF_TARGET[kind]!
      const { monitorClaim: monitor, monitorEntry: monitorRecord } = verdict
      name.set(targets, at, policy!.seed)
      at += name.length
      verdict.clear()
      policy!.evaluateName(name, lookup.query.qtype, lookup.clientClass, now, verdict)
      if (this.isBlocked(lookup)) return match
      this.keepFirstMonitored(match, monitor, monitorRecord)
    }
    return MATCH.none
  }

  private inspectAddresses(lookup: QueryContext, answer: Answer): number {
    const { policy, verdict, now } = this
    const { qtype } = lookup.query
    for (let at = 0; at < answer.addresses.length; at += 4) {
      const { monitorClaim: monitor, monitorEntry: monitorRecord } = verdict
      verdict.clear()
      policy!.evaluateAddress(answer.addresses, at, qtype, lookup.clientClass, now, verdict)
      if (this.isBlocked(lookup)) return MATCH.address
      this.keepFirstMonitored(MATCH.address, monitor, monitorRecord)
    }
    return MATCH.none
  }

  /** Not for a rule's word on the name: only the settings know what is inside. */
  private inspectPrivate({ query }: QueryContext, answer: Answer): number {
    const caught = this.guard?.blocks(query.qname, answer) === true
    return caught ? MATCH.rebinding : MATCH.none
  }

  /** What lets the name asked through lets through what its answer leads to, by the same tiers. */
  private isBlocked(lookup: QueryContext): boolean {
    const { policy, verdict } = this
    return isBlocked(policy!, verdict, lookup.protocol) && verdict.tier < lookup.verdict.tier
  }

  /** The first would-be ban along the chain is the one that is recorded. */
  private keepFirstMonitored(match: number, monitor: number, record: number): void {
    const { verdict } = this
    if (monitor === -1) {
      if (verdict.monitorClaim !== -1) this.monitorMatch = match
      return
    }
    verdict.monitorClaim = monitor
    verdict.monitorEntry = record
  }
}

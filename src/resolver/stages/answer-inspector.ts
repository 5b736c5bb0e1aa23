import type { Seconds } from '../../base/units.js'
import { TARGET_KIND, type Answer } from '../../wire/dns/records/answer.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { Verdict } from '../../policy/tables/verdict.js'
import { MATCH } from '../../lookups/event/query-event.js'
import { isBlocked } from './blocked-reply.js'
import type { QueryContext } from '../context/query-context.js'
import type { RebindingGuard } from './rebinding-guard.js'

/** `MATCH` for each kind of `TARGET_KIND`. */
const MATCH_OF_TARGET = {
  [TARGET_KIND.cname]: MATCH.cname,
  [TARGET_KIND.dname]: MATCH.dname,
  [TARGET_KIND.svcb]: MATCH.svcb
} as Readonly<Record<number, number>>

/**
 * Evaluates policy for the contents of an answer: alias targets and addresses. An answer without
 * any match is marked clean for this client class and transport, until the rules change or the time comes at which
 * one of them starts or ends.
 */
export class AnswerInspector {
  /** After `inspect`: the verdict that blocks, or that would block if it were enforced. */
  readonly verdict = new Verdict()
  /** What in the answer matched `verdict.monitorClaim`, one of `MATCH`. */
  monitorMatch: number = MATCH.none
  /** What in the answer matched `verdict.logSource`, one of `MATCH`. */
  logMatch: number = MATCH.none
  /** If a target matched: which one. */
  readonly name = new HashedName()
  private policy: Policy | undefined
  private now: Seconds = 0
  private epoch = 0

  /** @param guard may be replaced; undefined: private addresses are allowed */
  constructor(public guard: RebindingGuard | undefined) {}

  /** @param epoch `policy.epochAt(now)` */
  beginBatch(policy: Policy, now: Seconds, epoch: number): void {
    this.policy = policy
    this.now = now
    this.epoch = epoch
  }

  /** What in the answer is blocked for this client, one of `MATCH`; `none` if nothing is. */
  inspect(context: QueryContext, answer: Answer): number {
    const { verdict, epoch } = this
    verdict.clear()
    if (answer.targetKinds.length === 0 && answer.addresses.length === 0) return MATCH.none
    if (answer.cleanEpoch === epoch && answer.cleanClass === context.verdictClass) return MATCH.none
    const match =
      this.inspectNames(context, answer) ||
      this.inspectAddresses(context, answer) ||
      this.inspectPrivate(context, answer)
    // An answer with a match that is monitored or logged is not clean: each of its lookups has to be logged.
    if (match === MATCH.none && verdict.monitorClaim === -1 && verdict.logSource === -1) {
      answer.cleanEpoch = epoch
      answer.cleanClass = context.verdictClass
    }
    return match
  }

  private inspectNames(context: QueryContext, answer: Answer): number {
    const { policy, name, verdict, now } = this
    const { query, clientClass, overTcp } = context
    const { targets, targetKinds } = answer
    let at = 0
    for (const kind of targetKinds) {
      const match = MATCH_OF_TARGET[kind]!
      const { monitorClaim, monitorEntry, logSource, logEntry } = verdict
      name.set(targets, at, policy!.seed)
      at += name.length
      verdict.clear()
      policy!.evaluateName(name, query.qtype, clientClass, now, verdict, overTcp, true)
      if (this.isBlocked(context)) return match
      this.keepFirstMonitored(match, monitorClaim, monitorEntry)
      this.keepFirstLogged(match, logSource, logEntry)
    }
    return MATCH.none
  }

  private inspectAddresses(context: QueryContext, answer: Answer): number {
    const { policy, verdict, now } = this
    const { query, clientClass, overTcp } = context
    const { addresses } = answer
    for (let at = 0; at < addresses.length; at += 4) {
      const { monitorClaim, monitorEntry, logSource, logEntry } = verdict
      verdict.clear()
      policy!.evaluateAddress(addresses, at, query.qtype, clientClass, now, verdict, overTcp)
      if (this.isBlocked(context)) return MATCH.address
      this.keepFirstMonitored(MATCH.address, monitorClaim, monitorEntry)
      this.keepFirstLogged(MATCH.address, logSource, logEntry)
    }
    return MATCH.none
  }

  /** Private addresses come from the settings: no rule can allow them. */
  private inspectPrivate({ query }: QueryContext, answer: Answer): number {
    const caught = this.guard?.blocks(query.qname, answer) === true
    return caught ? MATCH.rebinding : MATCH.none
  }

  /** A rule that allows QNAME also allows the contents of the answer, by the same tiers. */
  private isBlocked(context: QueryContext): boolean {
    const { policy, verdict } = this
    return isBlocked(policy!, verdict) && verdict.tier < context.verdict.tier
  }

  /** The first monitored match along the chain is the one that is logged. */
  private keepFirstMonitored(match: number, monitor: number, record: number): void {
    const { verdict } = this
    if (monitor === -1) {
      if (verdict.monitorClaim !== -1) this.monitorMatch = match
      return
    }
    verdict.monitorClaim = monitor
    verdict.monitorEntry = record
  }

  private keepFirstLogged(match: number, source: number, entry: number): void {
    const { verdict } = this
    if (source === -1) {
      if (verdict.logSource !== -1) this.logMatch = match
      return
    }
    verdict.logSource = source
    verdict.logEntry = entry
  }
}

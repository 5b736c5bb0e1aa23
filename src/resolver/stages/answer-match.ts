import type { Seconds } from '../../base/units.js'
import { TARGET_KIND, type Answer } from '../../wire/dns/records/answer.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { Decision } from '../../policy/tables/decision.js'
import { MATCH, type Match } from '../../lookups/event/query-event.js'
import { isBlocked } from './blocked-reply.js'
import type { QueryContext } from '../context/query-context.js'

/** `MATCH` for each kind of `TARGET_KIND`. */
const MATCH_OF_TARGET = {
  [TARGET_KIND.cname]: MATCH.cname,
  [TARGET_KIND.dname]: MATCH.dname,
  [TARGET_KIND.svcb]: MATCH.svcb
} as Readonly<Record<number, Match>>

/** What of an answer the rules of one network of a client match. */
export class AnswerMatch {
  /** The decision that blocks, or that would block if it were enforced. */
  readonly decision = new Decision()
  /** What in the answer matched `decision.monitorClaim`. */
  monitorMatch: Match = MATCH.none
  /** What in the answer matched `decision.logSource`. */
  logMatch: Match = MATCH.none
  /** If a target matched: which one. */
  readonly name = new HashedName()
  private policy: Policy | undefined
  private now: Seconds = 0

  /** @param isOfAddress the network is that of the client's address: only its bans count */
  constructor(private readonly isOfAddress: boolean) {}

  beginBatch(policy: Policy, now: Seconds): void {
    this.policy = policy
    this.now = now
  }

  /** What in the answer is blocked; `none` if nothing is. */
  find(context: QueryContext, answer: Answer): Match {
    return this.findName(context, answer) || this.findAddress(context, answer)
  }

  /** Takes over what the other network matches. */
  takeFrom({ decision, monitorMatch, logMatch, name }: AnswerMatch): void {
    this.decision.copyFrom(decision)
    this.monitorMatch = monitorMatch
    this.logMatch = logMatch
    if (name.length > 0) this.name.set(name.octets, 0, this.policy!.seed)
  }

  private findName(context: QueryContext, answer: Answer): Match {
    const { policy, name, decision, now } = this
    const { query, overTcp } = context
    const { targets, targetKinds } = answer
    let at = 0
    for (const kind of targetKinds) {
      const match = MATCH_OF_TARGET[kind]!
      const { monitorClaim, monitorEntry, logSource, logEntry } = decision
      name.set(targets, at, policy!.seed)
      at += name.length
      const clientClass = this.begin(context)
      policy!.evaluateName(name, query.qtype, clientClass, now, decision, overTcp, true)
      if (this.isBlocked(context)) return match
      this.keepFirstMonitored(match, monitorClaim, monitorEntry)
      this.keepFirstLogged(match, logSource, logEntry)
    }
    return MATCH.none
  }

  private findAddress(context: QueryContext, answer: Answer): Match {
    const { policy, decision, now } = this
    const { query, overTcp } = context
    const { addresses } = answer
    for (let at = 0; at < addresses.length; at += 4) {
      const { monitorClaim, monitorEntry, logSource, logEntry } = decision
      const clientClass = this.begin(context)
      policy!.evaluateAddress(addresses, at, query.qtype, clientClass, now, decision, overTcp)
      if (this.isBlocked(context)) return MATCH.address
      this.keepFirstMonitored(MATCH.address, monitorClaim, monitorEntry)
      this.keepFirstLogged(MATCH.address, logSource, logEntry)
    }
    return MATCH.none
  }

  /** Clears the decision. @returns the client class */
  private begin({ clientClass, addressClass }: QueryContext): number {
    const { decision } = this
    if (this.isOfAddress) {
      decision.clearForBans()
      return addressClass
    }
    decision.clear()
    return clientClass
  }

  /** A rule that allows QNAME also allows the contents of the answer, by the same tiers. */
  private isBlocked(context: QueryContext): boolean {
    const { policy, decision } = this
    const ofName = this.isOfAddress ? context.addressBans : context.decision
    return isBlocked(policy!, decision) && decision.tier < ofName.tier
  }

  /** The first monitored match along the chain is the one that is logged. */
  private keepFirstMonitored(match: Match, monitor: number, record: number): void {
    const { decision } = this
    if (monitor === -1) {
      if (decision.monitorClaim !== -1) this.monitorMatch = match
      return
    }
    decision.monitorClaim = monitor
    decision.monitorEntry = record
  }

  private keepFirstLogged(match: Match, source: number, entry: number): void {
    const { decision } = this
    if (source === -1) {
      if (decision.logSource !== -1) this.logMatch = match
      return
    }
    decision.logSource = source
    decision.logEntry = entry
  }
}

import type { Seconds } from '../../base/units.js'
import { TARGET_KIND, type Answer } from '../../wire/dns/records/answer.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { Verdict } from '../../policy/tables/verdict.js'
import { MATCH } from '../../lookups/event/query-event.js'
import { isBlocked } from './blocked-reply.js'
import type { QueryContext } from '../context/query-context.js'

/** `MATCH` for each kind of `TARGET_KIND`. */
const MATCH_OF_TARGET = {
  [TARGET_KIND.cname]: MATCH.cname,
  [TARGET_KIND.dname]: MATCH.dname,
  [TARGET_KIND.svcb]: MATCH.svcb
} as Readonly<Record<number, number>>

/** What of an answer the rules of one client class match. */
export class AnswerMatch {
  /** The verdict that blocks, or that would block if it were enforced. */
  readonly verdict = new Verdict()
  /** What in the answer matched `verdict.monitorClaim`, one of `MATCH`. */
  monitorMatch: number = MATCH.none
  /** What in the answer matched `verdict.logSource`, one of `MATCH`. */
  logMatch: number = MATCH.none
  /** If a target matched: which one. */
  readonly name = new HashedName()

  /** @param ofName the verdict of the same class on QNAME */
  find(
    context: QueryContext,
    answer: Answer,
    policy: Policy,
    clientClass: number,
    ofName: Verdict,
    now: Seconds
  ): number {
    return (
      this.findName(context, answer, policy, clientClass, ofName, now) ||
      this.findAddress(context, answer, policy, clientClass, ofName, now)
    )
  }

  private findName(
    { query, overTcp, addressBans }: QueryContext,
    { targets, targetKinds }: Answer,
    policy: Policy,
    clientClass: number,
    ofName: Verdict,
    now: Seconds
  ): number {
    const { name, verdict } = this
    let at = 0
    for (const kind of targetKinds) {
      const match = MATCH_OF_TARGET[kind]!
      const { monitorClaim, monitorEntry, logSource, logEntry } = verdict
      name.set(targets, at, policy.seed)
      at += name.length
      this.clear(ofName === addressBans)
      policy.evaluateName(name, query.qtype, clientClass, now, verdict, overTcp, true)
      if (this.isBlocked(policy, ofName)) return match
      this.keepFirstMonitored(match, monitorClaim, monitorEntry)
      this.keepFirstLogged(match, logSource, logEntry)
    }
    return MATCH.none
  }

  private findAddress(
    { query, overTcp, addressBans }: QueryContext,
    { addresses }: Answer,
    policy: Policy,
    clientClass: number,
    ofName: Verdict,
    now: Seconds
  ): number {
    const { verdict } = this
    for (let at = 0; at < addresses.length; at += 4) {
      const { monitorClaim, monitorEntry, logSource, logEntry } = verdict
      this.clear(ofName === addressBans)
      policy.evaluateAddress(addresses, at, query.qtype, clientClass, now, verdict, overTcp)
      if (this.isBlocked(policy, ofName)) return MATCH.address
      this.keepFirstMonitored(MATCH.address, monitorClaim, monitorEntry)
      this.keepFirstLogged(MATCH.address, logSource, logEntry)
    }
    return MATCH.none
  }

  private clear(forBans: boolean): void {
    if (forBans) this.verdict.clearForBans()
    else this.verdict.clear()
  }

  /** A rule that allows QNAME also allows the contents of the answer, by the same tiers. */
  private isBlocked(policy: Policy, ofName: Verdict): boolean {
    const { verdict } = this
    return isBlocked(policy, verdict) && verdict.tier < ofName.tier
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

import type { Milliseconds } from '../../base/units.js'
import { PROBE_FLAG } from '../../wire/dns/edns/probe-option.js'
import type { Answer } from '../../wire/dns/records/answer.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { claimOfSource, TIER } from '../../policy/tables/claim.js'
import type { Decision } from '../../policy/tables/decision.js'
import {
  DNSSEC_VERDICT,
  MATCH,
  NO_DEVICE,
  NO_RCODE,
  NO_REASON,
  QueryEvent,
  VERDICT,
  type LookupFilter,
  type LookupVerdict,
  type Match
} from '../../lookups/event/query-event.js'
import type { AnswerInspector } from './answer-inspector.js'
import { blockedRcode } from './blocked-reply.js'
import { enforcedVerdict, failureReason } from './enforced-verdict.js'
import type { LookupCounters } from '../context/lookup-counters.js'
import type { QueryContext } from '../context/query-context.js'

const MICROSECONDS_PER_MS = 1000

/** The worker's end of its ring buffer. */
export interface QueryEventSink {
  push(event: QueryEvent): unknown
  /** Publishes what was pushed to the recorder thread. */
  commit(): void
}

/** Whether a ban covers the name, or did, or an exception to one decided. */
function isLogged({ claim, tier, logSource }: Decision): boolean {
  if (logSource !== -1) return true
  const isException = tier < TIER.ban || (tier >= TIER.sourceException && tier < TIER.allow)
  return claim !== -1 && isException
}

/** Logs lookups for the query log, and counts the blocked ones. Call it after the reply is written. */
export class QueryLogger {
  private readonly event = new QueryEvent()
  private logsAll = false
  private logsBlocked = false
  private logsBans = false
  private policy: Policy | undefined
  private isCommitScheduled = false

  /** @param events has to copy each event at once: one object is reused */
  constructor(
    which: LookupFilter,
    private readonly events: QueryEventSink,
    private readonly counters: LookupCounters
  ) {
    this.configure(which)
  }

  /** Replaces the choice of what is logged. */
  configure(which: LookupFilter): void {
    this.logsAll = which === 'all'
    this.logsBlocked = which !== 'none'
    this.logsBans = which === 'bans'
  }

  beginBatch(policy: Policy, time: Milliseconds): void {
    this.policy = policy
    this.event.generation = policy.snapshot.generation
    this.event.time = time
  }

  /** @param match how the query came to the blocked name or address */
  logBlocked(context: QueryContext, decision: Decision, match: Match, took: Milliseconds): void {
    const claim = this.policy!.claims.at(decision.claim)!
    const reply = claim.reply!
    const isDropped = reply.action === 'drop'
    if (context.isAliased && !context.isRecordAlias) {
      this.logAliased(context, isDropped ? NO_RCODE : blockedRcode(claim, match), took)
      return
    }
    const how = context.matchBehindRecord(match)
    this.counters.countBlocked(context.clientClass, decision.claim, how)
    if (!this.logsBlocked) return
    this.setVerdict(VERDICT.blocked, how, decision.claim, decision.entry)
    this.setReply(
      context,
      isDropped ? NO_RCODE : blockedRcode(claim, match),
      isDropped ? -1 : reply.ede,
      -1
    )
    this.pushOriginal(context, took)
  }

  /**
   * Logs a lookup of which a rule has made an alias: as blocked by that rule, whatever became of the
   * target.
   *
   * @param rcode of the reply
   */
  logAliased(context: QueryContext, rcode: number, took: Milliseconds): void {
    if (context.isRecordAlias) return this.logRecord(context, rcode, took)
    const { aliasDecision, aliasMatch } = context
    const { claim, entry } = aliasDecision
    this.counters.countBlocked(context.clientClass, claim, aliasMatch)
    if (!this.logsBlocked) return
    this.setVerdict(VERDICT.blocked, aliasMatch, claim, entry)
    this.setReply(
      context,
      rcode,
      rcode === NO_RCODE ? -1 : this.policy!.claims.at(claim)!.reply!.ede,
      -1
    )
    this.pushOriginal(context, took)
  }

  /** Local records have answered the name, or made an alias of it that is resolved. It is never counted as blocked. */
  logRecord(context: QueryContext, rcode: number, took: Milliseconds): void {
    const { isAliased, isRecordAlias } = context
    if (isAliased && !isRecordAlias) return this.logAliased(context, rcode, took)
    const decision = isAliased ? context.aliasDecision : context.decision
    const { recordClaim, recordEntry, monitorClaim, monitorEntry } = decision
    const isMonitored = monitorClaim !== -1
    if (isMonitored) this.counters.countMonitored(monitorClaim, MATCH.qname)
    const isWanted = (isMonitored && this.logsBlocked) || (this.logsBans && isLogged(decision))
    if (!this.logsAll && !isWanted) return
    if (isMonitored) this.setVerdict(VERDICT.monitored, MATCH.qname, monitorClaim, monitorEntry)
    else this.setVerdict(VERDICT.local, MATCH.record, recordClaim, recordEntry)
    this.setReply(context, rcode, -1, -1)
    this.pushOriginal(context, took)
  }

  /**
   * Logs a lookup that got an answer: as monitored if a rule in monitor mode would have blocked it. With
   * `bans`, also where a ban covers the name or something in the answer, or did.
   *
   * @param inspector has just inspected the answer
   * @param verdict if no rule matched
   * @param match likewise: `MATCH.ech` if the client receives the answer without `ech`
   */
  logAnswered(
    context: QueryContext,
    inspector: AnswerInspector,
    answer: Answer,
    verdict: LookupVerdict,
    took: Milliseconds,
    match: Match
  ): void {
    const { claim, entry, tier, monitorClaim, monitorEntry } = context.decision
    const isMonitored = monitorClaim !== -1 || inspector.decision.monitorClaim !== -1
    if (isMonitored) this.countMonitored(context, inspector)
    const isOfBan = isLogged(context.decision) || inspector.decision.logSource !== -1
    const isWanted = this.logsAll || (isMonitored && this.logsBlocked) || (isOfBan && this.logsBans)
    if (!isWanted) return
    if (monitorClaim !== -1) {
      this.setVerdict(VERDICT.monitored, MATCH.qname, monitorClaim, monitorEntry)
    } else if (isMonitored) {
      const { decision: inAnswer, monitorMatch } = inspector
      this.setVerdict(VERDICT.monitored, monitorMatch, inAnswer.monitorClaim, inAnswer.monitorEntry)
    } else if (claim !== -1 && tier !== TIER.specialUse) {
      this.setVerdict(VERDICT.allowed, MATCH.qname, claim, entry)
    } else if (isOfBan && match === MATCH.none) {
      this.setLogged(verdict, context.decision, inspector)
    } else {
      this.setVerdict(verdict, match, -1, -1)
    }
    this.setReply(context, answer.rcode, answer.ede?.code ?? -1, answer.upstream)
    this.setDnssec(context, answer)
    this.push(context, took)
  }

  /** The rebinding guard has replaced the answer by NODATA. */
  logPrivateAddress(context: QueryContext, answer: Answer, ede: number, took: Milliseconds): void {
    if (context.isAliased && !context.isRecordAlias)
      return this.logAliased(context, RCODE.NOERROR, took)
    this.counters.countRebinding(context.clientClass)
    if (!this.logsBlocked) return
    this.setVerdict(VERDICT.blocked, MATCH.rebinding, -1, -1)
    this.setReply(context, RCODE.NOERROR, ede, answer.upstream)
    this.pushOriginal(context, took)
  }

  /**
   * A special-use name was answered here, or HTTPS records are hidden.
   *
   * @param ede INFO-CODE of the reply, -1: none
   * @param match `MATCH.qname` or `MATCH.ech`
   */
  logLocal(
    context: QueryContext,
    rcode: number,
    ede: number,
    took: Milliseconds,
    match: Match
  ): void {
    if (context.isAliased) return this.logAliased(context, rcode, took)
    const { claim, entry, monitorClaim, monitorEntry } = context.decision
    if (monitorClaim !== -1) this.counters.countMonitored(monitorClaim, MATCH.qname)
    const isOfBan = this.logsBans && isLogged(context.decision)
    if (!this.logsAll && !isOfBan && !(monitorClaim !== -1 && this.logsBlocked)) return
    if (monitorClaim === -1) {
      const isName = match === MATCH.qname
      this.setVerdict(VERDICT.local, match, isName ? claim : -1, isName ? entry : -1)
    } else this.setVerdict(VERDICT.monitored, MATCH.qname, monitorClaim, monitorEntry)
    this.setReply(context, rcode, ede, -1)
    this.push(context, took)
  }

  /** An unknown client, or a query that is never forwarded. @param ede as in `logLocal` */
  logRefused(context: QueryContext, rcode: number, ede: number): void {
    if (!this.logsAll && !(this.logsBans && isLogged(context.decision))) return
    this.setVerdict(VERDICT.refused, MATCH.none, -1, -1)
    this.setReply(context, rcode, ede, -1)
    this.push(context, 0)
  }

  private countMonitored({ decision }: QueryContext, inspector: AnswerInspector): void {
    const { counters } = this
    if (decision.monitorClaim !== -1) counters.countMonitored(decision.monitorClaim, MATCH.qname)
    else counters.countMonitored(inspector.decision.monitorClaim, inspector.monitorMatch)
  }

  /** No rule decided, but the name, or one in the answer, is logged. */
  private setLogged(
    verdict: LookupVerdict,
    { logSource, logEntry }: Decision,
    inspector: AnswerInspector
  ) {
    if (logSource !== -1) {
      this.setVerdict(verdict, MATCH.qname, claimOfSource(logSource), logEntry)
      return
    }
    const { decision: inAnswer, logMatch } = inspector
    this.setVerdict(verdict, logMatch, claimOfSource(inAnswer.logSource), inAnswer.logEntry)
  }

  private setVerdict(verdict: LookupVerdict, match: Match, claim: number, entry: number): void {
    const { event } = this
    event.verdict = verdict
    event.match = match
    event.claim = claim
    event.entry = entry
  }

  /** A reply without OPT has no EDE. */
  private setReply({ query }: QueryContext, rcode: number, ede: number, upstream: number): void {
    const { event } = this
    event.rcode = rcode
    event.ede = query.edns ? ede : -1
    event.upstream = upstream
    event.dnssec = DNSSEC_VERDICT.none
    event.dnssecReason = NO_REASON
  }

  private setDnssec(context: QueryContext, answer: Answer): void {
    const { event } = this
    event.dnssec = enforcedVerdict(context, answer)
    if (event.dnssec >= DNSSEC_VERDICT.bogus) event.dnssecReason = failureReason(answer)
  }

  /** As `push`, with the name of the client's query where aliases lead away from it. */
  private pushOriginal(context: QueryContext, took: Milliseconds): void {
    const { aliases } = context.query
    if (!context.isAliased) this.push(context, took)
    else this.push(context, took, aliases.qname, aliases.qnameLength)
  }

  private push(
    context: QueryContext,
    took: Milliseconds,
    qname = context.query.qname.octets,
    qnameLength = context.query.qname.length
  ): void {
    const { event } = this
    const { query, client, clientAt, probe } = context
    if (probe !== 0) {
      if ((probe & PROBE_FLAG.log) === 0) return
      event.verdict = VERDICT.probe
    }
    event.clientClass = context.clientClass
    event.addressClass = context.addressClass
    for (let i = 0; i < 4; i++) event.client[i] = client[clientAt + i]!
    event.device = context.clientIdentity?.device ?? NO_DEVICE
    event.protocol = context.protocol
    event.qname = qname
    event.qnameLength = qnameLength
    event.qtype = query.qtype
    event.latency = Math.round(took * MICROSECONDS_PER_MS)
    this.events.push(event)
    // One commit publishes all events of this turn of the event loop.
    if (this.isCommitScheduled) return
    this.isCommitScheduled = true
    setImmediate(this.commit)
  }

  private readonly commit = (): void => {
    this.isCommitScheduled = false
    this.events.commit()
  }
}

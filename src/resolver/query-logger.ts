import type { Milliseconds } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import { EDE } from '../dns/registry/ede.js'
import { RCODE } from '../dns/registry/rcode.js'
import type { Policy } from '../policy/evaluate/policy.js'
import { TIER } from '../policy/tables/claim.js'
import type { Verdict } from '../policy/tables/verdict.js'
import {
  MATCH,
  NO_RCODE,
  QueryEvent,
  VERDICT,
  type LookupFilter
} from '../querylog/record/query-event.js'
import type { AnswerInspector } from './answer-inspector.js'
import { blockedRcode } from './blocked-reply.js'
import type { QueryContext } from './query-context.js'

const MICROSECONDS_PER_MS = 1000

/** The worker's end of its ring. */
export interface QueryEventSink {
  push(event: QueryEvent): unknown
  /** Makes what was pushed visible to the recorder. */
  commit(): void
}

/** Tells the query log what became of a lookup: after the reply is written, never before. */
export class QueryLogger {
  private readonly event = new QueryEvent()
  private readonly logsAll: boolean
  private readonly logsBlocked: boolean
  private policy: Policy | undefined
  private isCommitScheduled = false

  /** @param events take the content of each event at once: the event is reused */
  constructor(
    which: LookupFilter,
    private readonly events: QueryEventSink
  ) {
    this.logsAll = which === 'all'
    this.logsBlocked = which !== 'none'
  }

  beginBatch(policy: Policy, wall: Milliseconds): void {
    this.policy = policy
    this.event.generation = policy.snapshot.generation
    this.event.time = wall
  }

  /** A ban answered. */
  logBlocked(lookup: QueryContext, verdict: Verdict, match: number, took: Milliseconds): void {
    if (!this.logsBlocked) return
    const { event } = this
    const reply = this.policy!.claims[verdict.claim]!.reply!
    this.setVerdict(VERDICT.blocked, match, verdict.claim, verdict.entry)
    event.rcode = reply.action === 'drop' ? NO_RCODE : blockedRcode(reply, match)
    event.ede = lookup.query.edns && event.rcode !== NO_RCODE ? reply.ede : -1
    event.upstream = -1
    this.push(lookup, took)
  }

  /** An answer was given; a ban in monitor mode may have had something against it. */
  logAnswered(
    lookup: QueryContext,
    led: AnswerInspector,
    answer: Answer,
    how: number,
    took: Milliseconds
  ): void {
    const { monitorClaim: monitor } = lookup.verdict
    const watched = monitor !== -1 || led.verdict.monitorClaim !== -1
    if (!this.logsAll && !(watched && this.logsBlocked)) return
    const { event } = this
    if (monitor !== -1) {
      this.setVerdict(VERDICT.monitored, MATCH.qname, monitor, lookup.verdict.monitorEntry)
    } else if (watched) {
      const { verdict, monitorMatch } = led
      this.setVerdict(VERDICT.monitored, monitorMatch, verdict.monitorClaim, verdict.monitorEntry)
    } else if (lookup.verdict.claim !== -1 && lookup.verdict.tier !== TIER.specialUse) {
      this.setVerdict(VERDICT.allowed, MATCH.qname, lookup.verdict.claim, lookup.verdict.entry)
    } else {
      this.setVerdict(how, MATCH.none, -1, -1)
    }
    event.rcode = answer.rcode
    event.ede = lookup.query.edns && answer.ede !== undefined ? answer.ede.code : -1
    event.upstream = answer.upstream
    this.push(lookup, took)
  }

  /** The rebinding guard kept the answer back, so that there is none. */
  logPrivateAddress(lookup: QueryContext, answer: Answer, ede: number, took: Milliseconds): void {
    if (!this.logsBlocked) return
    const { event } = this
    this.setVerdict(VERDICT.blocked, MATCH.rebinding, -1, -1)
    event.rcode = RCODE.NOERROR
    event.ede = lookup.query.edns ? ede : -1
    event.upstream = answer.upstream
    this.push(lookup, took)
  }

  /** A special-use name; the reply is written over the query. */
  logLocal(lookup: QueryContext, took: Milliseconds): void {
    const {
      monitorClaim: monitor,
      monitorEntry: monitorRecord,
      claim,
      entry: record
    } = lookup.verdict
    if (!this.logsAll && !(monitor !== -1 && this.logsBlocked)) return
    const { event } = this
    if (monitor === -1) this.setVerdict(VERDICT.local, MATCH.qname, claim, record)
    else this.setVerdict(VERDICT.monitored, MATCH.qname, monitor, monitorRecord)
    const { octets, query } = lookup
    event.rcode = octets[query.at + 3]! & 0x0f
    const empty = octets[query.at + 6] === 0 && octets[query.at + 7] === 0
    event.ede = query.edns && empty ? EDE.OTHER : -1
    event.upstream = -1
    this.push(lookup, took)
  }

  /** The client is in no network. */
  logRefused(lookup: QueryContext, rcode: number, ede: number): void {
    if (!this.logsAll) return
    const { event } = this
    this.setVerdict(VERDICT.refused, MATCH.none, -1, -1)
    event.rcode = rcode
    event.ede = lookup.query.edns ? ede : -1
    event.upstream = -1
    this.push(lookup, 0)
  }

  private setVerdict(verdict: number, match: number, claim: number, record: number): void {
    const { event } = this
    event.verdict = verdict
    event.match = match
    event.claim = claim
    event.entry = record
  }

  private push(lookup: QueryContext, took: Milliseconds): void {
    const { event } = this
    const { query, client, clientAt } = lookup
    event.clientClass = lookup.clientClass
    for (let i = 0; i < 4; i++) event.client[i] = client[clientAt + i]!
    event.protocol = lookup.protocol
    event.qname = query.qname.octets
    event.qnameLength = query.qname.length
    event.qtype = query.qtype
    event.latency = Math.round(took * MICROSECONDS_PER_MS)
    this.events.push(event)
    // Published once for all records of this turn of the event loop.
    if (this.isCommitScheduled) return
    this.isCommitScheduled = true
    setImmediate(this.commit)
  }

  private readonly commit = (): void => {
    this.isCommitScheduled = false
    this.events.commit()
  }
}

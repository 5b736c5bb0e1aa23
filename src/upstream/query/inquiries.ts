import type { Milliseconds, Octets } from '../../base/units.js'
import { answersQuestion } from '../../dns/message/answers-question.js'
import { EDE } from '../../dns/registry/ede.js'
import type { Inquiry, Waiter } from '../forwarder.js'
import { isHopeless, LOOPED } from '../selection/choice.js'
import { HEARD } from '../selection/cookies.js'
import type { Upstream } from '../selection/upstream.js'
import { AskingTable } from './asking-table.js'
import { Asking, type Group, type Receiver, type Try } from './asking.js'
import { Deadlines } from './deadlines.js'
import type { InquiryParts } from './inquiry-parts.js'
import { messageIn } from './message-in.js'
import { Outcomes } from './outcomes.js'
import { isRefusal, isTruncated } from './response-head.js'

/** Most queries sent for one inquiry, whatever happens. */
const MAX_TRIES = 8
/** Mismatched responses after which an inquiry is under attack and moves to TCP. */
const SUSPICIOUS = 20
/** Most of them that are kept to be used again: about what is under way under full load. */
const MOST_SPARES = 4096
const LOOP_TEXT = 'forwarding loop: the upstreams lead back to this resolver'

/**
 * Inquiries under way, from the question to exactly one outcome for each who asked:
 *
 *     start ── ask ──┬─ answer ──────────────────────────────────► response
 *               ▲    ├─ truncated ─► ask the same one over TCP
 *               │    ├─ in doubt ──► ask the same one over TCP
 *               │    ├─ BADCOOKIE ─► ask the same one, with another cookie
 *               │    ├─ refusal ───► ask another one, once; if it knows no better ─► response
 *               │    └─ silence, network error ─┬─ time and upstreams left ─┐
 *               │                               └───────────────────────────│──► failure
 *               └───────────────────────────────────────────────────────────┘
 *
 * Answers to earlier tries stay welcome until the end: an upstream may just be slow.
 */
export class Inquiries implements Receiver {
  private readonly underWay: AskingTable
  private readonly spares: Asking[] = []
  private readonly deadlines: Deadlines<Asking>
  private readonly outcomes: Outcomes
  private closed = false

  constructor(private readonly parts: InquiryParts) {
    const { clock, timers, seed } = parts
    this.underWay = new AskingTable(seed)
    this.deadlines = new Deadlines(clock, timers, (asking, now) => {
      this.expire(asking, now)
    })
    this.outcomes = new Outcomes(parts, this.underWay, this.deadlines)
  }

  get size(): number {
    return this.underWay.size
  }

  /** Asks one of `group`, or joins those who wait for the same; `waiter` is told later. */
  start(inquiry: Inquiry, group: Group, waiter: Waiter): void {
    const { clock, limits, counts, choice } = this.parts
    const now = clock.now()
    const hash = this.underWay.hashOf(inquiry)
    const same = this.underWay.find(inquiry, hash)
    if (same !== undefined) {
      this.join(same, waiter)
    } else if (this.closed || group.length === 0) {
      this.outcomes.failSoon(waiter, EDE.NETWORK_ERROR, group === LOOPED ? LOOP_TEXT : undefined)
    } else if (this.underWay.size >= limits.maxInFlight) {
      counts.overflows++
      this.outcomes.failSoon(waiter, EDE.NO_REACHABLE_AUTHORITY)
    } else {
      const asking = this.open(inquiry, group, waiter, now)
      this.underWay.add(asking, hash)
      this.ask(asking, choice.first(group, now), false, now)
    }
  }

  /** Puts a question to one upstream, only to see whether it answers. */
  probe(inquiry: Inquiry, upstream: Upstream, now: Milliseconds): void {
    const asking = this.open(inquiry, [upstream], undefined, now)
    this.ask(asking, upstream, false, now)
  }

  /** Ends all at once: everybody who waits is told. */
  close(): void {
    this.closed = true
    const now = this.parts.clock.now()
    for (const asking of this.underWay.all()) this.outcomes.fail(asking, now)
    this.deadlines.close()
  }

  answered(attempt: Try, octets: Uint8Array, start: Octets, end: Octets, now: Milliseconds): void {
    const { asking, upstream, overTcp, cookie } = attempt
    const heard =
      cookie === undefined ? HEARD.answer : upstream.cookies.hear(octets, start, end, overTcp, now)
    if (heard === HEARD.doubt) {
      this.doubt(attempt, now)
      return
    }
    upstream.counts.responses++
    upstream.heard(overTcp ? undefined : now - attempt.sentAt, now)
    if (overTcp && asking.doubted === upstream) {
      upstream.spelt(answersQuestion(octets, start, end, attempt.id, asking.inquiry.question, true))
    }
    if (asking.first === undefined) {
      this.outcomes.settle(asking)
    } else if (heard === HEARD.choke) {
      upstream.counts.rewordings++
      this.askSame(attempt, overTcp, now)
    } else if (heard === HEARD.renew && !overTcp) {
      this.renew(attempt, now)
    } else if (!overTcp && isTruncated(octets, start)) {
      upstream.counts.truncated++
      this.askSame(attempt, true, now)
    } else if (heard === HEARD.answer && !isRefusal(octets, start)) {
      upstream.confirmed()
      asking.heldFrom?.contradicted(now)
      this.outcomes.respond(asking, upstream, messageIn(octets, start, end), now)
      // After one try over UDP nobody has a hold on it: no connection, no timer, no other try.
      if (asking.tries === 1 && !overTcp) this.keep(asking)
    } else {
      this.refused(attempt, overTcp ? octets : octets.slice(start, end), now)
    }
  }

  mismatched(asking: Asking | undefined, now: Milliseconds): void {
    this.parts.counts.mismatches++
    if (asking === undefined || asking.tcpOnly || ++asking.mismatches < SUSPICIOUS) return
    const { last } = asking
    if (last === undefined || asking.first === undefined) return
    // Somebody sends guesses. TCP cannot be forged from afar, and UDP is not listened to any more.
    this.parts.counts.suspicions++
    asking.tcpOnly = true
    asking.releaseTries()
    this.ask(asking, last.upstream, true, now)
  }

  doubted(attempt: Try, now: Milliseconds): void {
    attempt.asking.doubted = attempt.upstream
    this.doubt(attempt, now)
  }

  lost(attempt: Try, established: boolean): void {
    const { asking, upstream } = attempt
    if (asking.finished || asking.last !== attempt) return
    upstream.counts.lost++
    const now = this.parts.clock.now()
    // An upstream may close a connection just when we use it: RFC 7766 §6.2.4.
    if (established && !asking.reconnected) {
      asking.reconnected = true
      this.ask(asking, upstream, true, now)
    } else {
      attempt.cutOff = true
      this.goOn(asking, now)
    }
  }

  undelivered(attempt: Try, now: Milliseconds): void {
    const { asking, upstream, sentAt } = attempt
    upstream.counts.undelivered++
    attempt.undelivered = true
    attempt.release()
    upstream.undelivered(sentAt, now)
    // It may take the network longer to say so than we waited.
    if (asking.last !== attempt) asking.silences--
    this.cutOff(attempt)
  }

  private open(
    inquiry: Inquiry,
    group: Group,
    first: Waiter | undefined,
    now: Milliseconds
  ): Asking {
    const asking = this.spares.pop() ?? new Asking()
    return asking.open(inquiry, group, first, now, now + this.parts.limits.giveUp)
  }

  private keep(asking: Asking): void {
    if (this.spares.length < MOST_SPARES) this.spares.push(asking)
  }

  private join(asking: Asking, waiter: Waiter): void {
    const { counts, limits } = this.parts
    const others = (asking.others ??= [])
    if (others.length + 1 >= limits.maxWaiters) {
      counts.overflows++
      this.outcomes.failSoon(waiter, EDE.NO_REACHABLE_AUTHORITY)
    } else {
      counts.shared++
      others.push(waiter)
    }
  }

  private ask(asking: Asking, upstream: Upstream, overTcp: boolean, now: Milliseconds): void {
    const { send, limits, caseRandom } = this.parts
    const attempt = asking.begin(upstream, overTcp, now)
    if (caseRandom !== undefined && upstream.keepsCase) {
      asking.mixCase(caseRandom)
      attempt.exactCase = true
    }
    upstream.asked(overTcp)
    if (send(attempt, now)) {
      this.deadlines.set(asking, Math.min(now + limits.tryTimeout, asking.giveUpAt), now)
      return
    }
    upstream.counts.lost++
    if (!overTcp) upstream.failed(now)
    this.cutOff(attempt)
  }

  /** Goes on after a try that the network says no to; later, because it may be within `forward`. */
  private cutOff(attempt: Try): void {
    const { asking } = attempt
    attempt.cutOff = true
    this.parts.timers.soon(() => {
      if (asking.finished || asking.last !== attempt) return
      this.goOn(asking, this.parts.clock.now())
    })
  }

  private askSame(attempt: Try, overTcp: boolean, now: Milliseconds): void {
    const { asking, upstream } = attempt
    attempt.release()
    if (asking.tries >= MAX_TRIES) this.outcomes.fail(asking, now)
    else this.ask(asking, upstream, overTcp, now)
  }

  /** Ignores a response that only what a forger cannot see was wrong in. */
  private doubt(attempt: Try, now: Milliseconds): void {
    this.parts.counts.mismatches++
    attempt.upstream.counts.doubts++
    if (attempt.asking.first !== undefined) this.askSame(attempt, true, now)
  }

  /** Asks with the cookie that came; if that was not right either, over TCP. RFC 7873 §5.3. */
  private renew(attempt: Try, now: Milliseconds): void {
    const { asking, upstream } = attempt
    const again = asking.renewed === upstream
    asking.renewed = upstream
    upstream.counts.rewordings++
    this.askSame(attempt, again, now)
  }

  private refused(attempt: Try, message: Uint8Array, now: Milliseconds): void {
    const { asking, upstream } = attempt
    const other = asking.held === undefined ? this.parts.choice.another(asking, now) : undefined
    if (other === undefined) {
      this.outcomes.respond(asking, upstream, message, now)
      return
    }
    attempt.release()
    asking.held = message
    asking.heldFrom = upstream
    this.ask(asking, other, asking.tcpOnly, now)
  }

  private expire(asking: Asking, now: Milliseconds): void {
    const attempt = asking.last!
    const { upstream } = attempt
    if (attempt.undelivered) {
      this.goOn(asking, now)
      return
    }
    // A probe is waited for a second time, but it is one query.
    if (asking.first !== undefined || asking.silences === 0) upstream.counts.timeouts++
    asking.silences++
    if (attempt.cookie !== undefined) upstream.cookies.silent(now)
    if (attempt.overTcp) attempt.channel?.silent?.(attempt.sentAt)
    else upstream.silent(attempt.sentAt, now)
    this.goOn(asking, now)
  }

  /** After a try that came to nothing. */
  private goOn(asking: Asking, now: Milliseconds): void {
    const next = this.parts.choice.next(asking, now)
    if (asking.first === undefined) {
      this.waitOn(asking, now)
    } else if (asking.held !== undefined && asking.heldFrom !== undefined) {
      this.outcomes.respond(asking, asking.heldFrom, asking.held, now)
    } else if (now >= asking.giveUpAt || asking.tries >= MAX_TRIES || isHopeless(asking)) {
      this.outcomes.fail(asking, now)
    } else if (next !== undefined) {
      this.ask(asking, next, asking.tcpOnly, now)
    } else if (asking.pardon()) {
      // Nobody is left, and nobody is down: a resolver that is being restarted is back in no time.
      const { tryTimeout } = this.parts.limits
      this.deadlines.set(asking, Math.min(now + tryTimeout, asking.giveUpAt), now)
    } else {
      this.outcomes.fail(asking, now)
    }
  }

  /** A probe that has counted as a failure may still be answered, if the way there is long. */
  private waitOn(asking: Asking, now: Milliseconds): void {
    if (now >= asking.giveUpAt || asking.last?.channel === undefined) this.outcomes.settle(asking)
    else this.deadlines.set(asking, asking.giveUpAt, now)
  }
}

/**
 * The life of a query. READ THIS FIRST.
 *
 *     octets in ─ wire/ header and question, in place ─ not answerable ─► FORMERR · NOTIMP · BADVERS
 *                   │                                                     REFUSED · silence
 *                 network/ who asks? ─ nobody of ours ──────────────────► REFUSED + EDE 18
 *                   │
 *                 policy/ does a rule speak on the name? ─ banned ──────► the ban's action + EDE
 *                   │     or is it special-use? ───────── yes ────────────► what its RFC says
 *                   │
 *                 odd? ─ no RD, ANY over UDP, class CH ─────────────────► REFUSED · HINFO · TXT
 *                   │
 *                 cache/ do we hold it? ─ yes ─┐
 *                   │ no                       │
 *                 upstream/ forward ───────────┤ ─ failure ─► what is over, else SERVFAIL + EDE
 *                                              │
 *                 policy/ does the answer lead to a banned name? ─ yes ─► the ban's action + EDE
 *                                              │
 *     octets out ◄─ wire/ the asker's id, case, RD; TTLs run down ─ log/ one record of what was blocked
 *
 * `answer` is the fast path: all of this within one call, in place, nothing allocated. Where the
 * cache has no answer it says LATER, and `answerLater` goes the same way once an upstream spoke.
 */
import { epochSeconds, type Clock } from '../base/clock.js'
import { MS_PER_SECOND, type Milliseconds, type Octets, type Seconds } from '../base/units.js'
import type { AnswerCache } from '../cache/cache.js'
import { SHELF, type Shelf } from '../cache/shelf.js'
import type { ServerCookies } from '../dns/edns/server-cookie.js'
import type { Answer } from '../dns/message/answer.js'
import { READ } from '../dns/message/query.js'
import { RRCLASS } from '../dns/registry/rrclass.js'
import { writeAnswer, writeReady } from '../dns/reply/held-reply.js'
import type { Policy } from '../policy/evaluate/policy.js'
import { TIER, type Verdict } from '../policy/tables/snapshot.js'
import { MATCH, VERDICT } from '../querylog/record/event.js'
import type { Forwarder } from '../upstream/forwarder.js'
import type { Arrivals } from './arrivals.js'
import { blocks, writeAction } from './ban.js'
import { isStale, type Fallback } from './fallback.js'
import type { Identity } from './identity.js'
import { Inspector } from './inspect.js'
import { writeLocal } from './local.js'
import { GO_ON, Lookup, TCP_LIMIT } from './lookup.js'
import { endLoop, isProbe, type LoopDoor } from './loop-door.js'
import type { NotifyDoor } from './notify-door.js'
import { decline, identify } from './odd.js'
import type { Patience } from './patience.js'
import type { Prefetch } from './prefetch.js'
import type { RebindingGuard } from './rebinding-guard.js'
import { LATER, type Asker, type Responder } from './responder.js'
import { guardInside, refuseStranger, turnAway } from './turn-away.js'
import { UNJUDGED, type Wait } from './wait.js'
import { Waiting, type Finish, type WaitCounts } from './waiting.js'
import type { Witness } from './witness.js'

/** How long an answer is given again before the cache is told that it is still asked for. */
const READY_FOR: Seconds = 30

export interface ResolverParts {
  readonly cache: AnswerCache
  /** Undefined where every lookup has to be recorded. */
  readonly shelf: Shelf | undefined
  readonly forwarder: Forwarder
  readonly arrivals: Arrivals
  readonly fallback: Fallback
  readonly patience: Patience
  /** Undefined: nothing is asked for before it is over. */
  readonly prefetch?: Prefetch | undefined
  readonly witness: Witness
  readonly identity: Identity
  /** Undefined: upstreams may give any name any address. */
  readonly guard?: RebindingGuard | undefined
  /** Undefined: COOKIE options of clients are not looked at. */
  readonly cookies?: ServerCookies | undefined
  /** Undefined: probes for loops are forwarded like anything else. */
  readonly loops?: LoopDoor | undefined
  /** Undefined: nobody has zones for us, and NOTIFY is no opcode here. */
  readonly notify?: NotifyDoor | undefined
  readonly clock: Clock
}

export class Resolver implements Responder, Finish {
  private readonly lookup: Lookup
  private readonly inspector: Inspector
  /** Clock and calendar of the batch at hand. */
  private now: Milliseconds = 0
  private calendar: Seconds = 0
  private epoch = 0
  /** Whether `beginTurn` was called in this turn. */
  private begun = false
  /** `answer` has just said LATER, and left everything as `answerLater` needs it. */
  private isMissed = false
  private readonly waiting: Waiting

  /** @param policy the rules, until `adopt` brings others */
  constructor(
    private readonly parts: ResolverParts,
    private policy: Policy
  ) {
    this.inspector = new Inspector(parts.guard)
    this.lookup = new Lookup(parts.identity, parts.cookies)
    this.waiting = new Waiting(parts, this)
    this.beginBatch()
  }

  /** What came of the queries that waited for an upstream. */
  get counts(): Readonly<WaitCounts> {
    return this.waiting.counts
  }

  get proven(): boolean {
    return this.lookup.proven
  }

  /** Swaps the rules: each query is answered by one snapshot, never by half of two. */
  adopt(policy: Policy): void {
    this.policy = policy
    this.beginBatch()
  }

  beginBatch(): void {
    const { clock, shelf, witness } = this.parts
    this.now = clock.now()
    this.calendar = epochSeconds(clock)
    this.epoch = this.policy.epochAt(this.calendar)
    this.inspector.begin(this.policy, this.calendar, this.epoch)
    shelf?.beginBatch(this.epoch, this.now)
    witness.begin(this.policy, clock.wall())
  }

  answer(
    octets: Uint8Array,
    at: Octets,
    end: Octets,
    room: Octets,
    client: Uint32Array,
    clientAt: number,
    protocol: number
  ): number {
    const { lookup, policy, parts } = this
    this.isMissed = false
    // First what the octets are: nothing else may look at a message that is not a query.
    let reading = lookup.read(octets, at, end, room, protocol, policy.seed)
    if (lookup.query.options !== 0) reading = lookup.answerOptions(client, clientAt)
    if (reading !== READ.ok && reading !== READ.odd) {
      return turnAway(lookup, reading, parts.notify, client, clientAt)
    }
    lookup.comesFrom(client, clientAt, policy.classOf(client, clientAt))
    // What was given before, and no rule of this client's network had a word to say on, is given
    // again, as long as the rules and the answer stand: all of the stages below in one look.
    const shelved =
      reading === READ.ok ? parts.shelf?.find(lookup.query, lookup.clientClass) : SHELF.miss
    if (shelved === SHELF.answer) {
      return writeReady(octets, lookup.query, lookup.limit, parts.shelf!)
    }
    // What the cache will be asked for is on its way here while the rules are.
    const near = shelved === SHELF.miss ? lookup.query.key() : undefined
    if (near !== undefined) parts.cache.touch(near)
    // Policy before the cache: a new ban holds at once for names that are held already, and one
    // cache can serve all networks because nothing that we made up ever gets into it.
    const decided = this.judge(0, shelved === SHELF.block)
    if (decided !== GO_ON) return decided
    // Then the cache; what it has not, an upstream is asked for while others are answered.
    const key = near ?? lookup.query.key()
    const held = parts.cache.get(key)
    // Policy again, on what the answer says: held answers lead to banned names as fresh ones do.
    if (held !== undefined) return this.give(held, VERDICT.cached, 0)
    // Upstreams that failed on it a moment ago are left in peace.
    const instead = parts.fallback.get(key)
    if (instead !== undefined) {
      return this.give(instead, isStale(instead) ? VERDICT.stale : VERDICT.cached, 0)
    }
    // A question of our own that comes back from an upstream goes no further round the circle.
    if (isProbe(lookup, parts.loops)) return endLoop(lookup)
    this.isMissed = true
    return LATER
  }

  answerLater(asker: Asker): void {
    const { lookup, parts, waiting, now } = this
    const epoch = this.isMissed ? this.epoch : UNJUDGED
    if (!this.isMissed) this.miss(asker)
    this.isMissed = false
    waiting.begin(lookup, asker, parts.cache.missedExpired, epoch, now)
  }

  /** For who did not ask `answer` first: what it would have left behind. */
  private miss({ octets, start, end, protocol }: Asker): void {
    const { lookup, policy, parts } = this
    lookup.read(octets, start, end, TCP_LIMIT, protocol, policy.seed)
    parts.cache.get(lookup.query.key())
  }

  /** Once for all that upstreams say in one turn of the event loop: clocks cost 0.2 µs an answer. */
  beginTurn(): Milliseconds {
    if (!this.begun) {
      this.begun = true
      queueMicrotask(this.endTurn)
      this.beginBatch()
    }
    return this.now
  }

  private readonly endTurn = (): void => {
    this.begun = false
  }

  /** The full path from where it waited, through the same stages as in `answer`. */
  answerWith(answer: Answer, how: number, wait: Wait, desk: Uint8Array): number {
    const { lookup, policy } = this
    const { asker, epoch } = wait
    const { client, clientAt } = asker
    const took = this.now - wait.started
    const length = asker.end - asker.start
    lookup.read(desk, 0, length, TCP_LIMIT, asker.protocol, policy.seed)
    if (lookup.query.options !== 0) lookup.answerOptions(client, clientAt)
    if (epoch === this.epoch) {
      lookup.comesFrom(client, clientAt, wait.clientClass)
      lookup.verdict.clear()
      return this.give(answer, how, took)
    }
    // Judged anew, since the rules have changed while the upstream was asked, or have a say.
    lookup.comesFrom(client, clientAt, policy.classOf(client, clientAt))
    const decided = this.judge(took, false)
    return decided === GO_ON ? this.give(answer, how, took) : decided
  }

  /**
   * Who asks, and what the rules say of the name: the reply's length, SILENCE, or GO_ON.
   *
   * @param shelved what they say lies on the shelf
   */
  private judge(took: Milliseconds, shelved: boolean): number {
    const { lookup, policy, parts } = this
    const { query, clientClass, verdict } = lookup
    if (clientClass === 0) return refuseStranger(lookup, parts.witness)
    if (query.qclass !== RRCLASS.IN) return identify(lookup, parts.identity)
    verdict.clear()
    if (shelved) parts.shelf!.readBlock(verdict)
    else policy.evaluateName(query.qname, query.qtype, clientClass, this.calendar, verdict)
    if (verdict.tier === TIER.specialUse) {
      const length = this.answerHere(took)
      if (length !== GO_ON) return length
    }
    // A ban holds however it is asked; only what no ban is about is turned away for how it is asked.
    if (!blocks(policy, verdict, lookup.protocol)) return decline(lookup, parts.witness)
    if (!shelved && verdict.monitorClaim === -1) parts.shelf?.putBlock(query, verdict, clientClass)
    return this.ban(verdict, MATCH.qname, took)
  }

  /** Gives an answer that we hold, unless it leads to where this client may not go. */
  private give(answer: Answer, how: number, took: Milliseconds): number {
    const { lookup, inspector } = this
    const match = inspector.inspect(lookup, answer)
    if (match === MATCH.rebinding) {
      return guardInside(lookup, this.policy, this.parts.witness, answer, took)
    }
    if (match !== MATCH.none) return this.ban(inspector.verdict, match, took)
    const age = Math.floor((this.now - answer.storedAt) / MS_PER_SECOND)
    const length = writeAnswer(lookup.octets, lookup.query, lookup.limit, answer, age)
    this.parts.witness.gave(lookup, inspector, answer, how, took)
    if (how === VERDICT.cached) this.lookAhead(answer, age)
    return length
  }

  /** Asked for a second time, it will be again; a flood of random names never gets here. */
  private lookAhead(answer: Answer, age: Seconds): void {
    const { lookup, inspector, parts } = this
    // Behind all rules, so that nobody asks for what is banned.
    const end = parts.prefetch?.consider(lookup.query, answer, age) ?? answer.lifetime
    const until = Math.min(end, age + READY_FOR)
    if (until > age && isPlain(lookup.verdict) && isPlain(inspector.verdict)) {
      parts.shelf?.put(lookup.query, answer, lookup.clientClass, until)
    }
  }

  /** The ban's own reply instead of an answer. */
  private ban(verdict: Verdict, match: number, took: Milliseconds): number {
    const length = writeAction(this.lookup, this.policy, verdict, match)
    this.parts.witness.banned(this.lookup, verdict, match, took)
    return length
  }

  /** A special-use name, which no upstream has business with; GO_ON where one has. */
  private answerHere(took: Milliseconds): number {
    const length = writeLocal(this.lookup, this.policy)
    if (length !== GO_ON) this.parts.witness.answeredHere(this.lookup, took)
    return length
  }
}

/** Whether no rule at all has a say, not even in monitor mode. */
function isPlain({ claim, tier, monitorClaim: monitor }: Verdict): boolean {
  return (claim === -1 || tier === TIER.specialUse) && monitor === -1
}

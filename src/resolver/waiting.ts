import { copyOctets } from '../base/octets.js'
import { Spares } from '../base/spares.js'
import type { Milliseconds } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE } from '../dns/registry/sizes.js'
import { VERDICT } from '../querylog/record/event.js'
import type { Forwarder, Outcome } from '../upstream/forwarder.js'
import type { Arrivals } from './arrivals.js'
import { TCP_LIMIT, type Lookup } from './lookup.js'
import type { Patience } from './patience.js'
import { SILENCE, type Asker } from './responder.js'
import { UNJUDGED, Wait } from './wait.js'

export interface WaitingParts {
  readonly forwarder: Forwarder
  readonly arrivals: Arrivals
  readonly patience: Patience
}

/** What the resolver does for queries that waited. */
export interface Finish {
  /** Reads clock and rules, once in a turn of the event loop. */
  beginTurn(): Milliseconds
  /** Writes the reply into `desk`: its length, or SILENCE. @param how one of `VERDICT` */
  answerWith(answer: Answer, how: number, wait: Wait, desk: Uint8Array): number
}

/** What came of the queries that waited for an upstream; all only ever grow. */
export interface WaitCounts {
  /** It answered. */
  forwarded: number
  /** It did not, or not in time, and what is over was given. */
  stale: number
  /** It did not, and nothing was held. */
  failed: number
}

/** Queries that wait for an upstream, from LATER to their replies. */
export class Waiting {
  readonly counts: WaitCounts = { forwarded: 0, stale: 0, failed: 0 }
  /** Where replies are made: the largest message there is. */
  private readonly desk = new Uint8Array(TCP_LIMIT)
  private readonly spares = new Spares<Wait>()

  constructor(
    private readonly parts: WaitingParts,
    private readonly finish: Finish
  ) {
    parts.patience.onRunOut = this.runOut
  }

  /**
   * @param lookup the query, as it was read and judged just now
   * @param held whether there is an answer to it that is over
   * @param epoch of the rules by which it was judged, or UNJUDGED
   */
  begin(lookup: Lookup, asker: Asker, held: boolean, epoch: number, now: Milliseconds): void {
    const { arrivals, patience, forwarder } = this.parts
    const { length } = lookup.query.qname
    const wait = this.spares.take(length) ?? new Wait(length, this)
    wait.asker = asker
    wait.epoch = lookup.verdict.isEmpty ? epoch : UNJUDGED
    wait.clientClass = lookup.clientClass
    wait.started = now
    wait.served = false
    arrivals.ask(wait, lookup.query, asker.octets, asker.start + HEADER_SIZE)
    if (held) patience.begin(wait, now)
    forwarder.forward(wait, wait)
  }

  /** An upstream spoke, or none did. */
  told(wait: Wait, outcome: Outcome): void {
    const { arrivals, patience } = this.parts
    const { asker, served } = wait
    const now = this.finish.beginTurn()
    patience.end(wait)
    const answer = arrivals.take(wait, outcome, now)
    const length = served ? SILENCE : this.write(answer, arrivals.how, wait)
    this.spares.keep(wait, wait.question.length - QUESTION_FIXED_SIZE)
    if (!served) asker.reply(length === SILENCE ? undefined : this.desk, 0, length)
  }

  /** It waited long enough: what an upstream says is kept for who asks next. */
  private readonly runOut = (wait: Wait, stale: Answer): void => {
    this.finish.beginTurn()
    wait.served = true
    const length = this.write(stale, VERDICT.stale, wait)
    wait.asker.reply(length === SILENCE ? undefined : this.desk, 0, length)
  }

  private write(answer: Answer, how: number, wait: Wait): number {
    const { desk, counts } = this
    if (how === VERDICT.failed) counts.failed++
    else if (how === VERDICT.stale) counts.stale++
    else counts.forwarded++
    const { octets, start, end } = wait.asker
    copyOctets(octets, start, end, desk, 0)
    return this.finish.answerWith(answer, how, wait, desk)
  }
}

import type { Seconds } from '../base/units.js'
import { showRrtype } from '../dns/registry/rrtype.js'
import { readClient, type Client } from './clients.js'
import { outcomeText, recordedText } from './grounds.js'
import { Judge, STATE, stateOf, UNPLACED, type Outcome } from './judge.js'
import { NO_GROUND, RECORDED, type Found, type Ground, type Sink } from './lookup.js'
import { Names } from './names.js'
import { OctetBook, saltOf, type Salt } from './octet-book.js'
import { Tally, type Count } from './tally.js'

/**
 * What becomes of a lookup under candidate rules.
 *
 * `blocked` it was answered, and is blocked
 * `allowed` it was blocked, and is answered
 * `refused` its client was in a network, and is in none
 * `served`  its client was in no network, and is in one
 */
export const KINDS = ['blocked', 'allowed', 'refused', 'served'] as const
export type Kind = (typeof KINDS)[number]

/** Says on demand what blocked the lookup at hand, as the log has it: most are never asked about. */
export type Grounds = () => Ground

export interface ComparisonOptions {
  /** At which time each lookup is judged; not given: at its own. */
  readonly at: Seconds | undefined
  /** For lookups of which the log does not say when. */
  readonly now: Seconds
  /** Id of the network that all clients are taken for, if they are. */
  readonly network: string | undefined
  /** Most examples of each rule. */
  readonly examples: number
  readonly random: () => number
}

/** Lookups that were judged, and what kept others from being it. */
export interface Counts {
  lookups: number
  /** They were not answered the same: all kinds of changes. */
  changed: number
  /** Would be blocked, if the rule did not only watch; it is not what was recorded. */
  monitored: number
  /** Blocked for where the answer led, which the log does not have: not compared. */
  lead: number
  /** Neither address nor a network that the rules have: not compared. */
  unplaced: number
  /** Their client is in no network of the rules, and the log is of a program without networks. */
  strangers: number
  /** The log does not say when they were. */
  undated: number
}

/**
 * Judges recorded lookups under candidate rules, and compares with what others come to, or with
 * what was recorded.
 */
export class Comparison implements Sink {
  /** Of everything that is hashed here. */
  readonly salt: Salt
  readonly names: Names
  /** Clients as the log has them, with the network that it has: number of a text to a client. */
  readonly clientBook: OctetBook
  readonly clients: Client[] = []
  readonly counts: Counts = {
    lookups: 0,
    changed: 0,
    monitored: 0,
    lead: 0,
    unplaced: 0,
    strangers: 0,
    undated: 0
  }
  readonly tallies: Readonly<Record<Kind, Tally>>
  /** Verdicts of the log being read may be `refused`: it is one of a gateway with networks. */
  hasNetworks = true
  #after: Judge | undefined
  #before: Judge | undefined
  readonly #classesAfter: number[] = []
  readonly #classesBefore: number[] = []
  readonly #options: ComparisonOptions
  /** The one at hand. */
  readonly #lookup = { when: NaN, client: 0, name: 0, qtype: 0 }

  constructor(options: ComparisonOptions) {
    const { examples, random } = options
    this.#options = options
    this.salt = saltOf(random)
    this.names = new Names(this.salt)
    this.clientBook = new OctetBook(this.salt)
    this.tallies = {
      blocked: new Tally(examples),
      allowed: new Tally(examples),
      refused: new Tally(examples),
      served: new Tally(examples)
    }
  }

  /** @param before undefined: what was recorded is compared with */
  judgeBy(after: Judge, before: Judge | undefined): void {
    this.#after = after
    this.#before = before
  }

  find(found: Found): string | undefined {
    const { name, client, network = '' } = found
    const number =
      typeof name === 'string' ? this.names.numberOfText(name) : this.names.numberOfWire(name)
    if (number < 0) return 'no domain name'
    const who = this.clientBook.numberOfText(`${client}\n${network}`)
    if (who === this.clients.length) this.addClient(client, found.network)
    const grounds = (): Ground => found.ground ?? NO_GROUND
    this.add(found.at ?? NaN, who, number, found.qtype, found.protocol, found.recorded, grounds)
    return undefined
  }

  /** Makes a client known that `clientBook` has just given the next number. */
  addClient(text: string, network: string | undefined): void {
    const client = readClient(text, network)
    this.clients.push(client)
    this.#classesAfter.push(this.#after!.classOf(client, this.#options.network))
    this.#classesBefore.push(this.#before?.classOf(client, this.#options.network) ?? UNPLACED)
  }

  /**
   * Judges one lookup.
   *
   * @param when NaN where the log does not say
   * @param recorded one of `RECORDED`
   */
  add(
    when: Seconds,
    client: number,
    name: number,
    qtype: number,
    protocol: number,
    recorded: number,
    grounds: Grounds
  ): void {
    const { counts } = this
    const { at, now } = this.#options
    counts.lookups++
    // Not a number, without a call.
    const isDated = when === when
    if (!isDated) counts.undated++
    const time = at ?? (isDated ? when : now)
    const lookup = this.#lookup
    lookup.when = when
    lookup.client = client
    lookup.name = name
    lookup.qtype = qtype
    const before = this.#before
    const classAfter = this.#classesAfter[client]!
    const classBefore = before === undefined ? classAfter : this.#classesBefore[client]!
    if (classAfter === UNPLACED || classBefore === UNPLACED) counts.unplaced++
    else {
      const is = this.#after!.outcome(name, classAfter, qtype, protocol, time)
      if (before === undefined) this.#compare(recorded, is, grounds)
      else this.#confront(before.outcome(name, classBefore, qtype, protocol, time), is)
    }
    if (this.names.isFull) this.#forget()
  }

  /** Folds what is counted by number; before counts are read. */
  close(): void {
    for (const kind of KINDS) this.tallies[kind].fold(number => this.names.textOf(number))
  }

  /** What the clients are called whose lookups change in one way. */
  clientsOf(kind: Kind): readonly Count[] {
    return this.tallies[kind].clientsBy(client => this.clients[client]!.text)
  }

  /** Their networks. */
  networksOf(kind: Kind): readonly Count[] {
    return this.tallies[kind].clientsBy(client => this.#networkOf(client))
  }

  /** Compares with what was recorded. */
  #compare(recorded: number, is: Outcome, grounds: Grounds): void {
    const { counts } = this
    const state = stateOf(is)
    if (state === STATE.monitored) counts.monitored++
    if (state === STATE.refused && !this.hasNetworks) counts.strangers++
    else if (recorded === RECORDED.lead) counts.lead += state === STATE.blocked ? 0 : 1
    else {
      const kind = kindOf(recordedState(recorded), state)
      if (kind === undefined) return
      const ground = grounds()
      if (this.#count(kind, ground, is))
        this.#show(kind, ground, is, recordedText(recorded, ground))
    }
  }

  /** Compares with what the other rules come to. */
  #confront(was: Outcome, is: Outcome): void {
    const [before, after] = [stateOf(was), stateOf(is)]
    if (after === STATE.monitored && before !== STATE.monitored) this.counts.monitored++
    const kind = kindOf(before, after)
    if (kind === undefined) return
    const judge = this.#before!
    const ground = judge.groundOf(was)
    if (this.#count(kind, ground, is)) this.#show(kind, ground, is, outcomeText(was, judge))
  }

  /** @returns whether an example of it is wanted */
  #count(kind: Kind, groundBefore: Ground, is: Outcome): boolean {
    this.counts.changed++
    const { client, name } = this.#lookup
    const ground = kind === 'allowed' ? groundBefore : this.#after!.groundOf(is)
    return this.tallies[kind].add(ground, client, name)
  }

  #show(kind: Kind, groundBefore: Ground, is: Outcome, was: string): void {
    const after = this.#after!
    const { when, client, name, qtype } = this.#lookup
    const ground = kind === 'allowed' ? groundBefore : after.groundOf(is)
    this.tallies[kind].show(ground, {
      at: when,
      client: this.clients[client]!.text,
      name: this.names.textOf(name),
      type: showRrtype(qtype),
      was,
      is: outcomeText(is, after)
    })
  }

  /** Of the candidate rules; where these have none for the client, the one of before. */
  #networkOf(client: number): string {
    const network = this.#after!.networkOf(this.#classesAfter[client]!)
    const before = this.#before?.networkOf(this.#classesBefore[client]!)
    return network ?? before ?? this.clients[client]!.network ?? 'none'
  }

  #forget(): void {
    this.close()
    this.names.clear()
    this.#after!.clear()
    this.#before?.clear()
  }
}

function recordedState(recorded: number): number {
  if (recorded === RECORDED.refused) return STATE.refused
  return recorded === RECORDED.blocked ? STATE.blocked : STATE.open
}

/** Undefined where the client notices nothing. */
function kindOf(before: number, after: number): Kind | undefined {
  if (before === after) return undefined
  if (after === STATE.refused) return 'refused'
  if (before === STATE.refused) return 'served'
  if (after === STATE.blocked) return 'blocked'
  return before === STATE.blocked ? 'allowed' : undefined
}

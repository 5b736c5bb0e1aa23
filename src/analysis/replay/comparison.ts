import type { Seconds } from '../../base/units.js'
import { showRrtype } from '../../wire/dns/registry/rrtype.js'
import { readClient, type Client, type LoggedClient } from './logged-client.js'
import { outcomeText, recordedText } from './judgement-text.js'
import {
  Judge,
  STATE,
  judgedStateOf,
  NO_CLASS,
  type Judgement,
  type JudgedState
} from './rule-judge.js'
import {
  NO_REASON,
  RECORDED,
  type ParsedLookup,
  type Reason,
  type LookupSink,
  type RecordedState
} from './parsed-lookup.js'
import { NameInterner } from './name-interner.js'
import { OctetInterner, randomHashKey, type HashKey } from './octet-interner.js'
import { ChangeTally, type Count } from './change-tally.js'
import type { Protocol } from '../../lookups/event/query-event.js'

/**
 * How candidate rules change a lookup.
 *
 * `blocked` was answered, would be blocked
 * `allowed` was blocked, would be answered
 * `refused` client was in a network, would be in none
 * `served`  client was in no network, would be in one
 */
export const CHANGE_KINDS = ['blocked', 'allowed', 'refused', 'served'] as const
export type ChangeKind = (typeof CHANGE_KINDS)[number]

/** Returns what blocked the current lookup according to the log; parsed on demand, as few need it. */
export type GetReason = () => Reason

export interface ComparisonOptions {
  /** Judge every lookup at this time; undefined: at its own. */
  readonly at: Seconds | undefined
  /** For lookups without a time in the log. */
  readonly now: Seconds
  /** Id of the network to assume for all clients, if any. */
  readonly network: string | undefined
  /** Maximum number of examples for each rule. */
  readonly examples: number
  readonly random: () => number
}

/** Lookups that were compared, and those that could not be. */
export interface Counts {
  lookups: number
  /** Changed lookups of every kind. */
  changed: number
  /** Matched by a rule in mode `monitor`, and not so recorded. */
  monitored: number
  /** Blocked for a name or address in the answer, which the log does not have: not compared. */
  lead: number
  /** Neither an address nor a network of the rules: not compared. */
  unplaced: number
  /** Client outside every network of the rules, in a log of a program without networks. */
  strangers: number
  /** No time in the log. */
  undated: number
}

/**
 * Judges recorded lookups by candidate rules and compares the outcome with the recorded verdict, or
 * with the outcome under other rules.
 */
export class Comparison implements LookupSink {
  /** Key of every hash table here. */
  readonly salt: HashKey
  readonly names: NameInterner
  /** Ids of clients, by the fields about them in the log; index into `clients`. */
  readonly clientIds: OctetInterner
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
  readonly tallies: Readonly<Record<ChangeKind, ChangeTally>>
  /** Whether the log comes from a gateway with networks, so that it can have the verdict `refused`. */
  hasNetworks = true
  private after: Judge | undefined
  private before: Judge | undefined
  private readonly classesAfter: number[] = []
  private readonly classesBefore: number[] = []
  private readonly options: ComparisonOptions
  /** The lookup being compared. */
  private readonly current = { when: NaN, client: 0, name: 0, qtype: 0 }

  constructor(options: ComparisonOptions) {
    const { examples, random } = options
    this.options = options
    this.salt = randomHashKey(random)
    this.names = new NameInterner(this.salt)
    this.clientIds = new OctetInterner(this.salt)
    this.tallies = {
      blocked: new ChangeTally(examples),
      allowed: new ChangeTally(examples),
      refused: new ChangeTally(examples),
      served: new ChangeTally(examples)
    }
  }

  /** @param before undefined: compare with the recorded verdicts */
  judgeBy(after: Judge, before: Judge | undefined): void {
    this.after = after
    this.before = before
  }

  addLookup(lookup: ParsedLookup): string | undefined {
    const { name, client, network = '', device = '', addressNetwork = '' } = lookup
    const number = typeof name === 'string' ? this.names.idOfText(name) : this.names.idOfWire(name)
    if (number < 0) return 'not a domain name'
    const clientId = this.clientIds.idOfText(`${client}\n${network}\n${device}\n${addressNetwork}`)
    if (clientId === this.clients.length) this.addClient(lookup)
    const getReason = (): Reason => lookup.reason ?? NO_REASON
    this.add(
      lookup.at ?? NaN,
      clientId,
      number,
      lookup.qtype,
      lookup.protocol,
      lookup.recorded,
      getReason
    )
    return undefined
  }

  /** Adds a client that `clientIds` has just given the next id. */
  addClient({ client: text, device, network, addressNetwork }: LoggedClient): void {
    const client = readClient({ client: text, device, network, addressNetwork })
    this.clients.push(client)
    this.classesAfter.push(this.after!.classOf(client, this.options.network))
    this.classesBefore.push(this.before?.classOf(client, this.options.network) ?? NO_CLASS)
  }

  /**
   * Judges one lookup.
   *
   * @param when NaN if the log has no time
   */
  add(
    when: Seconds,
    client: number,
    name: number,
    qtype: number,
    protocol: Protocol,
    recorded: RecordedState,
    getReason: GetReason
  ): void {
    const { counts } = this
    const { at, now } = this.options
    counts.lookups++
    // False for NaN, without a call.
    const isDated = when === when
    if (!isDated) counts.undated++
    const time = at ?? (isDated ? when : now)
    const lookup = this.current
    lookup.when = when
    lookup.client = client
    lookup.name = name
    lookup.qtype = qtype
    const before = this.before
    const classAfter = this.classesAfter[client]!
    const classBefore = before === undefined ? classAfter : this.classesBefore[client]!
    if (classAfter === NO_CLASS || classBefore === NO_CLASS) counts.unplaced++
    else {
      const is = this.after!.outcome(name, classAfter, qtype, protocol, time)
      if (before === undefined) this.compareWithRecorded(recorded, is, getReason)
      else this.compareWithRules(before.outcome(name, classBefore, qtype, protocol, time), is)
    }
    if (this.names.isFull) this.resetNames()
  }

  /** Merges counts by id into counts by name. Call it before reading counts. */
  close(): void {
    for (const kind of CHANGE_KINDS)
      this.tallies[kind].mergeNames(number => this.names.textOf(number))
  }

  /** Clients with a change of this kind. */
  clientsOf(kind: ChangeKind): readonly Count[] {
    return this.tallies[kind].clientsBy(client => this.clients[client]!.text)
  }

  /** Networks with a change of this kind. */
  networksOf(kind: ChangeKind): readonly Count[] {
    return this.tallies[kind].clientsBy(client => this.networkOf(client))
  }

  /** Compares with the recorded verdict. */
  private compareWithRecorded(recorded: RecordedState, is: Judgement, getReason: GetReason): void {
    const { counts } = this
    const state = judgedStateOf(is)
    if (state === STATE.monitored) counts.monitored++
    if (state === STATE.refused && !this.hasNetworks) counts.strangers++
    else if (recorded === RECORDED.indirect) counts.lead += state === STATE.blocked ? 0 : 1
    else {
      const kind = changeOf(recordedState(recorded), state)
      if (kind === undefined) return
      const reason = getReason()
      if (this.countChange(kind, reason, is))
        this.addExample(kind, reason, is, recordedText(recorded, reason))
    }
  }

  /** Compares with the outcome under the other rules. */
  private compareWithRules(was: Judgement, is: Judgement): void {
    const [before, after] = [judgedStateOf(was), judgedStateOf(is)]
    if (after === STATE.monitored && before !== STATE.monitored) this.counts.monitored++
    const kind = changeOf(before, after)
    if (kind === undefined) return
    const judge = this.before!
    const reason = judge.reasonOf(was)
    if (this.countChange(kind, reason, is))
      this.addExample(kind, reason, is, outcomeText(was, judge))
  }

  /** @returns whether another example is needed */
  private countChange(kind: ChangeKind, reasonBefore: Reason, is: Judgement): boolean {
    this.counts.changed++
    const { client, name } = this.current
    const reason = kind === 'allowed' ? reasonBefore : this.after!.reasonOf(is)
    return this.tallies[kind].add(reason, client, name)
  }

  private addExample(kind: ChangeKind, reasonBefore: Reason, is: Judgement, was: string): void {
    const after = this.after!
    const { when, client, name, qtype } = this.current
    const reason = kind === 'allowed' ? reasonBefore : after.reasonOf(is)
    this.tallies[kind].addExample(reason, {
      at: when,
      client: this.clients[client]!.text,
      name: this.names.textOf(name),
      type: showRrtype(qtype),
      was,
      is: outcomeText(is, after)
    })
  }

  /** The network under the candidate rules; if there is none, under the other rules or in the log. */
  private networkOf(client: number): string {
    const network = this.after!.networkOf(this.classesAfter[client]!)
    const before = this.before?.networkOf(this.classesBefore[client]!)
    return network ?? before ?? this.clients[client]!.network ?? 'none'
  }

  private resetNames(): void {
    this.close()
    this.names.clear()
    this.after!.clear()
    this.before?.clear()
  }
}

function recordedState(recorded: RecordedState): JudgedState {
  if (recorded === RECORDED.refused) return STATE.refused
  return recorded === RECORDED.blocked ? STATE.blocked : STATE.open
}

/** Undefined if the client sees no difference. */
function changeOf(before: JudgedState, after: JudgedState): ChangeKind | undefined {
  if (before === after) return undefined
  if (after === STATE.refused) return 'refused'
  if (before === STATE.refused) return 'served'
  if (after === STATE.blocked) return 'blocked'
  return before === STATE.blocked ? 'allowed' : undefined
}

import type { Seconds } from '../../base/units.js'
import { HashedName } from '../../wire/dns/name/hashed-name.js'
import { buildClientClasses } from '../../policy/compile/client-classes.js'
import { addBans, addressClassOf } from '../../policy/evaluate/client-pair.js'
import { IdentityIndex } from '../../policy/evaluate/identity-index.js'
import { Policy } from '../../policy/evaluate/policy.js'
import type { Claim } from '../../policy/tables/claim.js'
import { networkOfClass } from '../../policy/tables/client-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { Decision } from '../../policy/tables/decision.js'
import { PROTOCOL, type Protocol } from '../../lookups/event/query-event.js'
import { isBlocked } from '../../resolver/stages/blocked-reply.js'
import type { RuleSet } from '../../policy/rules/model/types.js'
import type { Client } from './logged-client.js'
import { NO_REASON, type Reason } from './parsed-lookup.js'
import type { NameInterner } from './name-interner.js'
import type { Code } from '../../base/code.js'

export type JudgedState = Code<'judged state'>

/**
 * The outcome of a lookup under a set of rules.
 *
 * `open`      answered: no rule matches, or an exception or allow rule does
 * `blocked`   answered by the action of a ban or block
 * `monitored` answered, but a rule in mode `monitor` matches
 * `refused`   the client is outside every network
 */
export const STATE = {
  open: 0 as JudgedState,
  blocked: 1 as JudgedState,
  monitored: 2 as JudgedState,
  refused: 3 as JudgedState
} as const

/** A state in the low bits; above it the index of the deciding claim + 1 (0: none). */
export type Judgement = number

const STATE_BITS = 2
const REFUSED: Judgement = STATE.refused
/** Client class of a client whose network is unknown. */
export const NO_CLASS = -1

/** Of a client of which the log has the name. */
const NO_ADDRESS = new Uint32Array(4)

export function judgedStateOf(outcome: Judgement): JudgedState {
  return (outcome & ((1 << STATE_BITS) - 1)) as JudgedState
}

/** Slots of the outcome cache: a power of two. */
const SLOT_BITS = 19
const SLOTS = 1 << SLOT_BITS
/**
 * Words of a slot: name id, context id (0: the slot is free), outcome, unused. Four, so that no slot spans
 * two cache lines.
 */
const SLOT = 4
/** Contexts remembered at once: a power of two. */
const CONTEXT_BITS = 12
/** 2^32 divided by the golden ratio: Fibonacci hashing, the high bits are well distributed. */
const GOLDEN = 0x9e3779b1
const SPREAD_SHIFT = 32 - SLOT_BITS

/**
 * Judges recorded lookups by a set of rules, with the same `Policy` code as the workers. Caches the
 * outcome by name and client class, since most of a log repeats.
 */
export class Judge {
  readonly policy: Policy
  private readonly identities: IdentityIndex
  readonly rules: RuleSet
  private readonly names: NameInterner
  /** Whether any rule depends on the query type or the protocol; otherwise they are not in the cache key. */
  private readonly isTyped: boolean
  private readonly hasTruncate: boolean
  private readonly defaultClasses: ReadonlyMap<string, number>
  private readonly hashed = new HashedName()
  private readonly decision = new Decision()
  private readonly bans = new Decision()
  /** Classes of clients that are recognized in another network than their own, by the number of the pair. */
  private readonly pairs = new Map<number, { readonly own: number; readonly address: number }>()
  private readonly reasons: Reason[] = []
  private readonly contexts = new Int32Array(SLOT << CONTEXT_BITS)
  private lastContextId = 0
  private readonly cache = new Int32Array(SLOTS * SLOT)

  constructor(rules: RuleSet, snapshot: Snapshot, names: NameInterner) {
    this.policy = new Policy(snapshot)
    this.identities = new IdentityIndex(this.policy)
    this.rules = rules
    this.names = names
    this.isTyped = this.policy.claims.all.some(({ qtypes }) => qtypes !== undefined)
    this.hasTruncate = this.policy.claims.all.some(({ reply }) => reply?.action === 'truncate')
    this.defaultClasses = defaultClassByNetwork(rules)
  }

  /**
   * The class of a client by its address, or by its name in the rules, which can be a pair of classes; without either, the class of its network's clients that
   * no rule with prefixes of its own covers. NO_CLASS if neither is known.
   *
   * @param all id of the network to assume for all clients, if any
   */
  classOf({ text, device, words, network, addressNetwork }: Client, all?: string): number {
    if (all !== undefined) return this.defaultClasses.get(all) ?? NO_CLASS
    if (words !== undefined && device === undefined) return this.policy.classOf(words, 0)
    const recognized = this.identities.named(text, words ?? NO_ADDRESS)
    const ownClass = recognized?.clientClass ?? 0
    if (words !== undefined && ownClass !== 0)
      return this.pairOf(ownClass, recognized!.addressClass)
    const own = ownClass === 0 ? this.defaultClasses.get(network ?? '') : ownClass
    if (own === undefined) return NO_CLASS
    const ofAddress = this.defaultClasses.get(addressNetwork ?? '') ?? 0
    return this.pairOf(own, addressClassOf(this.policy.snapshot.clients, own, ofAddress))
  }

  /** Id of the network of a class, or of the client's own class of a pair; undefined if it has none. */
  networkOf(clientClass: number): string | undefined {
    const own = this.pairs.get(clientClass)?.own ?? clientClass
    return networkOfClass(this.policy.snapshot.clients, own)
  }

  /** What stands for two classes in place of one. @param address 0: none */
  private pairOf(own: number, address: number): number {
    if (address === 0) return own
    const number = this.policy.pairs.numberOf(own, address)
    this.pairs.set(number, { own, address })
    return number
  }

  claimOf(outcome: Judgement): Claim | undefined {
    return this.policy.claims.at((outcome >> STATE_BITS) - 1)
  }

  /** The deciding rule in words; the same object for the same claim. */
  reasonOf(outcome: Judgement): Reason {
    const claim = this.claimOf(outcome)
    return claim === undefined
      ? NO_REASON
      : (this.reasons[outcome >> STATE_BITS] ??= reasonOfClaim(claim))
  }

  /** Clears the cache; call it when name ids are reused. */
  clear(): void {
    this.cache.fill(0)
  }

  outcome(
    name: number,
    clientClass: number,
    qtype: number,
    protocol: Protocol,
    now: Seconds
  ): Judgement {
    if (clientClass === 0) return REFUSED
    const cache = this.cache
    const type = this.isTyped ? qtype : 0
    const asked = (type << 1) | (this.hasTruncate ? protocol : PROTOCOL.udp)
    const circumstances = this.contextId(clientClass, asked, this.policy.epochAt(now))
    // Popular names occur early and have low ids: their slots are adjacent.
    const spread = Math.imul(circumstances, GOLDEN) >>> SPREAD_SHIFT
    const at = ((name + spread) & (SLOTS - 1)) * SLOT
    if (cache[at] === name && cache[at + 1] === circumstances) return cache[at + 2]!
    const outcome = this.judge(name, clientClass, qtype, protocol, now)
    cache[at] = name
    cache[at + 1] = circumstances
    cache[at + 2] = outcome
    return outcome
  }

  /**
   * An id, from 1, for everything but the name that an outcome depends on. An evicted context gets a new id
   * when it returns; ids are never reused.
   *
   * @param epoch below 2^31: snapshots here are of generation 1, which has room for 2^20 epochs
   */
  private contextId(clientClass: number, asked: number, epoch: number): number {
    const known = this.contexts
    const hash = Math.imul(clientClass ^ (asked << 10) ^ Math.imul(epoch, GOLDEN), GOLDEN)
    const at = (hash >>> (32 - CONTEXT_BITS)) * SLOT
    if (known[at] === clientClass && known[at + 1] === asked && known[at + 2] === epoch) {
      return known[at + 3]!
    }
    known[at] = clientClass
    known[at + 1] = asked
    known[at + 2] = epoch
    return (known[at + 3] = ++this.lastContextId)
  }

  private judge(
    name: number,
    clientClass: number,
    qtype: number,
    protocol: Protocol,
    now: Seconds
  ): Judgement {
    const { policy } = this
    const hashed = this.hashed
    const decision = this.decision
    hashed.set(this.names.wireOf(name), 0, policy.seed)
    decision.clear()
    const overTcp = protocol === PROTOCOL.tcp
    const { own = clientClass, address = 0 } = this.pairs.get(clientClass) ?? {}
    policy.evaluateName(hashed, qtype, own, now, decision, overTcp)
    if (address !== 0) {
      this.bans.clearForBans()
      policy.evaluateName(hashed, qtype, address, now, this.bans, overTcp)
      addBans(policy, decision, this.bans)
    }
    const { claim, monitorClaim } = decision
    if (isBlocked(policy, decision)) return outcomeOf(STATE.blocked, claim)
    return monitorClaim === -1
      ? outcomeOf(STATE.open, claim)
      : outcomeOf(STATE.monitored, monitorClaim)
  }
}

function reasonOfClaim({ kind, ruleId, source }: Claim): Reason {
  const through = source.kind === 'inline' ? '' : `${source.kind} ${source.id}`
  return { through, by: `${kind} ${ruleId}` }
}

function outcomeOf(state: number, claim: number): Judgement {
  return ((claim + 1) << STATE_BITS) | state
}

/** For each network, the class of clients that no rule with prefixes of its own covers. */
function defaultClassByNetwork({ networks, clients }: RuleSet): ReadonlyMap<string, number> {
  const identified = new Set(clients?.clients.map(({ network }) => network))
  const { classes } = buildClientClasses(networks, identified)
  const without = ({ rules, excluded: without }: (typeof classes)[number]): number =>
    rules.length - without.size
  const plain = new Map<string, number>()
  classes.forEach((one, number) => {
    const id = networks[one.network]?.id
    if (id === undefined) return
    const known = plain.get(id)
    if (known === undefined || without(one) < without(classes[known]!)) plain.set(id, number)
  })
  return plain
}

import type { Seconds } from '../base/units.js'
import { HashedName } from '../dns/name/hashed-name.js'
import { buildClientClasses } from '../policy/compile/client-classes.js'
import { Policy } from '../policy/evaluate/policy.js'
import type { Claim } from '../policy/tables/claim.js'
import { networkOfClass } from '../policy/tables/client-table.js'
import type { Snapshot } from '../policy/tables/snapshot.js'
import { Verdict } from '../policy/tables/verdict.js'
import { PROTOCOL } from '../querylog/record/query-event.js'
import { isBlocked } from '../resolver/blocked-reply.js'
import type { RuleSet } from '../rules/model/types.js'
import type { Client } from './clients.js'
import { NO_GROUND, type Ground } from './lookup.js'
import type { Names } from './names.js'

/**
 * What rules come to for one lookup.
 *
 * `open`      it is answered as if nobody spoke: no rule does, or an exception or allow
 * `blocked`   the action of a ban or block answers
 * `monitored` it would, but only watches
 * `refused`   the client is in no network
 */
export const STATE = { open: 0, blocked: 1, monitored: 2, refused: 3 } as const

/** A state, and the number of the claim behind it + 1 (0: none) above it. */
export type Outcome = number

const STATE_BITS = 2
const REFUSED: Outcome = STATE.refused
/** Client class of one that nothing is known of. */
export const UNPLACED = -1

export function stateOf(outcome: Outcome): number {
  return outcome & ((1 << STATE_BITS) - 1)
}

/** Slots of the cache of outcomes, a power of two. */
const SLOT_BITS = 19
const SLOTS = 1 << SLOT_BITS
/** Words of a slot: name, number of the circumstances, outcome; four, so that none is in two lines. */
const SLOT = 4
/** Circumstances that are known at once, a power of two. */
const CIRCUMSTANCES_BITS = 12
/** 2^32 over the golden ratio: spreads a number over its high bits. */
const GOLDEN = 0x9e3779b1
const SPREAD_SHIFT = 32 - SLOT_BITS

/**
 * Puts recorded lookups to rules, by the very `Policy` that workers ask, and remembers what came of
 * a name for clients of one class: most of a log is the same again.
 */
export class Judge {
  readonly policy: Policy
  readonly rules: RuleSet
  readonly #names: Names
  /** Whether any rule is for some types alone, or for one protocol: else neither is part of a key. */
  readonly #isTyped: boolean
  readonly #hasTruncate: boolean
  readonly #plainClass: ReadonlyMap<string, number>
  readonly #hashed = new HashedName()
  readonly #verdict = new Verdict()
  readonly #grounds: Ground[] = []
  readonly #known = new Int32Array(SLOT << CIRCUMSTANCES_BITS)
  #numbers = 0
  readonly #cache = new Int32Array(SLOTS * SLOT).fill(-1)

  constructor(rules: RuleSet, snapshot: Snapshot, names: Names) {
    this.policy = new Policy(snapshot)
    this.rules = rules
    this.#names = names
    this.#isTyped = snapshot.claims.all.some(({ qtypes }) => qtypes !== undefined)
    this.#hasTruncate = snapshot.claims.all.some(({ reply }) => reply?.action === 'truncate')
    this.#plainClass = plainClasses(rules)
  }

  /**
   * The class of a client: by its address; where the log has none, that of its network's clients for
   * which no exception has prefixes of its own. UNPLACED: there is neither.
   *
   * @param network id of the one that all clients are to be taken for, if they are
   */
  classOf({ words, network }: Client, all?: string): number {
    if (all !== undefined) return this.#plainClass.get(all) ?? UNPLACED
    if (words !== undefined) return this.policy.classOf(words, 0)
    return network === undefined ? UNPLACED : (this.#plainClass.get(network) ?? UNPLACED)
  }

  /** Id of the network of a class; undefined: of none. */
  networkOf(clientClass: number): string | undefined {
    return networkOfClass(this.policy.snapshot.clients, clientClass)
  }

  claimOf(outcome: Outcome): Claim | undefined {
    return this.policy.claims[(outcome >> STATE_BITS) - 1]
  }

  /** What the claim behind an outcome is, for people; the same object for the same claim. */
  groundOf(outcome: Outcome): Ground {
    const claim = this.claimOf(outcome)
    return claim === undefined
      ? NO_GROUND
      : (this.#grounds[outcome >> STATE_BITS] ??= groundOf(claim))
  }

  /** Forgets what came of names whose numbers mean others now. */
  clear(): void {
    this.#cache.fill(-1)
  }

  /** @param protocol one of `PROTOCOL` */
  outcome(
    name: number,
    clientClass: number,
    qtype: number,
    protocol: number,
    now: Seconds
  ): Outcome {
    if (clientClass === 0) return REFUSED
    const cache = this.#cache
    const type = this.#isTyped ? qtype : 0
    const asked = (type << 1) | (this.#hasTruncate ? protocol : PROTOCOL.udp)
    const circumstances = this.#circumstances(clientClass, asked, this.policy.epochAt(now))
    // Names asked for most came early and have low numbers: their slots lie together.
    const spread = Math.imul(circumstances, GOLDEN) >>> SPREAD_SHIFT
    const at = ((name + spread) & (SLOTS - 1)) * SLOT
    if (cache[at] === name && cache[at + 1] === circumstances) return cache[at + 2]!
    const outcome = this.#judge(name, clientClass, qtype, protocol, now)
    cache[at] = name
    cache[at + 1] = circumstances
    cache[at + 2] = outcome
    return outcome
  }

  /**
   * A number for what an outcome depends on besides the name. One that was forgotten has another one
   * when it comes again; none is given twice.
   *
   * @param epoch below 2^31: snapshots here are of generation 1, which has room for 2^20 epochs
   */
  #circumstances(clientClass: number, asked: number, epoch: number): number {
    const known = this.#known
    const hash = Math.imul(clientClass ^ (asked << 10) ^ Math.imul(epoch, GOLDEN), GOLDEN)
    const at = (hash >>> (32 - CIRCUMSTANCES_BITS)) * SLOT
    if (known[at] === clientClass && known[at + 1] === asked && known[at + 2] === epoch) {
      return known[at + 3]!
    }
    known[at] = clientClass
    known[at + 1] = asked
    known[at + 2] = epoch
    return (known[at + 3] = ++this.#numbers)
  }

  #judge(
    name: number,
    clientClass: number,
    qtype: number,
    protocol: number,
    now: Seconds
  ): Outcome {
    const { policy } = this
    const hashed = this.#hashed
    const verdict = this.#verdict
    hashed.set(this.#names.wireOf(name), 0, policy.seed)
    verdict.clear()
    policy.evaluateName(hashed, qtype, clientClass, now, verdict)
    const { claim, monitorClaim: monitor } = verdict
    if (isBlocked(policy, verdict, protocol)) return outcomeOf(STATE.blocked, claim)
    return monitor === -1 ? outcomeOf(STATE.open, claim) : outcomeOf(STATE.monitored, monitor)
  }
}

function groundOf({ kind, ruleId, source }: Claim): Ground {
  const through = source.kind === 'inline' ? '' : `${source.kind} ${source.id}`
  return { through, by: `${kind} ${ruleId}` }
}

function outcomeOf(state: number, claim: number): Outcome {
  return ((claim + 1) << STATE_BITS) | state
}

/** Of each network, the class of clients for which nothing is that is for some clients alone. */
function plainClasses({ networks }: RuleSet): ReadonlyMap<string, number> {
  const { classes } = buildClientClasses(networks)
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

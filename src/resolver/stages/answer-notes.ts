import type { Milliseconds, Octets } from '../../base/units.js'
import type { Policy } from '../../policy/evaluate/policy.js'
import { findReplyAddresses, MAX_REPLY_ADDRESSES } from '../../wire/dns/reply/reply-addresses.js'

/** Addresses that answers led clients to. */
export interface AnswerBatch {
  /** Ids of networks. */
  readonly networks: readonly string[]
  /** For each address: index in `networks`, and its four words. */
  readonly entries: Uint32Array
  /** Whether there were more, which are not here. */
  readonly hasMissed: boolean
}

/** Words of an entry. */
export const ENTRY_WORDS = 5
const MAX_ENTRIES = 1024
/** How long entries are collected. */
const FLUSH: Milliseconds = 200
/** An address is not noted again within this time. */
const REPEAT: Milliseconds = 300_000
/** Addresses of which it is known when they were noted; a power of two. */
const RECENT = 8192
const MIX = 0x85ebca6b

/**
 * Notes down which addresses answers lead to, for networks with `egress`. It runs after the reply is written; other networks cost
 * one look at a table.
 */
export class AnswerNotes {
  /** Four words for each address of the last reply. */
  readonly found = new Uint32Array(4 * MAX_REPLY_ADDRESSES)
  private readonly entries = new Uint32Array(ENTRY_WORDS * MAX_ENTRIES)
  private count = 0
  private hasMissed = false
  private policy: Policy | undefined
  /** The latest entry of each hash, and when it was noted. */
  private readonly recent = new Uint32Array(ENTRY_WORDS * RECENT)
  private readonly recentAt = new Float64Array(RECENT).fill(-Infinity)
  private isScheduled = false

  /** @param onBatch does not wait for anything @param schedule calls back after a time */
  constructor(
    private readonly onBatch: (batch: AnswerBatch) => void,
    private readonly schedule: (flush: () => void, after: Milliseconds) => unknown
  ) {}

  /** @param clientClass by the address of the client @returns the number of addresses in `found` */
  note(
    policy: Policy,
    clientClass: number,
    octets: Uint8Array,
    at: Octets,
    length: Octets,
    now: Milliseconds
  ): number {
    if (policy !== this.policy) this.adopt(policy)
    const network = policy.snapshot.clients.networkOf[clientClass]!
    const addresses = findReplyAddresses(octets, at, length, this.found)
    for (let i = 0; i < addresses; i++) this.add(network, 4 * i, now)
    return addresses
  }

  private adopt(policy: Policy): void {
    // Indexes of networks are those of one snapshot.
    if (this.policy !== undefined) this.flush()
    this.policy = policy
    this.recentAt.fill(-Infinity)
  }

  private add(network: number, at: number, now: Milliseconds): void {
    const { found, recent, recentAt, entries } = this
    let hash = Math.imul(network, MIX)
    for (let i = 0; i < 4; i++) {
      hash = Math.imul(hash ^ found[at + i]!, MIX)
      hash ^= hash >>> 15
    }
    const slot = hash & (RECENT - 1)
    const from = ENTRY_WORDS * slot
    const isKnown =
      now - recentAt[slot]! < REPEAT &&
      recent[from] === network &&
      recent[from + 1] === found[at] &&
      recent[from + 2] === found[at + 1] &&
      recent[from + 3] === found[at + 2] &&
      recent[from + 4] === found[at + 3]
    if (isKnown) return
    if (this.count === MAX_ENTRIES) {
      this.hasMissed = true
      return
    }
    recentAt[slot] = now
    const to = ENTRY_WORDS * this.count++
    entries[to] = recent[from] = network
    for (let i = 0; i < 4; i++) entries[to + 1 + i] = recent[from + 1 + i] = found[at + i]!
    if (this.isScheduled) return
    this.isScheduled = true
    this.schedule(this.flush, FLUSH)
  }

  private readonly flush = (): void => {
    this.isScheduled = false
    const { count, hasMissed, policy } = this
    if (policy === undefined || (count === 0 && !hasMissed)) return
    const { networks } = policy.snapshot.clients
    const entries = this.entries.slice(0, ENTRY_WORDS * count)
    this.count = 0
    this.hasMissed = false
    this.onBatch({ networks, entries, hasMissed })
  }
}

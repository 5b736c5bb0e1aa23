/**
 * Cells: which claims a source gives rise to for a group of client classes. Kept as a hash table
 * of (group, source) pairs, so that memory grows with the pairs that exist (a thousand networks
 * with their own inline names would need a million empty cells else) and a look-up with nothing.
 */
export interface ClaimIndexBuffers {
  /** Open addressing, three words a slot: group (0: free), source, list. */
  readonly slots: SharedArrayBuffer
  /** `[count, (entry, order, tier) …]` as they are heard; list 0 is the empty one. */
  readonly lists: SharedArrayBuffer
}

/** In an entry: the claim has dates or hours, so it must be looked at whether it is in force. */
export const CLAIM_TIMED = 1
/** In an entry: the claim is in monitor mode, it never decides. */
export const CLAIM_MONITOR = 2
/** In an entry: the claim is for some types of questions only. */
export const CLAIM_TYPED = 4
/** In an entry: the claim says that its list does not mean the name. */
export const CLAIM_PASS = 8
/** All that an entry has but for the claim, whose number is shifted by so many bits. */
export const CLAIM_FLAGS = 15
export const CLAIM_SHIFT = 4

/** One claim of one group. */
export interface ClaimToIndex {
  readonly source: number
  readonly word: number
  /** As in `Verdict.tier`. */
  readonly tier: number
}

/** Words of a claim in a list. */
export const WORDS_PER_CLAIM = 3

const MIN_SLOTS = 16

/** One per thread; allocates nothing. */
export class ClaimIndex {
  readonly lists: Uint32Array
  private readonly slots: Uint32Array
  private readonly mask: number

  constructor(buffers: ClaimIndexBuffers) {
    this.lists = new Uint32Array(buffers.lists)
    this.slots = new Uint32Array(buffers.slots)
    this.mask = this.slots.length / 3 - 1
  }

  /** Place in `lists` of the claims of a group through a source; 0, the empty list, for none. */
  find(group: number, source: number): number {
    const slots = this.slots
    for (let slot = hash(group, source) & this.mask; ; slot = (slot + 1) & this.mask) {
      const at = 3 * slot
      if (slots[at] === 0) return 0
      if (slots[at] === group && slots[at + 1] === source) return slots[at + 2]!
    }
  }

  /** The claims in a list: for people. */
  claimsIn(list: number): IndexedClaim[] {
    return Array.from({ length: this.lists[list]! }, (_, nth) => {
      const at = list + 1 + WORDS_PER_CLAIM * nth
      const entry = this.lists[at]!
      return {
        claim: entry >>> CLAIM_SHIFT,
        passes: (entry & CLAIM_PASS) !== 0,
        order: this.lists[at + 1]!,
        tier: this.lists[at + 2]!
      }
    })
  }
}

/** One claim of one group as people see it. */
export interface IndexedClaim {
  readonly claim: number
  readonly passes: boolean
  /** Among claims on one name the lowest stands first. */
  readonly order: number
  readonly tier: number
}

/**
 * @param groups for group 1, 2 and so on: its claims as they are heard, which is by precedence but
 *   that exceptions come before the bans that they take away
 */
export function buildClaimIndex(groups: readonly (readonly ClaimToIndex[])[]): ClaimIndexBuffers {
  const lists: number[] = [0]
  const pairs: { group: number; source: number; list: number }[] = []
  groups.forEach((claims, index) => {
    const order = orderOf(claims)
    for (const [source, ranks] of bySource(claims)) {
      pairs.push({ group: index + 1, source, list: lists.length })
      lists.push(ranks.length)
      for (const rank of ranks) lists.push(claims[rank]!.word, order[rank]!, claims[rank]!.tier)
    }
  })
  const buffer = new SharedArrayBuffer(4 * lists.length)
  new Uint32Array(buffer).set(lists)
  return { slots: slotsOf(pairs), lists: buffer }
}

/** For each claim its place by tier; within one as they come. */
function orderOf(claims: readonly ClaimToIndex[]): number[] {
  const sorted = claims.map(({ tier }, rank) => ({ tier, rank })).sort((a, b) => a.tier - b.tier)
  const order: number[] = []
  sorted.forEach(({ rank }, place) => (order[rank] = place))
  return order
}

function bySource(claims: readonly ClaimToIndex[]): Map<number, number[]> {
  const result = new Map<number, number[]>()
  claims.forEach(({ source }, rank) => {
    const ranks = result.get(source)
    if (ranks === undefined) result.set(source, [rank])
    else ranks.push(rank)
  })
  return result
}

function slotsOf(
  pairs: readonly { group: number; source: number; list: number }[]
): SharedArrayBuffer {
  const count = Math.max(MIN_SLOTS, 2 ** Math.ceil(Math.log2(2 * pairs.length + 1)))
  const buffer = new SharedArrayBuffer(12 * count)
  const slots = new Uint32Array(buffer)
  for (const { group, source, list } of pairs) {
    let slot = hash(group, source) & (count - 1)
    while (slots[3 * slot] !== 0) slot = (slot + 1) & (count - 1)
    slots.set([group, source, list], 3 * slot)
  }
  return buffer
}

/** Multipliers of MurmurHash3's finish; group and source are small numbers, often in rows. */
function hash(group: number, source: number): number {
  const mixed = Math.imul(group, 0x85ebca6b) ^ Math.imul(source, 0xc2b2ae35)
  return mixed ^ (mixed >>> 15)
}

/**
 * For a group of client classes and a name source: the claims that apply, in order. A hash table of
 * (group, source) pairs uses memory for the pairs that exist only: a thousand networks, each with
 * inline names of its own, would need a million cells in a matrix, nearly all of them empty.
 */
export interface ClaimIndexBuffers {
  /** Open addressing, three words a slot: group (0: free), source, offset in `lists`. */
  readonly slots: SharedArrayBuffer
  /** `[count, (claim and flags, order, tier) …]` in order of evaluation; list 0 is empty. */
  readonly lists: SharedArrayBuffer
}

/** Flag: the claim has dates or weekly hours, so check that it is active. */
export const CLAIM_TIMED = 1
/** Flag: the claim is in monitor mode, so it never decides. */
export const CLAIM_MONITOR = 2
/** Flag: the claim applies to some query types only. */
export const CLAIM_TYPED = 4
/** Flag: a pass entry, by which a list excludes the name from what else it lists. */
export const CLAIM_PASS = 8
/** Flag: the claim does not apply over TCP, because its action is `truncate`. */
export const CLAIM_UDP_ONLY = 16
/** Flag: the claim applies over TCP only. */
export const CLAIM_TCP_ONLY = 32
/** Flag: the claim is for all queries of some clients, so that it does not apply to alias targets. */
export const CLAIM_CLIENT = 64
/** Flag: local records, which answer a name that no ban covers. */
export const CLAIM_RECORD = 128
/** All flags. The claim's number is in the bits above them. */
export const CLAIM_FLAGS = 255
export const CLAIM_SHIFT = 8

/** Words of a claim in a list. */
export const WORDS_PER_CLAIM = 3

/** A claim as the index holds it for one group of client classes. */
export interface IndexedClaim {
  readonly source: number
  /** Its number in `ClaimTable.list`. */
  readonly claim: number
  /** `CLAIM_TIMED` and so on. */
  readonly flags: number
  /** As in `Decision.tier`. */
  readonly tier: number
  /** Among the claims that match one name, the lowest order has precedence. */
  readonly order: number
}

const MIN_SLOTS = 16

/** Finds claims in shared memory. One per thread; finding allocates nothing. */
export class ClaimIndex {
  readonly lists: Uint32Array
  private readonly slots: Uint32Array
  private readonly mask: number

  constructor(buffers: ClaimIndexBuffers) {
    this.lists = new Uint32Array(buffers.lists)
    this.slots = new Uint32Array(buffers.slots)
    this.mask = this.slots.length / 3 - 1
  }

  /** Offset in `lists` of a group's claims through a source; 0, the empty list, if none. */
  find(group: number, source: number): number {
    const slots = this.slots
    for (let slot = hash(group, source) & this.mask; ; slot = (slot + 1) & this.mask) {
      const at = 3 * slot
      if (slots[at] === 0) return 0
      if (slots[at] === group && slots[at + 1] === source) return slots[at + 2]!
    }
  }

  /** A group's claims through a source, as objects; not for the hot path. */
  claimsOf(group: number, source: number): IndexedClaim[] {
    const list = this.find(group, source)
    return Array.from({ length: this.lists[list]! }, (_, nth) => {
      const at = list + 1 + WORDS_PER_CLAIM * nth
      const word = this.lists[at]!
      return {
        source,
        claim: word >>> CLAIM_SHIFT,
        flags: word & CLAIM_FLAGS,
        order: this.lists[at + 1]!,
        tier: this.lists[at + 2]!
      }
    })
  }
}

/**
 * @param groups for group 1, 2 and so on: its claims in order of evaluation, which is by precedence
 *   except that exceptions come before the bans that they remove
 */
export function buildClaimIndex(groups: readonly (readonly Unordered[])[]): ClaimIndexBuffers {
  const lists: number[] = [0]
  const pairs: { group: number; source: number; list: number }[] = []
  groups.forEach((claims, index) => {
    const orders = ordersOf(claims)
    let list = 0
    let source = -1
    for (const nth of numbersBy(claims, claim => claim.source)) {
      const { source: of, claim, flags, tier } = claims[nth]!
      if (of !== source) {
        source = of
        list = lists.push(0) - 1
        pairs.push({ group: index + 1, source, list })
      }
      lists[list]!++
      lists.push((claim << CLAIM_SHIFT) | flags, orders[nth]!, tier)
    }
  })
  const buffer = new SharedArrayBuffer(4 * lists.length)
  new Uint32Array(buffer).set(lists)
  return { slots: slotsOf(pairs), lists: buffer }
}

type Unordered = Omit<IndexedClaim, 'order'>

/** The numbers of claims, sorted by a field; with the same value, in the order given. */
function numbersBy(claims: readonly Unordered[], field: (claim: Unordered) => number): number[] {
  const isSorted = claims.every((one, i) => i === 0 || field(claims[i - 1]!) <= field(one))
  const numbers = [...claims.keys()]
  return isSorted ? numbers : numbers.sort((a, b) => field(claims[a]!) - field(claims[b]!))
}

/** The place of each claim among all when they are sorted by tier. */
function ordersOf(claims: readonly Unordered[]): number[] {
  const orders: number[] = []
  for (const [order, nth] of numbersBy(claims, ({ tier }) => tier).entries()) orders[nth] = order
  return orders
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
    slots[3 * slot] = group
    slots[3 * slot + 1] = source
    slots[3 * slot + 2] = list
  }
  return buffer
}

/** Multipliers of MurmurHash3's finalizer: group and source are small, often consecutive numbers. */
function hash(group: number, source: number): number {
  const mixed = Math.imul(group, 0x85ebca6b) ^ Math.imul(source, 0xc2b2ae35)
  return mixed ^ (mixed >>> 15)
}

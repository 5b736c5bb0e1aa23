/** Initial number of slots; doubled when more than half are in use. */
const FIRST_SLOTS = 64
/**
 * log2 of the words per slot: position in `values` plus one (0: free slot), the two keys, padding.
 */
const SLOT_BITS = 2

/**
 * A map keyed by two 32-bit integers. A `Map` keyed by a number combined from both takes three
 * times as long per lookup, because it stores such numbers and each entry as separate heap objects.
 */
export class IntPairMap<V> {
  private readonly values: V[] = []
  private slots = new Int32Array(FIRST_SLOTS << SLOT_BITS)
  private mask = FIRST_SLOTS - 1

  get size(): number {
    return this.values.length
  }

  get(a: number, b: number): V | undefined {
    const place = this.slots[this.find(a, b)]!
    return place === 0 ? undefined : this.values[place - 1]
  }

  set(a: number, b: number, value: V): void {
    const word = this.find(a, b)
    const place = this.slots[word]!
    if (place !== 0) this.values[place - 1] = value
    else {
      this.slots[word] = this.values.push(value)
      this.slots[word + 1] = a
      this.slots[word + 2] = b
      if (2 * this.size > this.mask) this.grow()
    }
  }

  clear(): void {
    this.values.length = 0
    this.slots.fill(0)
  }

  /** The first word of the slot with these keys, or of the free slot to use for them. */
  private find(a: number, b: number): number {
    const slots = this.slots
    for (let at = hashOf(a, b) & this.mask; ; at = (at + 1) & this.mask) {
      const word = at << SLOT_BITS
      if (slots[word] === 0 || (slots[word + 1] === a && slots[word + 2] === b)) return word
    }
  }

  private grow(): void {
    const old = this.slots
    this.slots = new Int32Array(2 * old.length)
    this.mask = (this.slots.length >> SLOT_BITS) - 1
    for (let word = 0; word < old.length; word += 1 << SLOT_BITS) {
      if (old[word] === 0) continue
      const to = this.find(old[word + 1]!, old[word + 2]!)
      for (let i = 0; i < 3; i++) this.slots[to + i] = old[word + i]!
    }
  }
}

/** Mixes bits as the finalizer of MurmurHash3 does. */
function hashOf(a: number, b: number): number {
  let hash = Math.imul(a ^ 0x2545f491, 0x85ebca6b) ^ b
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

import type { Seconds } from '../base/units.js'
import type { Ground } from './lookup.js'

/** Most different names that are counted one by one in one kind of change. */
const MOST_NAMES = 1 << 19

/** One changed lookup, as people see it. */
export interface Example {
  readonly at: Seconds
  readonly client: string
  readonly name: string
  readonly type: string
  readonly was: string
  readonly is: string
}

/** How many lookups of something. */
export interface Count {
  readonly what: string
  readonly lookups: number
}

/** Lookups with one ground, or of one kind of thing. */
export interface GroundCount extends Ground {
  readonly lookups: number
  readonly examples: readonly Example[]
}

/** What is counted of the lookups that change in one way. */
export class Tally {
  lookups = 0
  /** Lookups of names that were too many to be counted one by one. */
  uncounted = 0
  readonly #grounds = new Map<Ground, { lookups: number; examples: Example[] }>()
  readonly #networks = new Map<string, number>()
  readonly #clients = new Map<number, number>()
  /** By number, until numbers change their meaning; and by text. */
  readonly #numbers = new Map<number, number>()
  readonly #names = new Map<string, number>()

  /** @param most examples that are kept of each ground, each with another name */
  constructor(readonly most: number) {}

  /** @param example makes one; called only where one is wanted */
  add(ground: Ground, network: string, client: number, name: number, example: () => Example): void {
    this.lookups++
    let known = this.#grounds.get(ground)
    if (known === undefined) this.#grounds.set(ground, (known = { lookups: 0, examples: [] }))
    known.lookups++
    count(this.#networks, network)
    count(this.#clients, client)
    count(this.#numbers, name)
    if (known.examples.length < this.most && this.#numbers.get(name) === 1) {
      known.examples.push(example())
    }
  }

  /** Counts names by what they are called: their numbers are going to mean others. */
  fold(textOf: (number: number) => string): void {
    for (const [number, lookups] of this.#numbers) {
      const text = textOf(number)
      const known = this.#names.get(text)
      if (known === undefined && this.#names.size >= MOST_NAMES) this.uncounted += lookups
      else this.#names.set(text, (known ?? 0) + lookups)
    }
    this.#numbers.clear()
  }

  /** Grounds with the same words are one; the most lookups first. */
  get grounds(): readonly GroundCount[] {
    const merged = new Map<string, { -readonly [K in keyof GroundCount]: GroundCount[K] }>()
    for (const [{ through, by }, { lookups, examples }] of this.#grounds) {
      const key = `${through}\n${by}`
      const known = merged.get(key) ?? { through, by, lookups: 0, examples: [] }
      known.lookups += lookups
      known.examples = [...known.examples, ...examples].slice(0, this.most)
      merged.set(key, known)
    }
    return [...merged.values()].sort((a, b) => b.lookups - a.lookups)
  }

  get networks(): readonly Count[] {
    return sorted(this.#networks)
  }

  /** @param textOf as clients are shown */
  clients(textOf: (number: number) => string): readonly Count[] {
    const texts = new Map<string, number>()
    for (const [number, lookups] of this.#clients) {
      const text = textOf(number)
      texts.set(text, (texts.get(text) ?? 0) + lookups)
    }
    return sorted(texts)
  }

  /** After `fold`. */
  get names(): readonly Count[] {
    return sorted(this.#names)
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** The most lookups first; where there are as many, by the alphabet. */
function sorted(counts: ReadonlyMap<string, number>): Count[] {
  const all = [...counts].map(([what, lookups]) => ({ what, lookups }))
  return all.sort((a, b) => b.lookups - a.lookups || (a.what < b.what ? -1 : 1))
}

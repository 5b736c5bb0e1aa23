import type { Seconds } from '../base/units.js'
import { Counters } from './counters.js'
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
  readonly #clients = new Counters()
  /** By number, until numbers change their meaning; and by text. */
  readonly #numbers = new Counters()
  readonly #names = new Map<string, number>()

  /** @param most examples that are kept of each ground, each with another name */
  constructor(readonly most: number) {}

  /** @returns whether an example is wanted: `show` it */
  add(ground: Ground, client: number, name: number): boolean {
    this.lookups++
    let known = this.#grounds.get(ground)
    if (known === undefined) this.#grounds.set(ground, (known = { lookups: 0, examples: [] }))
    known.lookups++
    this.#clients.add(client)
    return this.#numbers.add(name) === 1 && known.examples.length < this.most
  }

  show(ground: Ground, example: Example): void {
    this.#grounds.get(ground)?.examples.push(example)
  }

  /** Counts names by what they are called: their numbers are going to mean others. */
  fold(textOf: (number: number) => string): void {
    this.#numbers.forEach((lookups, number) => {
      const text = textOf(number)
      const known = this.#names.get(text)
      if (known === undefined && this.#names.size >= MOST_NAMES) this.uncounted += lookups
      else this.#names.set(text, (known ?? 0) + lookups)
    })
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

  /** Lookups of all clients for which `textOf` has the same text. */
  clientsBy(textOf: (client: number) => string): readonly Count[] {
    const texts = new Map<string, number>()
    this.#clients.forEach((lookups, client) => {
      const text = textOf(client)
      texts.set(text, (texts.get(text) ?? 0) + lookups)
    })
    return sorted(texts)
  }

  /** After `fold`. */
  get names(): readonly Count[] {
    return sorted(this.#names)
  }
}

/** The most lookups first; where there are as many, by the alphabet. */
function sorted(counts: ReadonlyMap<string, number>): Count[] {
  const all = [...counts].map(([what, lookups]) => ({ what, lookups }))
  return all.sort((a, b) => b.lookups - a.lookups || (a.what < b.what ? -1 : 1))
}

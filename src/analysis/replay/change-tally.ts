import type { Seconds } from '../../base/units.js'
import { Counters } from './counters.js'
import type { Reason } from './parsed-lookup.js'

/** Maximum number of distinct names counted for one kind of change. */
const MOST_NAMES = 1 << 19

/** One changed lookup, as shown to the user. */
export interface Example {
  readonly at: Seconds
  readonly client: string
  readonly name: string
  readonly type: string
  readonly was: string
  readonly is: string
}

/** Number of lookups of a name, client or network. */
export interface Count {
  readonly what: string
  readonly lookups: number
}

/** Lookups changed by one rule. */
export interface ReasonCount extends Reason {
  readonly lookups: number
  readonly examples: readonly Example[]
}

/** Counts of the lookups with one kind of change. */
export class ChangeTally {
  lookups = 0
  /** Lookups of names beyond the maximum. */
  uncounted = 0
  private readonly byReason = new Map<Reason, { lookups: number; examples: Example[] }>()
  private readonly clients = new Counters()
  /** By id, until ids are reused; and by text. */
  private readonly byNameId = new Counters()
  private readonly lookupsByName = new Map<string, number>()

  /** @param maxExamples examples kept for each rule, each with another name */
  constructor(readonly maxExamples: number) {}

  /** @returns whether another example is needed: see `addExample` */
  add(reason: Reason, client: number, name: number): boolean {
    this.lookups++
    let known = this.byReason.get(reason)
    if (known === undefined) this.byReason.set(reason, (known = { lookups: 0, examples: [] }))
    known.lookups++
    this.clients.add(client)
    return this.byNameId.add(name) === 1 && known.examples.length < this.maxExamples
  }

  addExample(reason: Reason, example: Example): void {
    this.byReason.get(reason)?.examples.push(example)
  }

  /** Moves counts by id to counts by text; call it before ids are reused. */
  mergeNames(textOf: (number: number) => string): void {
    this.byNameId.forEach((lookups, number) => {
      const text = textOf(number)
      const known = this.lookupsByName.get(text)
      if (known === undefined && this.lookupsByName.size >= MOST_NAMES) this.uncounted += lookups
      else this.lookupsByName.set(text, (known ?? 0) + lookups)
    })
    this.byNameId.clear()
  }

  /** Rules with the same text are merged; most lookups first. */
  get reasons(): readonly ReasonCount[] {
    const merged = new Map<string, { -readonly [K in keyof ReasonCount]: ReasonCount[K] }>()
    for (const [{ through, by }, { lookups, examples }] of this.byReason) {
      const key = `${through}\n${by}`
      const known = merged.get(key) ?? { through, by, lookups: 0, examples: [] }
      known.lookups += lookups
      known.examples = [...known.examples, ...examples].slice(0, this.maxExamples)
      merged.set(key, known)
    }
    return [...merged.values()].sort((a, b) => b.lookups - a.lookups)
  }

  /** Lookups by client, grouped by `textOf`. */
  clientsBy(textOf: (client: number) => string): readonly Count[] {
    const texts = new Map<string, number>()
    this.clients.forEach((lookups, client) => {
      const text = textOf(client)
      texts.set(text, (texts.get(text) ?? 0) + lookups)
    })
    return sorted(texts)
  }

  /** Valid after `mergeNames`. */
  get names(): readonly Count[] {
    return sorted(this.lookupsByName)
  }
}

/** Most lookups first, then alphabetical. */
function sorted(counts: ReadonlyMap<string, number>): Count[] {
  const all = [...counts].map(([what, lookups]) => ({ what, lookups }))
  return all.sort((a, b) => b.lookups - a.lookups || (a.what < b.what ? -1 : 1))
}

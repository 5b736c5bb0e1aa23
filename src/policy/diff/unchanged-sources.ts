import { stableJson } from '../evaluate/decision.js'
import { CLAIM_PASS } from '../tables/claim-index.js'
import type { BeforeAfter, NameGroup } from './name-groups.js'
import type { SnapshotView } from './snapshot-view.js'

/**
 * What is the same in two snapshots, so that nothing that only it speaks of has to be judged: lists
 * overlap, and of a million names in twenty lists there are a hundred thousand kinds.
 */
export class UnchangedSources {
  private readonly keys: BeforeAfter<readonly (string | undefined)[]>
  private readonly known = new Map<NameGroup, ReadonlySet<string> | undefined>()

  constructor(private readonly sides: BeforeAfter<SnapshotView>) {
    this.keys = { before: keysOf(sides.before), after: keysOf(sides.after) }
  }

  /** The apps and lists that have a chain, the same ones in both; undefined: they are not. */
  sourcesOf(chain: NameGroup): ReadonlySet<string> | undefined {
    if (this.known.has(chain)) return this.known.get(chain)
    const sources = this.read(chain)
    this.known.set(chain, sources)
    return sources
  }

  private read(chain: NameGroup): ReadonlySet<string> | undefined {
    const above = chain.parent === undefined ? new Set<string>() : this.sourcesOf(chain.parent)
    if (above === undefined || chain.hasLocalData) return undefined
    const [before, after] = (['before', 'after'] as const).map(which =>
      this.sides[which].sourcesIn(chain.sets[which]).map(({ source, cover }) => {
        const key = this.keys[which][source]
        return key === undefined ? undefined : { key, text: `${key} ${cover}` }
      })
    )
    const texts = (members: typeof before): string =>
      members!
        .map(it => it?.text)
        .sort()
        .join('\n')
    const isSame = ![...before!, ...after!].includes(undefined) && texts(before) === texts(after)
    return isSame ? new Set([...above, ...before!.map(it => it!.key)]) : undefined
  }

  /** The apps and lists whose rules are the same in both for these clients, and rank the same. */
  forClients(classes: BeforeAfter<number>): ReadonlySet<string> {
    const before = this.claimsOf('before', classes.before)
    const after = this.claimsOf('after', classes.after)
    const all = new Set([...this.keys.before, ...this.keys.after].filter(key => key !== undefined))
    const steady = new Set([...all].filter(key => before.get(key)?.text === after.get(key)?.text))
    const ranked = (claims: typeof before): string =>
      [...claims]
        .filter(([key]) => steady.has(key))
        .flatMap(([key, { orders }]) => orders.map(order => ({ key, order })))
        .sort((a, b) => a.order - b.order)
        .map(({ key }) => key)
        .join('\n')
    return ranked(before) === ranked(after) ? steady : new Set()
  }

  /** What rules say through each app and list, and where that stands among the others. */
  private claimsOf(
    which: 'before' | 'after',
    clientClass: number
  ): Map<string, { readonly text: string; readonly orders: readonly number[] }> {
    const { claims } = this.sides[which].snapshot
    const found = new Map<string, { text: string; orders: number[] }>()
    for (const [source, key] of this.keys[which].entries()) {
      if (key === undefined) continue
      for (const { claim, order, tier, flags } of this.sides[which].indexedClaims(
        source,
        clientClass
      )) {
        const { kind, from, until, timetable, monitor, reply, qtypes, facts } = claims.all[claim]!
        const when = [`${from}`, `${until}`, timetable?.text]
        const text = stableJson([
          kind,
          tier,
          (flags & CLAIM_PASS) !== 0,
          when,
          monitor,
          reply,
          qtypes,
          facts
        ])
        const known = found.get(key) ?? { text: '', orders: [] }
        found.set(key, { text: known.text + text, orders: [...known.orders, order] })
      }
    }
    return found
  }
}

/** What sources are called in both; undefined for names in rules, which are called by their line. */
function keysOf({ snapshot }: SnapshotView): (string | undefined)[] {
  const keys = snapshot.sources.all.map(({ kind, id, part, isPass: passes }) =>
    kind === 'inline' ? undefined : `${kind} ${id} ${passes} ${part}`
  )
  // Two parts of a list that are called the same are not told apart by it.
  return keys.map((key, i) =>
    keys.indexOf(key) === i && keys.lastIndexOf(key) === i ? key : undefined
  )
}

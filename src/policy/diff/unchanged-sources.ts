import { stableJson } from '../evaluate/evaluator.js'
import { CLAIM_PASS } from '../tables/claim-index.js'
import { allSources } from '../tables/source-table.js'
import type { BeforeAfter, NameGroup } from './name-groups.js'
import type { SnapshotView } from './snapshot-view.js'

/**
 * Finds the apps and lists that are the same in two snapshots, so that names which only they cover
 * need not be evaluated: lists overlap, and a million names in twenty lists form a hundred thousand
 * groups.
 */
export class UnchangedSources {
  private readonly keys: BeforeAfter<readonly (string | undefined)[]>
  private readonly known = new Map<NameGroup, ReadonlySet<string> | undefined>()

  constructor(private readonly views: BeforeAfter<SnapshotView>) {
    this.keys = { before: keysOf(views.before), after: keysOf(views.after) }
  }

  /** The apps and lists that cover a group; undefined if they differ between the snapshots. */
  sourcesOf(group: NameGroup): ReadonlySet<string> | undefined {
    if (this.known.has(group)) return this.known.get(group)
    const sources = this.findSources(group)
    this.known.set(group, sources)
    return sources
  }

  private findSources(group: NameGroup): ReadonlySet<string> | undefined {
    const inherited = group.parent === undefined ? new Set<string>() : this.sourcesOf(group.parent)
    if (inherited === undefined || group.hasLocalData) return undefined
    const [before, after] = (['before', 'after'] as const).map(which =>
      this.views[which].sourcesIn(group.sets[which]).map(({ source, cover }) => {
        const key = this.keys[which][source]
        return key === undefined ? undefined : { key, text: `${key} ${cover}` }
      })
    )
    const texts = (sources: typeof before): string =>
      sources!
        .map(it => it?.text)
        .sort()
        .join('\n')
    const isSame = ![...before!, ...after!].includes(undefined) && texts(before) === texts(after)
    return isSame ? new Set([...inherited, ...before!.map(it => it!.key)]) : undefined
  }

  /** The apps and lists whose claims for these clients, and their order, are the same in both. */
  forClients(classes: BeforeAfter<number>): ReadonlySet<string> {
    const before = this.claimsOf('before', classes.before)
    const after = this.claimsOf('after', classes.after)
    const all = new Set([...this.keys.before, ...this.keys.after].filter(key => key !== undefined))
    const unchanged = new Set(
      [...all].filter(key => before.get(key)?.text === after.get(key)?.text)
    )
    const ranking = (claims: typeof before): string =>
      [...claims]
        .filter(([key]) => unchanged.has(key))
        .flatMap(([key, { orders }]) => orders.map(order => ({ key, order })))
        .sort((a, b) => a.order - b.order)
        .map(({ key }) => key)
        .join('\n')
    return ranking(before) === ranking(after) ? unchanged : new Set()
  }

  /** The content of the claims through each app and list, and their order. */
  private claimsOf(
    which: 'before' | 'after',
    clientClass: number
  ): Map<string, { readonly text: string; readonly orders: readonly number[] }> {
    const view = this.views[which]
    const found = new Map<string, { text: string; orders: number[] }>()
    for (const [source, key] of this.keys[which].entries()) {
      if (key === undefined) continue
      for (const { claim, order, tier, flags } of view.indexedClaims(source, clientClass)) {
        const { kind, from, until, timetable, monitor, reply, qtypes, facts } =
          view.evaluator.policy.claims.at(claim)!
        const when = [`${from}`, `${until}`, timetable?.text]
        const isPass = (flags & CLAIM_PASS) !== 0
        const text = stableJson([kind, tier, isPass, when, monitor, reply, qtypes, facts])
        const known = found.get(key) ?? { text: '', orders: [] }
        found.set(key, { text: known.text + text, orders: [...known.orders, order] })
      }
    }
    return found
  }
}

/** Keys that identify sources in both snapshots; undefined for inline names, which have no id. */
function keysOf({ snapshot }: SnapshotView): (string | undefined)[] {
  const keys = allSources(snapshot.sources).all.map(({ kind, id, part, isPass }) =>
    kind === 'inline' ? undefined : `${kind} ${id} ${isPass} ${part}`
  )
  // Two parts of a list with the same description have the same key, which identifies neither.
  return keys.map((key, i) =>
    keys.indexOf(key) === i && keys.lastIndexOf(key) === i ? key : undefined
  )
}

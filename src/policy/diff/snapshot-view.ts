import { COVER, type CoverCode } from '../rules/model/types.js'
import { Evaluator } from '../evaluate/evaluator.js'
import { ClaimIndex, type IndexedClaim } from '../tables/claim-index.js'
import type { Claim } from '../tables/claim.js'
import type { Snapshot } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'
import { allSources, type SourceSummary } from '../tables/source-table.js'
import type { NameGroup } from './name-groups.js'

/** One of two compared snapshots, with the claims and sources that concern a group of names. */
export class SnapshotView {
  readonly evaluator: Evaluator
  private readonly index: ClaimIndex
  private readonly sets: Int32Array

  constructor(
    readonly snapshot: Snapshot,
    private readonly which: 'before' | 'after'
  ) {
    this.evaluator = new Evaluator(snapshot)
    this.index = new ClaimIndex(snapshot.claims.index)
    this.sets = new Int32Array(snapshot.names.entries.sets)
  }

  /** The claims that may affect a group of names for clients of a class, at any time. */
  claimsOf(group: NameGroup, clientClass: number): Claim[] {
    const sources = new Set(this.sourcesOf(group).map(({ source }) => source))
    return [...sources].flatMap(source =>
      this.indexedClaims(source, clientClass).map(({ claim }) =>
        this.evaluator.policy.claims.at(claim)!
      )
    )
  }

  /** The claims through a source for clients of a class. */
  indexedClaims(source: number, clientClass: number): IndexedClaim[] {
    return this.index.claimsOf(this.snapshot.clients.groupOf[clientClass]!, source)
  }

  /** The sources in a source set; none for -1. */
  sourcesIn(set: number): { readonly source: number; readonly cover: CoverCode }[] {
    const count = set === -1 ? 0 : this.sets[set]!
    return Array.from({ length: count }, (_, nth) => {
      const ref = this.sets[set + 1 + nth]!
      return { source: sourceOf(ref), cover: coverOf(ref) }
    })
  }

  /**
   * Whether a source that satisfies `predicate` covers a group of names.
   *
   * @param below whether to test names below the group instead
   */
  has(group: NameGroup, below: boolean, predicate: (source: SourceSummary) => boolean): boolean {
    const sources = allSources(this.snapshot.sources)
    return this.sourcesOf(group).some(({ source, cover, isOwn }) => {
      const ignored = isOwn && !below ? COVER.below : COVER.exact
      return cover !== ignored && predicate(sources.at(source)!)
    })
  }

  /** Sources of a group, then of its ancestors. */
  private sourcesOf(group: NameGroup): { source: number; cover: CoverCode; isOwn: boolean }[] {
    const sources: { source: number; cover: CoverCode; isOwn: boolean }[] = []
    for (let at: NameGroup | undefined = group; at !== undefined; at = at.parent) {
      const isOwn = at === group
      sources.push(...this.sourcesIn(at.sets[this.which]).map(source => ({ ...source, isOwn })))
    }
    return sources
  }
}

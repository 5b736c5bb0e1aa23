import { COVER } from '../../rules/model/types.js'
import { Evaluator } from '../evaluate/decision.js'
import { ClaimIndex, type IndexedClaim } from '../tables/claim-index.js'
import type { Claim, Snapshot, SourceSummary } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'
import type { NameGroup } from './name-groups.js'

/** One of two snapshots that are compared, and what it says of chains. */
export class SnapshotView {
  readonly evaluator: Evaluator
  private readonly index: ClaimIndex
  private readonly sets: Int32Array

  constructor(
    readonly snapshot: Snapshot,
    private readonly which: 'before' | 'after'
  ) {
    this.evaluator = new Evaluator(snapshot)
    this.index = new ClaimIndex(snapshot.tables.cells)
    this.sets = new Int32Array(snapshot.tables.names.records.sets)
  }

  /** What may have a say in what ends a chain, for clients of a class, at some time. */
  claimsOf(chain: NameGroup, clientClass: number): Claim[] {
    const { claims, classGroups } = this.snapshot
    const group = classGroups[clientClass]!
    const sources = new Set(this.groupSources(chain).map(({ source }) => source))
    return [...sources].flatMap(source =>
      this.index.claimsIn(this.index.find(group, source)).map(({ claim }) => claims[claim]!)
    )
  }

  /** What rules say through a source to clients of a class. */
  indexedClaims(source: number, clientClass: number): IndexedClaim[] {
    const group = this.snapshot.classGroups[clientClass]!
    return this.index.claimsIn(this.index.find(group, source))
  }

  /** Who is in a member set; nobody in -1. */
  sourcesIn(set: number): { readonly source: number; readonly cover: number }[] {
    const count = set === -1 ? 0 : this.sets[set]!
    return Array.from({ length: count }, (_, nth) => {
      const member = this.sets[set + 1 + nth]!
      return { source: sourceOf(member), cover: coverOf(member) }
    })
  }

  /**
   * Whether a source has what ends a chain.
   *
   * @param below rather, what is below it
   */
  has(chain: NameGroup, below: boolean, wanted: (source: SourceSummary) => boolean): boolean {
    return this.groupSources(chain).some(({ source, cover, own }) => {
      const silent = own && !below ? COVER.below : COVER.exact
      return cover !== silent && wanted(this.snapshot.sources[source]!)
    })
  }

  /** Of a chain's sets, from the name itself upwards. */
  private groupSources(chain: NameGroup): { source: number; cover: number; own: boolean }[] {
    const members: { source: number; cover: number; own: boolean }[] = []
    for (let at: NameGroup | undefined = chain; at !== undefined; at = at.parent) {
      const own = at === chain
      members.push(...this.sourcesIn(at.sets[this.which]).map(member => ({ ...member, own })))
    }
    return members
  }
}

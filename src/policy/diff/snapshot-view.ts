import { COVER } from '../../rules/model/types.js'
import { Evaluator } from '../evaluate/decision.js'
import { ClaimIndex, type IndexedClaim } from '../tables/claim-index.js'
import type { Claim } from '../tables/claim.js'
import type { Snapshot } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'
import type { SourceSummary } from '../tables/source-table.js'
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
    this.index = new ClaimIndex(snapshot.claims.index)
    this.sets = new Int32Array(snapshot.names.entries.sets)
  }

  /** What may have a say in what ends a chain, for clients of a class, at some time. */
  claimsOf(chain: NameGroup, clientClass: number): Claim[] {
    const { claims, clients } = this.snapshot
    const group = clients.groupOf[clientClass]!
    const sources = new Set(this.groupSources(chain).map(({ source }) => source))
    return [...sources].flatMap(source =>
      this.index.claimsOf(group, source).map(({ claim }) => claims.all[claim]!)
    )
  }

  /** What rules say through a source to clients of a class. */
  indexedClaims(source: number, clientClass: number): IndexedClaim[] {
    const group = this.snapshot.clients.groupOf[clientClass]!
    return this.index.claimsOf(group, source)
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
      return cover !== silent && wanted(this.snapshot.sources.all[source]!)
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

import { COVER } from '../../rules/model/types.js'
import { Standings } from '../evaluate/standing.js'
import { Cells, type Cell } from '../tables/cells.js'
import { coverOf, sourceOf } from '../tables/member-sets.js'
import type { Claim, Snapshot, SourceSummary } from '../tables/snapshot.js'
import type { Chain } from './chains.js'

/** One of two snapshots that are compared, and what it says of chains. */
export class Side {
  readonly standings: Standings
  private readonly cells: Cells
  private readonly sets: Int32Array

  constructor(
    readonly snapshot: Snapshot,
    private readonly which: 'before' | 'after'
  ) {
    this.standings = new Standings(snapshot)
    this.cells = new Cells(snapshot.tables.cells)
    this.sets = new Int32Array(snapshot.tables.names.records.sets)
  }

  /** What may have a say in what ends a chain, for clients of a class, at some time. */
  claimsOf(chain: Chain, clientClass: number): Claim[] {
    const { claims, classGroups } = this.snapshot
    const group = classGroups[clientClass]!
    const sources = new Set(this.members(chain).map(({ source }) => source))
    return [...sources].flatMap(source =>
      this.cells.claimsIn(this.cells.find(group, source)).map(({ claim }) => claims[claim]!)
    )
  }

  /** What rules say through a source to clients of a class. */
  cellsOf(source: number, clientClass: number): Cell[] {
    const group = this.snapshot.classGroups[clientClass]!
    return this.cells.claimsIn(this.cells.find(group, source))
  }

  /** Who is in a member set; nobody in -1. */
  membersOf(set: number): { readonly source: number; readonly cover: number }[] {
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
  has(chain: Chain, below: boolean, wanted: (source: SourceSummary) => boolean): boolean {
    return this.members(chain).some(({ source, cover, own }) => {
      const silent = own && !below ? COVER.below : COVER.exact
      return cover !== silent && wanted(this.snapshot.sources[source]!)
    })
  }

  /** Of a chain's sets, from the name itself upwards. */
  private members(chain: Chain): { source: number; cover: number; own: boolean }[] {
    const members: { source: number; cover: number; own: boolean }[] = []
    for (let at: Chain | undefined = chain; at !== undefined; at = at.above) {
      const own = at === chain
      members.push(...this.membersOf(at.sets[this.which]).map(member => ({ ...member, own })))
    }
    return members
  }
}

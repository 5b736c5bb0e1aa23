import type { Seconds } from '../../base/units.js'
import type { ClaimIndexBuffers } from './claim-index.js'
import { isTimed, type Claim } from './claim.js'
import { packList, unpackList, type PackedList, type PackedListBuffers } from './packed-list.js'
import { allSources, type SourceTable } from './source-table.js'
import type { Timetable } from './timetable.js'

/** The claims of all networks, and which of them apply to whom. */
export interface ClaimTable extends PackedClaims {
  /** For a group of client classes and a source: its claims in order of precedence. */
  readonly index: ClaimIndexBuffers
  /**
   * Every instant at which the term of some rule starts or ends: epoch seconds, sorted, no
   * duplicates. Weekly hours are not in it; see `Timetable`.
   */
  readonly changeTimes: readonly Seconds[]
}

interface PackedClaims {
  /** In no particular order; a claim's number is its index here. See `allClaims`. */
  readonly list: PackedListBuffers
  readonly timed: TimedClaims
}

/** What says when claims are active, one element for each that has dates or weekly hours. */
export interface TimedClaims {
  readonly numbers: Int32Array
  readonly from: Float64Array
  readonly until: Float64Array
  /** Index in `timetables`; -1: at any hour. */
  readonly hours: Int32Array
  /** No two are equal. */
  readonly timetables: readonly Timetable[]
}

/** As stored: its source by number, its timetable by its index, -1 if it has none. */
type PackedClaim = Omit<Claim, 'source' | 'timetable'> & {
  readonly source: number
  readonly timetable: number
}

const NO_TIMETABLE = -1

export function packClaims(claims: readonly Claim[]): PackedClaims {
  const timetables = [...new Set(claims.flatMap(({ timetable }) => timetable ?? []))]
  const numbers = new Map(timetables.map((timetable, i) => [timetable, i]))
  const hoursOf = ({ timetable }: Claim): number =>
    timetable === undefined ? NO_TIMETABLE : numbers.get(timetable)!
  const list = packList(claims, (claim): PackedClaim => {
    return { ...claim, source: claim.source.index, timetable: hoursOf(claim) }
  })
  const timed = claims.filter(isTimed)
  return {
    list,
    timed: {
      numbers: Int32Array.from(claims.keys()).filter(number => isTimed(claims[number]!)),
      from: Float64Array.from(timed, ({ from }) => from),
      until: Float64Array.from(timed, ({ until }) => until),
      hours: Int32Array.from(timed, hoursOf),
      timetables
    }
  }
}

/** The claims of a snapshot, by number. */
export function allClaims({
  claims: { list, timed },
  sources
}: {
  readonly claims: PackedClaims
  readonly sources: Pick<SourceTable, 'list'>
}): PackedList<Claim> {
  const bySource = allSources(sources)
  return unpackList(list, (packed: PackedClaim): Claim => {
    const hours = packed.timetable
    const timetable = hours === NO_TIMETABLE ? undefined : timed.timetables[hours]
    return { ...packed, source: bySource.at(packed.source)!, timetable }
  })
}

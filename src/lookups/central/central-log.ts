import { relative } from 'node:path'
import { MS_PER_DAY } from '../../base/units.js'
import { IS_OBSERVED, IS_OF_CLIENT } from '../sql/lookups-sql.js'
import { type Selected } from '../sql/select-counts.js'
import { overlapsDay, type TimeRange } from '../sql/time-range.js'
import type { CountedBy } from '../sql/tally.js'
import { listCentral, type CentralFiles, type Placed } from './central-files.js'
import { selectCentralCounts, selectCentralTallies, selectForReports } from './central-sql.js'

/**
 * The logs of a fleet as SQL. It names only files of the days and the gateway that are selected, and DuckDB opens no
 * others: what is damaged elsewhere disturbs nothing, and a week costs the same however old the fleet is.
 */
export class CentralLog {
  /** Absolute paths of files that SQL has named so far. */
  private readonly named = new Set<string>()
  private readonly awaited = new Set<string>()

  private readonly files: CentralFiles

  /**
   * @param leftOut relative paths of files that are not read
   * @throws InterdictError FLEET_FOLDER
   */
  constructor(
    readonly folder: string,
    leftOut?: Pick<ReadonlySet<string>, 'has'>
  ) {
    this.files = listCentral(folder, leftOut)
  }

  get gateways(): readonly string[] {
    return this.files.gateways
  }

  /** Files that SQL has named so far, by their paths relative to the folder. */
  get read(): readonly string[] {
    return [...this.named].map(path => relative(this.folder, path))
  }

  /** Gateways of which tallies have arrived without their lookups, on days that were asked about. */
  get waiting(): readonly string[] {
    return [...this.awaited]
  }

  /** SQL source of lookups. */
  lookups(selected: Selected): string {
    return `(${selectForReports(this.lookupsOf(selected), IS_OF_CLIENT)})`
  }

  /** SQL source of answers that were validated for networks with `dnssec: observe`. */
  observed(selected: Selected): string {
    return `(${selectForReports(this.lookupsOf(selected), IS_OBSERVED)})`
  }

  /** All files of lookups of a period, the newest days first, for SQL written by others. */
  all(period: TimeRange = {}): readonly string[] {
    return this.lookupsOf(period).toReversed()
  }

  /** As `selectCounts` of one log, with the column `gateway`. */
  counts(by: CountedBy, selected: Selected): string {
    const { since = -Infinity, until = Infinity } = selected
    const tallies: string[] = []
    const others: string[] = []
    for (const { day, tally, parquet } of this.partsOf(selected)) {
      const start = Date.parse(day)
      const isWhole = start >= since && start + MS_PER_DAY <= until
      if (tally !== undefined && isWhole) tallies.push(tally)
      else if (parquet !== undefined) others.push(parquet)
    }
    const parts = [
      ...(tallies.length > 0 ? [selectCentralTallies(this.use(tallies), by)] : []),
      ...(others.length > 0 || tallies.length === 0
        ? [selectCentralCounts(this.use(others), by, selected)]
        : [])
    ]
    return parts.join(' UNION ALL ')
  }

  private lookupsOf(selected: Selected): readonly string[] {
    this.partsOf(selected)
    const files = this.files.parquet.filter(file => isSelected(file, selected))
    return this.use(files.map(({ path }) => path))
  }

  private partsOf(selected: Selected): CentralFiles['parts'] {
    const parts = this.files.parts.filter(part => isSelected(part, selected))
    for (const { gateway, isAwaited } of parts) if (isAwaited) this.awaited.add(gateway)
    return parts
  }

  private use(paths: readonly string[]): readonly string[] {
    for (const path of paths) this.named.add(path)
    return paths
  }
}

function isSelected({ day, gateway }: Placed, selected: Selected): boolean {
  const { gateway: only = gateway } = selected
  return gateway === only && overlapsDay(selected, day)
}

import { basename } from 'node:path'
import type { ParquetMetadata } from '../../lookups/archive/parquet-metadata.js'
import type { ShippedDay } from '../../lookups/archive/shipped.js'

/** A Parquet file of the archive. */
export interface LocalFile {
  readonly path: string
  readonly origin: Pick<ParquetMetadata, 'sources' | 'without'>
}

export interface DayPlan {
  /** Files to send, in this order. */
  readonly files: readonly LocalFile[]
  /** What is sent of the day once that has begun. */
  readonly day: ShippedDay
}

/**
 * Plans what of a day to send.
 *
 * A file whose lookups were not sent is added. One with lookups that were sent in another form replaces
 * everything sent of the day, as a new generation: their network has expired, or they were merged with others
 * before the centre had them. A merged file with nothing but what the centre has is not sent.
 */
export function planDay(files: readonly LocalFile[], shipped: ShippedDay): DayPlan {
  let day = shipped
  let planned: LocalFile[] = []
  for (const file of files.toSorted((a, b) => b.origin.sources.length - a.origin.sources.length)) {
    const { sources, without } = file.origin
    const sent = sources.flatMap(({ sha256 }) => day.sources[sha256] ?? [])
    const isWhole = sent.length === sources.length
    const hasExpired = sent.some(one => without.some(network => !one.without.includes(network)))
    if (isWhole && !hasExpired && sent.every(({ confirmed }) => confirmed)) continue
    // The same file again, after a crash or while the centre has not confirmed it.
    const isResumed = isWhole && sent.every(one => one.file === basename(file.path))
    if (sent.length === 0 || isResumed) {
      day = { ...day, sources: { ...day.sources, ...sentAs(file, false) } }
      planned.push(file)
    } else {
      day = { generation: day.generation + 1, sources: sentAs(file, false), tallies: [] }
      planned = [file]
    }
  }
  return { files: planned, day }
}

/** The same with the lookups of a file confirmed. */
export function withConfirmed(shipped: ShippedDay, file: LocalFile): ShippedDay {
  return { ...shipped, sources: { ...shipped.sources, ...sentAs(file, true) } }
}

function sentAs({ path, origin }: LocalFile, confirmed: boolean): ShippedDay['sources'] {
  const one = { file: basename(path), without: [...origin.without], confirmed }
  return Object.fromEntries(origin.sources.map(({ sha256 }) => [sha256, one]))
}

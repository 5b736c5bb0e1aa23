import { renameSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { renameDurably } from '../../base/files/atomic-file.js'
import { failure } from '../../base/errors/error.js'
import { SCHEMA_VERSION } from '../event/schema.js'
import type { HashedFile, SizedFile } from '../chain/chain-entry.js'
import type { Chain } from '../chain/chain.js'
import type { Database } from './database.js'
import { digestFile, firstAndLastTime } from '../files/file-digest.js'
import type { DigestPipeline, LinesDigest } from '../files/lines-digest.js'
import { FOREIGN, type LogLayout } from '../files/log-layout.js'
import { COLUMNS, orderByTime, IS_LOOKUP, quotedList, readLines } from '../sql/lookups-sql.js'
import { copyToParquet, parquetMetadata, type SourceFile } from './parquet-metadata.js'

/**
 * Converts a closed file to Parquet: one file per UTC day that it has lookups of. The JSON Lines
 * file is removed only when all of them are on the disk under their final names; until then it
 * alone counts (see `openLogFiles`), so that the conversion simply restarts after a crash.
 *
 * @param workFolder for incomplete files, on the same file system
 * @param digests of the files to convert
 * @param chain records the conversion
 * @throws InterdictError ARCHIVE_SQL, ARCHIVE_NEWER, CHAIN_ALTERED, CHAIN_WRITE; system errors
 */
export async function convert(
  database: Database,
  layout: LogLayout,
  closed: string,
  workFolder: string,
  digests: DigestPipeline,
  chain: Chain | undefined
): Promise<SourceFile> {
  const path = join(layout.folder, closed)
  const digest = await digests.get(path)
  const { sortedPath, longest } = digest
  const from = readLines(quotedList([sortedPath ?? path]), longest)
  const work = { database, layout, closed, workFolder, from, isInOrder: sortedPath !== undefined }
  try {
    return await replaceWithParquet(work, path, digest, chain)
  } finally {
    digests.release(digest)
  }
}

async function replaceWithParquet(
  work: Conversion,
  path: string,
  { sha256, octets, lines }: LinesDigest,
  chain: Chain | undefined
): Promise<SourceFile> {
  const { closed } = work
  const original = { file: closed, sha256 }
  chain?.assertUnaltered(original)
  const { source, files } =
    (await convertSingleDay(work, path, { file: closed, sha256, records: lines, foreign: 0 })) ??
    (await convertByDay(work, path, original, lines))
  // Not a query log, but someone may want it: keep it under another name.
  if (source.records === 0 && lines > 0) {
    chain?.recordReplacement([original], [{ file: closed + FOREIGN, sha256, octets }])
    renameSync(path, path + FOREIGN)
    return source
  }
  chain?.recordReplacement([original], files)
  rmSync(path)
  return source
}

interface Conversion {
  readonly database: Database
  readonly layout: LogLayout
  readonly closed: string
  readonly workFolder: string
  /** SQL that reads its lines. */
  readonly from: string
  /** Whether its lines are sorted by time. */
  readonly isInOrder: boolean
}

interface Converted {
  readonly source: SourceFile
  readonly files: readonly SizedFile[]
}

/**
 * Converts a file that has only lookups of a single day, as most have: it is read once, without
 * finding its days first. Whether it has other lines is known after writing; undefined in that
 * case.
 */
async function convertSingleDay(
  work: Conversion,
  path: string,
  source: SourceFile
): Promise<Converted | undefined> {
  const { first, last } = firstAndLastTime(path)
  const [day, other] = [first, last].map(time => dayAt(time))
  if (day === undefined || day !== other) return undefined
  const written = await writePart(work, day, source)
  return written === source.records ? { source, files: [await publishPart(work, day)] } : undefined
}

/** @throws InterdictError ARCHIVE_SQL, ARCHIVE_NEWER; the system's errors */
async function convertByDay(
  work: Conversion,
  path: string,
  original: HashedFile,
  lines: number
): Promise<Converted> {
  const days = await daysOf(work.database, work.from)
  const records = days.reduce((sum, day) => sum + day.records, 0)
  const source = { ...original, records, foreign: lines - records }
  if (source.foreign > 0) await rejectNewerSchema(work.database, work.from, path)
  const files: SizedFile[] = []
  for (const { day } of days) {
    await writePart(work, day, source)
    files.push(await publishPart(work, day))
  }
  return { source, files }
}

function dayAt(time: string | undefined): string | undefined {
  const at = Date.parse(time ?? '')
  return Number.isNaN(at) ? undefined : new Date(at).toISOString().slice(0, 10)
}

const temporaryPath = ({ layout, closed, workFolder }: Conversion): string =>
  join(workFolder, layout.parquetOf(closed))

/** @returns the number of lookups of the day */
async function writePart(work: Conversion, day: string, source: SourceFile): Promise<number> {
  const rows = `SELECT ${COLUMNS} FROM ${work.from} WHERE ${IS_LOOKUP} AND time::DATE = '${day}'`
  const sorted = work.isInOrder ? rows : orderByTime(rows)
  return work.database.copy(
    copyToParquet(sorted, temporaryPath(work), parquetMetadata([source]), 'few')
  )
}

async function publishPart(work: Conversion, day: string): Promise<SizedFile> {
  const { layout, closed } = work
  const place = join(layout.archiveFolder, `day=${day}`, layout.parquetOf(closed))
  const digest = await digestFile(temporaryPath(work))
  renameDurably(temporaryPath(work), place)
  return { file: relative(layout.folder, place), ...digest }
}

async function daysOf(
  database: Database,
  from: string
): Promise<readonly { day: string; records: number }[]> {
  return database.rows<{ day: string; records: number }>(
    `SELECT time::DATE::VARCHAR AS day, count(*) AS records FROM ${from} WHERE ${IS_LOOKUP} GROUP BY day ORDER BY day`
  )
}

/** Lines of a newer schema need a newer program: converting them here would lose fields. */
async function rejectNewerSchema(database: Database, from: string, path: string): Promise<void> {
  const [row] = await database.rows(`SELECT max(v) AS v FROM ${from}`)
  const version = row?.v
  if (typeof version === 'number' && version > SCHEMA_VERSION)
    throw failure('ARCHIVE_NEWER', path, version)
}

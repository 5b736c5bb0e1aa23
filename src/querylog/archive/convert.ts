import { renameSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { renameDurably } from '../../base/atomic-file.js'
import { failure } from '../../base/error.js'
import { SCHEMA_VERSION } from '../record/schema.js'
import type { Chain } from './chain/chain.js'
import type { NamedFile, SizedFile } from './chain/chain-entry.js'
import type { Database } from './database.js'
import { digestFile, timesIn } from './digest.js'
import { FOREIGN, type LogNames } from './log-layout.js'
import type { DigestsAhead, LinesDigest } from './lines-digest.js'
import { COLUMNS, inTime, IS_LOOKUP, quotedList, readLines } from './lookups-sql.js'
import { copyTo, originOf, type Source } from './parquet-metadata.js'

/**
 * Makes Parquet of a closed file: one for each UTC day that it has lookups of. Only when all of
 * them are on the disk under their names, the lines are removed; until then the lines count, and
 * nothing else: see `holdLog`. So what a crash leaves is made anew.
 *
 * @param making a folder for half-made files, on the same file system
 * @param digests of the files that are converted
 * @param chain that is told what became of it
 * @throws InterdictError ARCHIVE_SQL, ARCHIVE_NEWER, CHAIN_ALTERED, CHAIN_WRITE; the system's errors
 */
export async function convert(
  database: Database,
  names: LogNames,
  closed: string,
  making: string,
  digests: DigestsAhead,
  chain: Chain | undefined
): Promise<Source> {
  const path = join(names.folder, closed)
  const digest = await digests.of(path)
  const { inOrder, longest } = digest
  const from = readLines(quotedList([inOrder ?? path]), longest)
  const work = { database, names, closed, making, from, isInOrder: inOrder !== undefined }
  try {
    return await replaceLines(work, path, digest, chain)
  } finally {
    digests.release(digest)
  }
}

async function replaceLines(
  work: Work,
  path: string,
  { sha256, octets, lines }: LinesDigest,
  chain: Chain | undefined
): Promise<Source> {
  const { closed } = work
  const original = { file: closed, sha256 }
  chain?.expect(original)
  const { source, made } =
    (await ofOneDay(work, path, { file: closed, sha256, records: lines, foreign: 0 })) ??
    (await ofDays(work, path, original, lines))
  // Whatever it is, somebody may want it.
  if (source.records === 0 && lines > 0) {
    chain?.replaced([original], [{ file: closed + FOREIGN, sha256, octets }])
    renameSync(path, path + FOREIGN)
    return source
  }
  chain?.replaced([original], made)
  rmSync(path)
  return source
}

interface Work {
  readonly database: Database
  readonly names: LogNames
  readonly closed: string
  readonly making: string
  /** Its lines, in SQL. */
  readonly from: string
  /** Whether these are in the order of time. */
  readonly isInOrder: boolean
}

interface Made {
  readonly source: Source
  readonly made: readonly SizedFile[]
}

/**
 * Most files have lookups of one day, and nothing else: then lines are read once, and not for their days
 * first. It is known when they are written. Undefined: this file is not like that.
 */
async function ofOneDay(work: Work, path: string, source: Source): Promise<Made | undefined> {
  const { first, last } = timesIn(path)
  const [day, other] = [first, last].map(time => dayAt(time))
  if (day === undefined || day !== other) return undefined
  const written = await write(work, day, source)
  return written === source.records ? { source, made: [await put(work, day)] } : undefined
}

/** @throws InterdictError ARCHIVE_SQL, ARCHIVE_NEWER; the system's errors */
async function ofDays(work: Work, path: string, original: NamedFile, lines: number): Promise<Made> {
  const days = await daysOf(work.database, work.from)
  const records = days.reduce((sum, day) => sum + day.records, 0)
  const source = { ...original, records, foreign: lines - records }
  if (source.foreign > 0) await refuseNewer(work.database, work.from, path)
  const made: SizedFile[] = []
  for (const { day } of days) {
    await write(work, day, source)
    made.push(await put(work, day))
  }
  return { source, made }
}

function dayAt(time: string | undefined): string | undefined {
  const at = Date.parse(time ?? '')
  return Number.isNaN(at) ? undefined : new Date(at).toISOString().slice(0, 10)
}

const partOf = ({ names, closed, making }: Work): string => join(making, names.parquetOf(closed))

/** @returns how many lookups of the day there were */
async function write(work: Work, day: string, source: Source): Promise<number> {
  const rows = `SELECT ${COLUMNS} FROM ${work.from} WHERE ${IS_LOOKUP} AND time::DATE = '${day}'`
  const sorted = work.isInOrder ? rows : inTime(rows)
  return work.database.copy(copyTo(sorted, partOf(work), originOf([source]), 'few'))
}

async function put(work: Work, day: string): Promise<SizedFile> {
  const { names, closed } = work
  const place = join(names.archive, `day=${day}`, names.parquetOf(closed))
  const digest = await digestFile(partOf(work))
  renameDurably(partOf(work), place)
  return { file: relative(names.folder, place), ...digest }
}

async function daysOf(
  database: Database,
  from: string
): Promise<readonly { day: string; records: number }[]> {
  return database.rows<{ day: string; records: number }>(
    `SELECT time::DATE::VARCHAR AS day, count(*) AS records FROM ${from} WHERE ${IS_LOOKUP} GROUP BY day ORDER BY day`
  )
}

/** Lines of a newer schema are for a newer program: they would be lost here. */
async function refuseNewer(database: Database, from: string, path: string): Promise<void> {
  const [row] = await database.rows(`SELECT max(v) AS v FROM ${from}`)
  const version = row?.v
  if (typeof version === 'number' && version > SCHEMA_VERSION)
    throw failure('ARCHIVE_NEWER', path, version)
}

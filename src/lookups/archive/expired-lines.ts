import { closeSync, createReadStream, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { renameDurably } from '../../base/files/atomic-file.js'
import type { Octets } from '../../base/units.js'
import type { Chain } from '../chain/chain.js'
import { digestFile } from '../files/file-digest.js'
import type { LogLayout } from '../files/log-layout.js'
import { closedDay, expiredOn, removeFiles, type RetentionContext } from './retention.js'
import type { Day } from '../files/log-layout.js'

const CHUNK: Octets = 1024 * 1024
const NEWLINE = 0x0a

/**
 * Removes expired lines from a closed file that is not converted to Parquet. The file is rewritten
 * and replaced atomically, or removed if no line remains.
 *
 * @param workFolder for incomplete files, on the same file system
 * @returns the number of removed lines
 * @throws InterdictError CHAIN_ALTERED, CHAIN_WRITE; system errors
 */
export async function removeExpiredLines(
  { layout, retention, chain, log }: RetentionContext,
  file: string,
  today: Day,
  workFolder: string
): Promise<number> {
  const path = join(layout.folder, file)
  const closed = closedDay(layout, file)
  const isExpired = (line: string): boolean => {
    const { day = closed, network } = dayAndNetwork(line)
    const expired = expiredOn(day, today, retention)
    return expired === 'all' || (network !== undefined && expired.includes(network))
  }
  // Usually there is nothing to do, and then nothing is written.
  if (!(await anyLine(path, isExpired))) return 0
  const original = { file, sha256: (await digestFile(path)).sha256 }
  chain?.assertUnaltered(original)
  mkdirSync(workFolder, { recursive: true })
  const temporary = join(workFolder, 'lines')
  const { kept, removed } = await copyLines(path, temporary, line => !isExpired(line))
  if (kept === 0) removeFiles(layout, chain, [file], 'days')
  else await replaceFile(layout, chain, original, temporary)
  rmSync(temporary, { force: true })
  log.info(
    { file, lines: removed, left: kept },
    'expired lines removed from a closed query log file'
  )
  return removed
}

/** The chain is written first; until the file is replaced, its previous digest is still valid. */
async function replaceFile(
  layout: LogLayout,
  chain: Chain | undefined,
  original: { readonly file: string; readonly sha256: string },
  temporary: string
): Promise<void> {
  chain?.recordReplacement([original], [{ file: original.file, ...(await digestFile(temporary)) }])
  renameDurably(temporary, join(layout.folder, original.file))
}

/** Empty for a line that is not a lookup. */
function dayAndNetwork(line: string): { readonly day?: Day; readonly network?: string } {
  try {
    const { time, network } = JSON.parse(line) as Readonly<Record<string, unknown>>
    if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) return {}
    const day = new Date(time).toISOString().slice(0, 10)
    return typeof network === 'string' ? { day, network } : { day }
  } catch {
    return {}
  }
}

async function anyLine(path: string, matches: (line: string) => boolean): Promise<boolean> {
  for await (const octets of readLines(path)) if (matches(octets.toString())) return true
  return false
}

async function copyLines(
  path: string,
  temporary: string,
  matches: (line: string) => boolean
): Promise<{ kept: number; removed: number }> {
  const counts = { kept: 0, removed: 0 }
  const file = openSync(temporary, 'w', 0o640)
  try {
    let block: Buffer[] = []
    let size = 0
    const flush = (): void => {
      const octets = Buffer.concat(block)
      for (let at = 0; at < octets.length;) at += writeSync(file, octets, at)
      block = []
      size = 0
    }
    for await (const octets of readLines(path)) {
      if (!matches(octets.toString())) counts.removed++
      else {
        counts.kept++
        block.push(octets)
        size += octets.length
        if (size > CHUNK) flush()
      }
    }
    flush()
  } finally {
    closeSync(file)
  }
  return counts
}

/** Includes line ends; lines may have any length. */
async function* readLines(path: string): AsyncGenerator<Buffer> {
  let partial: Buffer[] = []
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
    const octets = chunk as Buffer
    let start = 0
    for (let end = octets.indexOf(NEWLINE); end >= 0; end = octets.indexOf(NEWLINE, start)) {
      const line = octets.subarray(start, end + 1)
      yield partial.length === 0 ? line : Buffer.concat([...partial, line])
      partial = []
      start = end + 1
    }
    if (start < octets.length) partial.push(octets.subarray(start))
  }
  if (partial.length > 0) yield Buffer.concat(partial)
}

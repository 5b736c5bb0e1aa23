import { closeSync, createReadStream, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { renameDurably } from '../../base/atomic-file.js'
import type { Octets } from '../../base/units.js'
import type { Chain } from './chain/chain.js'
import { digestFile } from './digest.js'
import type { LogLayout } from './log-layout.js'
import { closedDay, expiredOn, removeFiles, type Day, type RetentionContext } from './retention.js'

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
  { names, retention: keep, chain, log }: RetentionContext,
  file: string,
  today: Day,
  workFolder: string
): Promise<number> {
  const path = join(names.folder, file)
  const closed = closedDay(names, file)
  const isOver = (line: string): boolean => {
    const { day = closed, network } = dayAndNetwork(line)
    const over = expiredOn(day, today, keep)
    return over === 'all' || (network !== undefined && over.includes(network))
  }
  // Usually there is nothing to do, and then nothing is written.
  if (!(await anyLine(path, isOver))) return 0
  const original = { file, sha256: (await digestFile(path)).sha256 }
  chain?.assertUnaltered(original)
  mkdirSync(workFolder, { recursive: true })
  const part = join(workFolder, 'lines')
  const { kept, gone } = await copyLines(path, part, line => !isOver(line))
  if (kept === 0) removeFiles(names, chain, [file], 'days')
  else await replaceFile(names, chain, original, part)
  rmSync(part, { force: true })
  log.info({ file, lines: gone, left: kept }, 'lines of the query log are over, and removed')
  return gone
}

/** The chain is written first; until the file is replaced, its previous digest is still valid. */
async function replaceFile(
  names: LogLayout,
  chain: Chain | undefined,
  original: { readonly file: string; readonly sha256: string },
  part: string
): Promise<void> {
  chain?.recordReplacement([original], [{ file: original.file, ...(await digestFile(part)) }])
  renameDurably(part, join(names.folder, original.file))
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

async function anyLine(path: string, wanted: (line: string) => boolean): Promise<boolean> {
  for await (const octets of readLines(path)) if (wanted(octets.toString())) return true
  return false
}

async function copyLines(
  path: string,
  part: string,
  wanted: (line: string) => boolean
): Promise<{ kept: number; gone: number }> {
  const sums = { kept: 0, gone: 0 }
  const file = openSync(part, 'w', 0o640)
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
      if (!wanted(octets.toString())) sums.gone++
      else {
        sums.kept++
        block.push(octets)
        size += octets.length
        if (size > CHUNK) flush()
      }
    }
    flush()
  } finally {
    closeSync(file)
  }
  return sums
}

/** Includes line ends; lines may have any length. */
async function* readLines(path: string): AsyncGenerator<Buffer> {
  let begun: Buffer[] = []
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
    const octets = chunk as Buffer
    let start = 0
    for (let end = octets.indexOf(NEWLINE); end >= 0; end = octets.indexOf(NEWLINE, start)) {
      const rest = octets.subarray(start, end + 1)
      yield begun.length === 0 ? rest : Buffer.concat([...begun, rest])
      begun = []
      start = end + 1
    }
    if (start < octets.length) begun.push(octets.subarray(start))
  }
  if (begun.length > 0) yield Buffer.concat(begun)
}

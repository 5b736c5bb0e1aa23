import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { CHAIN_FILE, parseEntry } from '../../../lookups/chain/chain-entry.js'
import { digestFile } from '../../../lookups/files/file-digest.js'
import { allFiles, isTally, LogLayout } from '../../../lookups/files/log-layout.js'
import { parseReceipts, WITNESS_FILE } from '../../../lookups/witness/receipts.js'
import type { MissingTime } from '../../../analysis/evidence/enforcement.js'

/** A file of the log that the pack is made of. */
interface LogFileDigest {
  readonly file: string
  readonly sha256: string
  readonly octets: number
  /** Whether lines are still added to it. */
  readonly open: boolean
}

/** What proves the log: its chain, and its files as they were read. */
export interface LogProof {
  /** Undefined: there is none. */
  readonly chain: string | undefined
  /** Receipts of its witnesses; undefined: there are none. */
  readonly receipts: string | undefined
  readonly files: readonly LogFileDigest[]
  /** Times of files that the chain has and that are not there. */
  readonly missing: readonly MissingTime[]
}

/** @param path of the live file @throws InterdictError CHAIN_READ */
export async function logProof(path: string): Promise<LogProof> {
  const layout = new LogLayout(path)
  const chainPath = join(layout.folder, CHAIN_FILE)
  try {
    const receiptsPath = join(layout.folder, WITNESS_FILE)
    const receipts = existsSync(receiptsPath)
      ? receiptLines(readFileSync(receiptsPath, 'utf8'))
      : undefined
    // After the receipts, since it grows first.
    const chain = existsSync(chainPath) ? wholeLines(readFileSync(chainPath, 'utf8')) : undefined
    const files: LogFileDigest[] = []
    for (const file of allFiles(layout)) {
      if (isTally(file)) continue
      files.push({ file, ...(await digestFile(join(layout.folder, file))), open: false })
    }
    if (existsSync(path)) {
      const digest = await digestFile(path)
      files.push({ file: layout.liveName, ...digest, open: true })
    }
    const there = new Set(files.map(({ file }) => file))
    return {
      chain,
      receipts,
      files,
      missing: chain === undefined ? [] : missingTimes(chain, there)
    }
  } catch (error) {
    throw failure('CHAIN_READ', dirname(path), reasonOf(error))
  }
}

/** The gateway may be writing the last one. */
function wholeLines(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1)
}

/** Without what a crash has left. */
function receiptLines(text: string): string {
  return parseReceipts(text)
    .map(receipt => `${JSON.stringify(receipt)}\n`)
    .join('')
}

/** Times of lookups that the chain has, and no file. */
function missingTimes(chain: string, there: ReadonlySet<string>): MissingTime[] {
  const times = new Map<string, MissingTime>()
  const missing: MissingTime[] = []
  for (const line of chain.split('\n')) {
    const entry = parseEntry(line)?.entry
    switch (entry?.kind) {
      case 'file':
        if (entry.first !== undefined && entry.last !== undefined) {
          const [from, until] = [Date.parse(entry.first), Date.parse(entry.last) + 1]
          times.set(entry.file, { from, until })
        }
        break
      case 'replaced': {
        const of = entry.files.flatMap(({ file }) => times.get(file) ?? [])
        for (const { file } of entry.files) times.delete(file)
        if (of.length === 0) break
        const from = Math.min(...of.map(one => one.from))
        const until = Math.max(...of.map(one => one.until))
        for (const { file } of entry.by) if (!isTally(file)) times.set(file, { from, until })
        break
      }
      case 'removed':
        for (const { file } of entry.files) {
          missing.push(...[times.get(file)].filter(time => time !== undefined))
          times.delete(file)
        }
        break
      case 'start':
      case 'checkpoint':
      case undefined:
    }
  }
  for (const [file, time] of times) if (!there.has(file)) missing.push(time)
  return missing
}

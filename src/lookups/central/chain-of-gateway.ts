import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEntry, type ChainEntry } from '../chain/chain-entry.js'
import type { Day } from '../files/log-layout.js'
import { segmentPath, segmentsOf, type LinesKind } from './central-layout.js'

const DAY = /\/day=(\d{4}-\d{2}-\d{2})$/

/** The lines of one chain, or of one file of receipts, that have arrived. */
export interface ArrivedChain {
  /** SHA-256 of its first line. */
  readonly first: string
  /** Complete lines from the first one on, up to a gap if there is one. */
  readonly octets: Buffer
  /** The first line that is not here although later ones are; undefined: none. */
  readonly gap: number | undefined
}

/** Puts the segments of a gateway together. Throws the system error. */
export function arrivedChains(
  folder: string,
  gateway: string,
  kind: LinesKind = 'chains'
): ArrivedChain[] {
  const chains = new Map<string, { lines: string[]; gap: number | undefined }>()
  for (const segment of segmentsOf(folder, gateway, kind)) {
    const { first, from, to } = segment
    const chain = chains.get(first) ?? { lines: [], gap: undefined }
    chains.set(first, chain)
    const known = chain.lines.length
    if (to <= known || chain.gap !== undefined) continue
    if (from > known + 1) chain.gap = known + 1
    else {
      const text = readFileSync(join(folder, segmentPath(segment)), 'utf8')
      chain.lines.push(...text.split('\n').slice(known + 1 - from, to + 1 - from))
    }
  }
  return [...chains].map(([first, { lines, gap }]) => {
    return { first, gap, octets: Buffer.from(lines.map(line => `${line}\n`).join('')) }
  })
}

/** What the entries of verified chains say of Parquet files and tallies. */
export class RecordedFiles {
  /** Folder of each Parquet file and tally by SHA-256: `archive/day=2026-11-27`. */
  readonly folders = new Map<string, string>()
  /** When each Parquet file was made. */
  readonly made = new Map<string, string>()
  /** What each was made of, if that were Parquet files, and whether rows were left out. */
  private readonly origins = new Map<string, { readonly of: readonly string[]; whole: boolean }>()
  private readonly replaced = new Set<string>()
  readonly removed = new Map<string, string>()

  add(octets: Buffer): void {
    for (const line of octets.toString().split('\n')) {
      const entry = parseEntry(line)?.entry
      if (entry !== undefined) this.apply(entry)
    }
  }

  private apply(entry: ChainEntry): void {
    if (entry.kind === 'start') for (const file of entry.found) this.make(file, entry.time)
    if (entry.kind === 'removed')
      for (const { sha256 } of entry.files) this.removed.set(sha256, entry.why)
    if (entry.kind !== 'replaced') return
    const of = entry.files.filter(({ file }) => isParquet(file)).map(({ sha256 }) => sha256)
    for (const sha256 of of) this.replaced.add(sha256)
    for (const file of entry.by) {
      this.make(file, entry.time)
      if (of.length > 0) this.origins.set(file.sha256, { of, whole: entry.without === undefined })
    }
  }

  private make({ file, sha256 }: { readonly file: string; readonly sha256: string }, at: string) {
    this.folders.set(sha256, file.slice(0, file.lastIndexOf('/')))
    if (isParquet(file)) this.made.set(sha256, at)
  }

  /** The newest day of the lookups in any Parquet file; undefined: none. */
  get lastDay(): Day | undefined {
    const days = [...this.made.keys()].flatMap(one => DAY.exec(this.folders.get(one)!)?.[1] ?? [])
    return days.sort().at(-1)
  }

  /** Parquet files that should be at the centre, and are not there in any form. */
  missing(isThere: (sha256: string) => boolean): string[] {
    const isCovered = (sha256: string): boolean => {
      if (isThere(sha256)) return true
      const origin = this.origins.get(sha256)
      return origin?.whole === true && origin.of.every(isCovered)
    }
    return [...this.made.keys()].filter(sha256 => !this.replaced.has(sha256) && !isCovered(sha256))
  }
}

const isParquet = (file: string): boolean => file.endsWith('.parquet')

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Day } from '../files/log-layout.js'
import { contentOf, HISTORIES, isHistoryFile } from './history-layout.js'

/**
 * The folder with the query logs of a fleet, partitioned as Hive does:
 *
 *     day=2026-11-27/gateway=brussels-1/0-<SHA-256>.parquet   lookups
 *     day=2026-11-27/gateway=brussels-1/0-<SHA-256>.tally     counts of the lookups in that file
 *     chains/brussels-1/<SHA-256>-1-17.jsonl                  lines 1 to 17 of the chain of this first line
 *     receipts/brussels-1/<SHA-256>-1-17.jsonl                likewise of the receipts of its witnesses
 *
 * Histories of rules are beside them: see `history-layout.ts`. The names of files follow from their content, so that writing one again changes nothing. The number is the
 * generation: files of the highest one of a day and gateway replace all others there.
 */
const DAY = /^day=(\d{4}-\d{2}-\d{2})$/
const GATEWAY = /^gateway=([a-z0-9][a-z0-9-]{0,62})$/
const FILE = /^(\d{1,9})-([0-9a-f]{64})\.(parquet|tally)$/
const SEGMENT = /^([0-9a-f]{64})-(\d{1,15})-(\d{1,15})\.jsonl$/
const LINES = ['chains', 'receipts'] as const
/** Names of gateways, as in `gateway/config/fleet-schema.ts`. */
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/

export type CentralKind = 'parquet' | 'tally'

/** A file of lookups, or its tally. */
export interface CentralFile {
  readonly day: Day
  readonly gateway: string
  readonly generation: number
  /** Of the Parquet file, also for its tally. */
  readonly parquet: string
  readonly kind: CentralKind
}

/** Files of a gateway that grow, and arrive line by line. */
export type LinesKind = (typeof LINES)[number]

/** Lines of a chain, or of its receipts. */
export interface ChainSegment {
  readonly kind: LinesKind
  readonly gateway: string
  /** SHA-256 of the first line of the file. */
  readonly first: string
  readonly from: number
  readonly to: number
}

/** Path relative to the central folder, with `/` on every system. */
export function centralPath({ day, gateway, generation, parquet, kind }: CentralFile): string {
  return `day=${day}/gateway=${gateway}/${generation}-${parquet}.${kind}`
}

export function segmentPath({ kind, gateway, first, from, to }: ChainSegment): string {
  return `${kind}/${gateway}/${first}-${from}-${to}.jsonl`
}

/** The gateway that a path relative to the central folder belongs to; undefined: no such path may exist. */
export function gatewayOf(path: string): string | undefined {
  const [top = '', middle = '', name = '', ...more] = path.split('/')
  if (more.length > 0) return undefined
  if (isLinesKind(top)) return NAME.test(middle) && SEGMENT.test(name) ? middle : undefined
  if (top === HISTORIES) return NAME.test(middle) && isHistoryFile(name) ? middle : undefined
  return DAY.test(top) && FILE.test(name) ? GATEWAY.exec(middle)?.[1] : undefined
}

const isLinesKind = (folder: string): folder is LinesKind =>
  (LINES as readonly string[]).includes(folder)

/** Whether a gateway may write a file: its own, or a content, which is verified by its name. */
export const mayWrite = (gateway: string, path: string): boolean =>
  gatewayOf(path) === gateway || contentOf(path) !== undefined

/** A file of lookups by its path; undefined: another file. */
export function parseCentralPath(path: string): CentralFile | undefined {
  const [top = '', middle = '', name = ''] = path.split('/')
  const [day, gateway] = [DAY.exec(top)?.[1], GATEWAY.exec(middle)?.[1]]
  const [, generation, parquet, kind] = FILE.exec(name) ?? []
  if (day === undefined || gateway === undefined || parquet === undefined) return undefined
  return { day, gateway, generation: Number(generation), parquet, kind: kind as CentralKind }
}

/** Files of a day and gateway, all generations. Throws the system error. */
export function filesIn(folder: string, day: Day, gateway: string): CentralFile[] {
  return listFolder(join(folder, `day=${day}`, `gateway=${gateway}`)).flatMap(
    name => parseCentralPath(`day=${day}/gateway=${gateway}/${name}`) ?? []
  )
}

/** All files, by day and gateway. Throws the system error. */
export function* centralFiles(folder: string): Generator<CentralFile[]> {
  for (const top of listFolder(folder)) {
    const day = DAY.exec(top)?.[1]
    if (day === undefined) continue
    for (const middle of listFolder(join(folder, top))) {
      const gateway = GATEWAY.exec(middle)?.[1]
      if (gateway !== undefined) yield filesIn(folder, day, gateway)
    }
  }
}

/** The files of the highest generation. */
export function newestOf(files: readonly CentralFile[]): readonly CentralFile[] {
  const newest = Math.max(0, ...files.map(({ generation }) => generation))
  return files.filter(({ generation }) => generation === newest)
}

/** Gateways that have sent lines of their chain. Throws the system error. */
export function chainedGateways(folder: string): string[] {
  return listFolder(join(folder, 'chains')).filter(name => NAME.test(name))
}

/** Gateways that have sent their history of rules. Throws the system error. */
export function gatewaysWithHistory(folder: string): string[] {
  return listFolder(join(folder, HISTORIES)).filter(name => NAME.test(name))
}

/** Names of the files of a gateway's history, sorted. Throws the system error. */
export function historyFiles(folder: string, gateway: string): string[] {
  return listFolder(join(folder, HISTORIES, gateway)).filter(isHistoryFile)
}

/** Segments of the chains or receipts of a gateway, in order. Throws the system error. */
export function segmentsOf(folder: string, gateway: string, kind: LinesKind): ChainSegment[] {
  const all = listFolder(join(folder, kind, gateway)).flatMap((name): ChainSegment[] => {
    const [, first, from, to] = SEGMENT.exec(name) ?? []
    if (first === undefined) return []
    return [{ kind, gateway, first, from: Number(from), to: Number(to) }]
  })
  return all.sort((a, b) => a.from - b.from || b.to - a.to)
}

/** Sorted; empty if the folder does not exist. */
function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}

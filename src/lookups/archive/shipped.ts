import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { activeParquetOfDay, type LogLayout } from '../files/log-layout.js'
import { readOrigin } from './parquet-origin.js'
import type { Day } from '../files/log-layout.js'

/** Beside the archive: which of its files the centre of the fleet has. */
const FILE = 'shipped.json'

/** Lookups of one closed file, as they were sent to the centre. */
const sentSchema = z.strictObject({
  /** Name of the Parquet file that had them. */
  file: z.string(),
  /** Networks whose rows were removed before. */
  without: z.array(z.string()),
  /** Whether the centre has confirmed them; otherwise they may have arrived or not. */
  confirmed: z.boolean()
})

const daySchema = z.strictObject({
  /** Files of a higher generation replace all files of lower ones. */
  generation: z.int().min(0),
  /** By SHA-256 of the closed file. */
  sources: z.record(z.string(), sentSchema),
  /** Names at the centre of tallies that it has confirmed. */
  tallies: z.array(z.string())
})
export type ShippedDay = z.output<typeof daySchema>

const linesSchema = z.strictObject({ first: z.string(), lines: z.int().min(0) })
const NO_LINES: z.output<typeof linesSchema> = { first: '', lines: 0 }

const shippedSchema = z.strictObject({
  version: z.literal(1),
  /** `fleet.logs.to`: another destination has nothing yet. */
  to: z.string(),
  /** Confirmed lines of the chain that starts with a line of this SHA-256. */
  chain: linesSchema,
  /** Likewise of the receipts of its witnesses. */
  receipts: linesSchema.default(NO_LINES),
  days: z.record(z.string(), daySchema)
})
export type Shipped = z.output<typeof shippedSchema>

export const NO_DAY: ShippedDay = { generation: 0, sources: {}, tallies: [] }

export const shippedPath = ({ archiveFolder }: LogLayout): string => join(archiveFolder, FILE)

/** @throws InterdictError FLEET_LOGS_STATE */
export function readShipped(layout: LogLayout, to: string): Shipped {
  const empty: Shipped = { version: 1, to, chain: NO_LINES, receipts: NO_LINES, days: {} }
  const path = shippedPath(layout)
  try {
    const shipped = shippedSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
    return shipped.to === to ? shipped : empty
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return empty
    const why = error instanceof z.ZodError ? 'invalid' : reasonOf(error)
    throw failure('FLEET_LOGS_STATE', path, why)
  }
}

/** Throws the system error. */
export function writeShipped(layout: LogLayout, shipped: Shipped): void {
  writeFileAtomic(shippedPath(layout), `${JSON.stringify(shipped)}\n`, {
    mode: 0o640,
    folderMode: 0o750
  })
}

/** Whether the centre has confirmed every lookup of a day that is in the archive. */
export function isShipped(layout: LogLayout, shipped: Shipped, day: Day): boolean {
  const { sources } = shipped.days[day] ?? NO_DAY
  return activeParquetOfDay(layout, day).every(path =>
    (readOrigin(path)?.sources ?? []).every(({ sha256 }) => sources[sha256]?.confirmed === true)
  )
}

import { join } from 'node:path'
import * as z from 'zod'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { readBoundedFileSync } from '../../../base/files/bounded-file.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { ServiceLog } from '../../../base/log/service-log.js'
import { MS_PER_DAY, type Milliseconds, type Octets } from '../../../base/units.js'
import type { Counters } from '../../channel/wire.js'
import { countersOf, countersRow, rowOf } from '../traffic-counts.js'

const MS_PER_HOUR: Milliseconds = MS_PER_DAY / 24
const HOURS_PER_WEEK = 168
/** An hour of 10,000 gateways takes about 1 MB. */
const MAX_FILE: Octets = 64 * 1024 * 1024
/** Hours kept in memory: rollouts need the current one, and for a moment the one before. */
const MAX_HOURS = 3

/** Hours since 1970. */
export const hourOf = (at: Milliseconds): number => Math.floor(at / MS_PER_HOUR)

const baseline = z.tuple([z.int().nullable(), countersRow])
const fileSchema = z.strictObject({
  version: z.literal(1),
  gateways: z.record(z.string(), baseline)
})

interface Hour {
  readonly gateways: Map<string, z.output<typeof baseline>>
  isChanged: boolean
}

/**
 * What each gateway counted in each hour of the week under a bundle that was done: what a new bundle is compared with.
 * One file for each of the 168 hours, in UTC, which is replaced a week later.
 */
export class Baselines {
  /** By hour of the week, the least recently used first. */
  private readonly hours = new Map<number, Hour>()

  constructor(
    private readonly folder: string,
    private readonly log: ServiceLog
  ) {}

  /** @param hour since 1970 @returns undefined: none with this bundle */
  get(gateway: string, hour: number, serial: number | null): Counters | undefined {
    const found = this.hour(hour).gateways.get(gateway)
    return found?.[0] === serial ? countersOf(found[1]) : undefined
  }

  put(gateway: string, hour: number, serial: number | null, counts: Counters): void {
    const at = this.hour(hour)
    at.gateways.set(gateway, [serial, rowOf(counts)])
    at.isChanged = true
  }

  /** Writes what has changed. A disk that is full is logged: old figures are worse, but none are wrong. */
  save(): void {
    for (const [number, hour] of this.hours) if (hour.isChanged) this.write(number, hour)
  }

  private hour(hour: number): Hour {
    const number = hour % HOURS_PER_WEEK
    const found = this.hours.get(number) ?? { gateways: this.read(number), isChanged: false }
    this.hours.delete(number)
    this.hours.set(number, found)
    if (this.hours.size > MAX_HOURS) {
      const [oldest, surplus] = this.hours.entries().next().value!
      if (surplus.isChanged) this.write(oldest, surplus)
      this.hours.delete(oldest)
    }
    return found
  }

  private path(number: number): string {
    return join(this.folder, `${String(number).padStart(3, '0')}.json`)
  }

  private read(number: number): Hour['gateways'] {
    const path = this.path(number)
    try {
      const { gateways } = fileSchema.parse(
        JSON.parse(readBoundedFileSync(path, MAX_FILE).toString())
      )
      return new Map(Object.entries(gateways))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.log.warn({ path, error: reasonOf(error, path) }, 'baseline not read: it begins again')
      return new Map()
    }
  }

  private write(number: number, hour: Hour): void {
    const path = this.path(number)
    try {
      const text = JSON.stringify({ version: 1, gateways: Object.fromEntries(hour.gateways) })
      writeFileAtomic(path, text, { mode: 0o600, folderMode: 0o700 })
      hour.isChanged = false
    } catch (error) {
      this.log.warn({ path, error: reasonOf(error, path) }, 'baseline not written; retrying')
    }
  }
}

import { join } from 'node:path'
import * as z from 'zod'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { readBoundedFileSync } from '../../../base/files/bounded-file.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { ServiceLog } from '../../../base/log/service-log.js'
import type { Clock } from '../../../base/time/clock.js'
import type { Octets } from '../../../base/units.js'
import type { Counters } from '../../channel/wire.js'
import { Baselines, hourOf } from './baselines.js'
import type { HubState, Rollout } from '../hub-state.js'
import type { Counted, NetworkCounts } from '../inventory.js'
import { RecentTraffic, recentSchema, type EndedHour } from './recent-traffic.js'
import { RingWatch, watchSchema, type StoredWatch } from './ring-watch.js'
import { NO_COUNTERS } from '../traffic-counts.js'

const MAX_FILE: Octets = 256 * 1024 * 1024

const recentFileSchema = z.strictObject({ version: z.literal(1), gateways: recentSchema })

export interface TrafficOptions {
  /** Of the hub. */
  readonly folder: string
  readonly clock: Clock
  readonly log: ServiceLog
  readonly rings: () => HubState['rings']
}

/** What the fleet counts: lately, in each hour of the week, and in each ring since it got its bundle. */
export class Traffic {
  private readonly baselines: Baselines
  private readonly recent = new RecentTraffic(ended => this.onHour(ended))
  private readonly watches = new Map<string, RingWatch>()
  private isChanged = false

  constructor(private readonly options: TrafficOptions) {
    const { folder, log, rings } = options
    this.baselines = new Baselines(join(folder, 'baselines'), log)
    const recent = this.read('recent.json', recentFileSchema)
    if (recent !== undefined) this.recent.restore(recent.gateways)
    for (const [ring, { serial, since }] of Object.entries(rings())) {
      const stored = this.read(join('watches', `${ring}.json`), watchSchema)
      if (stored?.serial === serial && stored.since === since)
        this.watches.set(ring, RingWatch.restore(stored))
    }
  }

  /** Undefined: the ring has no bundle, or the file was lost. */
  watchOf(ring: string): RingWatch | undefined {
    const watch = this.watches.get(ring)
    const rollout = this.options.rings()[ring]
    return watch?.start.serial === rollout?.serial && watch?.start.since === rollout?.since
      ? watch
      : undefined
  }

  add(counted: Counted): void {
    const { gateway, ring, serial } = counted
    const hour = hourOf(this.options.clock.wall())
    this.isChanged = true
    this.recent.add(counted, hour)
    for (const [watched, watch] of this.watches) {
      const { start } = watch
      if (ring === watched) {
        const runsIt = serial === start.serial && counted.isSteady
        const usual = runsIt ? this.usualOf(gateway, hour, watch) : undefined
        watch.add(runsIt ? counted : withoutCounts(counted), false, usual)
      } else if (start.later.includes(ring) && counted.isSteady && this.isUnchanging(ring))
        watch.add(counted, true, start.before.get(gateway))
    }
  }

  /**
   * Begins to watch a ring that gets a bundle.
   *
   * @param rollout the new one @param previous of the ring @param members of the ring, which report
   * @throws InterdictError HUB_STATE
   */
  begin(
    ring: string,
    rollout: Pick<Rollout, 'serial' | 'since' | 'done'>,
    previous: Rollout | undefined,
    gateways: {
      readonly members: readonly string[]
      readonly later: readonly string[]
      readonly others: readonly string[]
    }
  ): void {
    const { serial, since, done } = rollout
    const { members, later, others } = gateways
    // A bundle that was not done is no measure for the next one: what it was to be compared with remains.
    const isMeasure = previous === undefined || previous.phase === 'done'
    const old = isMeasure ? undefined : this.watches.get(ring)?.start
    const before = new Map<string, Counters>()
    for (const name of members) {
      const counts = isMeasure ? this.recent.before(name, previous?.serial) : old?.before.get(name)
      if (counts !== undefined) before.set(name, counts)
    }
    for (const name of others) {
      const counts = this.recent.before(name)
      if (counts !== undefined) before.set(name, counts)
    }
    const networksBefore = isMeasure
      ? this.recent.networksBefore(ring, previous?.serial)
      : (old?.networksBefore ?? new Map<string, NetworkCounts>())
    const watch = new RingWatch({
      ...{ serial, since, done, members, later, before, networksBefore }
    })
    this.write(join('watches', `${ring}.json`), watch.toJSON())
    this.watches.set(ring, watch)
  }

  /** Watches of rings whose rollout is not decided, for another hub. */
  get undecided(): Record<string, StoredWatch> {
    const rings = Object.entries(this.options.rings()).filter(
      ([, { phase }]) => phase === 'soaking'
    )
    return Object.fromEntries(
      rings.flatMap(([ring]) => {
        const watch = this.watchOf(ring)
        return watch === undefined ? [] : [[ring, watch.toJSON()] as const]
      })
    )
  }

  /** Continues watches of another hub, for rings that are not watched here. */
  continue(watches: Readonly<Record<string, StoredWatch>>): void {
    for (const [ring, stored] of Object.entries(watches)) {
      if (this.watchOf(ring) !== undefined) continue
      this.watches.set(ring, RingWatch.restore(stored))
      this.isChanged = true
    }
  }

  /** Writes what a restart needs. Each minute, and at the end. */
  save(): void {
    if (!this.isChanged) return
    try {
      for (const [ring, watch] of this.watches) {
        if (this.options.rings()[ring]?.phase === 'soaking')
          this.write(join('watches', `${ring}.json`), watch.toJSON())
      }
      this.write('recent.json', { version: 1, gateways: this.recent.toJSON() })
      this.isChanged = false
    } catch (error) {
      this.options.log.warn({ error: reasonOf(error, '') }, 'counts not written; retrying')
    }
    this.baselines.save()
  }

  private usualOf(gateway: string, hour: number, { start }: RingWatch): Counters | undefined {
    return this.baselines.get(gateway, hour, start.done) ?? start.before.get(gateway)
  }

  /** Whether the bundle of a ring is not being changed. */
  private isUnchanging(ring: string): boolean {
    const rollout = this.options.rings()[ring]
    return rollout === undefined || rollout.phase === 'done'
  }

  private onHour({ gateway, ring, hour, serial, counts }: EndedHour): void {
    const rollout = this.options.rings()[ring]
    const isDone = rollout === undefined || (rollout.phase === 'done' && rollout.serial === serial)
    if (isDone && counts.lookups > 0) this.baselines.put(gateway, hour, serial, counts)
  }

  private read<S extends z.ZodType>(file: string, schema: S): z.output<S> | undefined {
    const path = join(this.options.folder, file)
    try {
      return schema.parse(JSON.parse(readBoundedFileSync(path, MAX_FILE).toString()))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.options.log.warn({ path, error: reasonOf(error, path) }, 'counts not read')
      return undefined
    }
  }

  private write(file: string, value: unknown): void {
    const path = join(this.options.folder, file)
    try {
      writeFileAtomic(path, JSON.stringify(value), { mode: 0o600, folderMode: 0o700 })
    } catch (error) {
      throw failure('HUB_STATE', path, reasonOf(error))
    }
  }
}

const withoutCounts = (counted: Counted): Counted => ({
  ...counted,
  counts: NO_COUNTERS,
  networks: {}
})

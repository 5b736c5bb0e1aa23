import { join } from 'node:path'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import * as z from 'zod'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { readBoundedFile, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'
import { MAX_FILE } from '../../sources/bundle/manifest.js'

/**
 * What the hub must not lose, in `state.json`, and the published bundles beside it. Two hubs share it through NATS
 * (`pair/leadership.ts`); this is the copy of one of them.
 */

const MAX_STATE: Octets = 512 * 1024 * 1024
/** Bundles kept, those that a ring runs besides. */
const MAX_BUNDLES = 20
const MAX_EVENTS = 500

const instant = z.iso.datetime()
const serial = z.int().min(1)

const changed = z.strictObject({
  what: z.string().max(300),
  newlyBlocked: z.int().min(0),
  newlyAllowed: z.int().min(0)
})

/** What a bundle was expected to do, by recorded lookups. */
export const forecastSchema = z.strictObject({
  lookups: z.int().min(0),
  /** Lookups that the previous rules answer and the rules of the bundle block; and the reverse. */
  newlyBlocked: z.int().min(0),
  newlyAllowed: z.int().min(0),
  /** The networks, clients and names with the most changed lookups. */
  networks: z.array(changed).max(20),
  clients: z.array(changed).max(20),
  names: z.array(changed).max(20)
})
export type Forecast = z.output<typeof forecastSchema>

const bundleSchema = z.strictObject({
  serial,
  /** Of the file. */
  sha256: z.string(),
  size: z.int(),
  file: z.string(),
  published: instant,
  by: z.string(),
  /** Bans of its rules. Times in seconds since 1970; null: no end. */
  bans: z.array(
    z.strictObject({
      id: z.string(),
      mode: z.enum(['enforce', 'monitor']),
      from: z.number().nullable(),
      until: z.number().nullable()
    })
  ),
  forecast: forecastSchema.nullable(),
  /** Serial whose rules it repeats. */
  rollback: serial.nullable(),
  /** Version of the root of trust when it was published; 0: there was none. */
  root: z.int().min(0).default(0),
  /** Rings in which it was done. */
  done: z.array(z.string()).default([])
})
export type PublishedBundle = z.output<typeof bundleSchema>

const rolloutSchema = z.strictObject({
  serial,
  since: instant,
  by: z.string(),
  /** `soaking`: watched; `done`: within the band for the set time; `halted`: see `why`. */
  phase: z.enum(['soaking', 'done', 'halted']),
  why: z.string().nullable(),
  /** Since when all is within the band; null: it is not. */
  within: instant.nullable(),
  /** Without waiting for the previous ring. */
  now: z.boolean(),
  /** Gateways that were not ready before. */
  unready: z.array(z.string()),
  /** The last bundle of the ring that was done; null: none was. */
  done: serial.nullable().default(null)
})
export type Rollout = z.output<typeof rolloutSchema>

export const stateSchema = z.strictObject({
  version: z.literal(1),
  /** Increased whenever a hub takes the lead; with `number`, says which of two copies is newer. */
  epoch: z.int().min(0).default(0),
  /** Increased with each change. */
  number: z.int().min(0).default(0),
  /** The hub that wrote it; null: it is from a version without a second hub. */
  leader: z.string().nullable().default(null),
  /** Names of the hubs of the fleet. */
  hubs: z.array(z.string()).default([]),
  bundles: z.array(bundleSchema),
  /** All roots of trust that were published, as in their files; empty: none was. */
  roots: z.string().default(''),
  rings: z.record(z.string(), rolloutSchema),
  gateways: z.record(
    z.string(),
    z.strictObject({
      key: z.string(),
      /** Public key of its account at NATS; null: it enrolled with a version that had none, and has to enrol again. */
      account: z.string().nullable().prefault(null),
      ring: z.string(),
      enrolled: instant,
      revoked: instant.nullable()
    })
  ),
  /**
   * What is revoked, by public key: accounts of gateways, also of those that enrolled again, and users of tokens. Seconds
   * since 1970.
   */
  revocations: z.record(z.string(), z.int()),
  /** Enrolment tokens that were not used yet, by the SHA-256 of their secret. */
  tokens: z.record(
    z.string(),
    z.strictObject({
      name: z.string(),
      ring: z.string(),
      expires: instant,
      /** Public key of its user at NATS. */
      user: z.string().optional()
    })
  ),
  /** What NATS was last given: values of rings, and SHA-256 of bundles by file. */
  delivered: z
    .strictObject({
      rings: z.record(z.string(), z.string()),
      bundles: z.record(z.string(), z.string())
    })
    .prefault({ rings: {}, bundles: {} }),
  events: z.array(z.strictObject({ at: instant, by: z.string(), what: z.string() }))
})
export type HubState = z.output<typeof stateSchema>

const EMPTY: HubState = {
  version: 1,
  epoch: 0,
  number: 0,
  leader: null,
  hubs: [],
  bundles: [],
  roots: '',
  rings: {},
  gateways: {},
  revocations: {},
  tokens: {},
  delivered: { rings: {}, bundles: {} },
  events: []
}

export class StateStore {
  /** Throws if this hub may not change the state now. */
  guard: () => void = () => undefined
  private readonly path: string
  private readonly bundles: string
  private current: HubState

  /** @throws InterdictError HUB_STATE */
  constructor(private readonly folder: string) {
    this.path = join(folder, 'state.json')
    this.bundles = join(folder, 'bundles')
    this.current = this.read()
    mkdirSync(this.bundles, { recursive: true, mode: 0o700 })
  }

  get state(): HubState {
    return this.current
  }

  /** Replaces parts of the state, once they are on the disk. @throws InterdictError HUB_STATE, HUB_STANDBY */
  update(change: Partial<HubState>): void {
    this.guard()
    this.replace({ ...this.current, ...change, number: this.current.number + 1 })
  }

  /** Replaces the state by that of another hub, or of another epoch. @throws InterdictError HUB_STATE */
  replace(next: HubState): void {
    this.write(this.path, JSON.stringify(next))
    this.current = next
  }

  /** Keeps a copy of the state before it is replaced. @returns its path @throws InterdictError HUB_STATE */
  keepPrevious(): string {
    const path = join(this.folder, 'state.previous.json')
    this.write(path, JSON.stringify(this.current))
    return path
  }

  /** An event for the journal of the hub. */
  event(by: string, what: string): HubState['events'] {
    const at = new Date().toISOString()
    return [...this.current.events, { at, by, what }].slice(-MAX_EVENTS)
  }

  /** Stores the file of a bundle. @throws InterdictError HUB_STATE */
  store(file: string, octets: Uint8Array): void {
    this.write(join(this.bundles, file), octets)
  }

  /** True if the file of a bundle is here. */
  has({ file, size }: PublishedBundle): boolean {
    return statSync(join(this.bundles, file), { throwIfNoEntry: false })?.size === size
  }

  /** Deletes files of bundles that the state does not name. */
  removeSurplus(): void {
    const kept = new Set(this.current.bundles.map(({ file }) => file))
    for (const file of readdirSync(this.bundles))
      if (!kept.has(file)) rmSync(join(this.bundles, file), { force: true })
  }

  /** @throws an error of the system */
  load({ file }: PublishedBundle): Promise<Uint8Array> {
    return readBoundedFile(join(this.bundles, file), MAX_FILE)
  }

  /** As `load`, blocking. */
  loadSync({ file }: PublishedBundle): Uint8Array {
    return readBoundedFileSync(join(this.bundles, file), MAX_FILE)
  }

  /** Bundles without those that nobody needs, whose files are deleted. */
  pruned(bundles: readonly PublishedBundle[]): PublishedBundle[] {
    const used = new Set(
      Object.values(this.current.rings).flatMap(({ serial, done }) => [serial, done])
    )
    const surplus = bundles.slice(0, -MAX_BUNDLES).filter(one => !used.has(one.serial))
    for (const { file } of surplus) rmSync(join(this.bundles, file), { force: true })
    return bundles.filter(one => !surplus.includes(one))
  }

  private read(): HubState {
    let text: string
    try {
      text = readBoundedFileSync(this.path, MAX_STATE).toString()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY
      throw failure('HUB_STATE', this.path, reasonOf(error))
    }
    const read = stateSchema.safeParse(parseJson(text))
    if (read.success) return read.data
    throw failure('HUB_STATE', this.path, 'it is damaged; restore it from a backup')
  }

  private write(path: string, octets: Uint8Array | string): void {
    try {
      writeFileAtomic(path, octets, { mode: 0o600, folderMode: 0o700 })
    } catch (error) {
      throw failure('HUB_STATE', path, reasonOf(error))
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import * as z from 'zod'
import { reasonOf } from '../../../base/errors/reason.js'
import type { ServiceLog } from '../../../base/log/service-log.js'
import type { Octets } from '../../../base/units.js'
import { stateSchema, type HubState, type PublishedBundle, type StateStore } from '../hub-state.js'
import { watchSchema, type StoredWatch } from '../judge/ring-watch.js'
import type { Register } from './register.js'
import { blobsOf, hasBlob, type SharedBucket } from './shared-bucket.js'

const MAX_STATE: Octets = 512 * 1024 * 1024
/** Fast: the state of thousands of gateways is written with each change. */
const LEVEL = 1

/** State, and what the gateways of undecided rings have counted. */
const documentSchema = z.strictObject({
  state: stateSchema,
  watches: z.record(z.string(), watchSchema)
})
export type SharedDocument = z.output<typeof documentSchema>

export interface SharedStateOptions {
  readonly store: StateStore
  readonly log: ServiceLog
  readonly watches: () => Record<string, StoredWatch>
}

type Packed = Pick<Register, 'sha256' | 'size'>

const stateBlob = (sha256: string): string => `state.${sha256}`
const bundleBlob = ({ file }: PublishedBundle): string => `bundle.${file}`
const sha256Of = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex')

/** The state and the files of bundles in the bucket that hubs share. Throws errors of NATS. */
export class SharedState {
  /** Bundles that the bucket has. */
  private readonly stored = new Set<string>()
  /** What could not be read here, and was logged. */
  private readonly logged = new Set<string>()
  private uploading: Promise<void> | undefined

  constructor(private readonly options: SharedStateOptions) {}

  /** Writes a state. @returns what the register has to name */
  async upload(bucket: SharedBucket, state: HubState): Promise<Packed> {
    const document: SharedDocument = { state, watches: this.options.watches() }
    const octets = await promisify(gzip)(JSON.stringify(document), { level: LEVEL })
    const sha256 = sha256Of(octets)
    await bucket.putBlob(stateBlob(sha256), octets)
    return { sha256, size: octets.length }
  }

  /** Undefined: it is not there, or not what the register names. */
  async download(
    bucket: SharedBucket,
    { sha256, size }: Packed
  ): Promise<SharedDocument | undefined> {
    const octets = await bucket.blob(stateBlob(sha256), size)
    if (octets === undefined || sha256Of(octets) !== sha256) return undefined
    const text = await promisify(gunzip)(octets, { maxOutputLength: MAX_STATE })
    return documentSchema.parse(JSON.parse(text.toString()))
  }

  /** True if the bucket has all bundles of a state. */
  hasBundles({ bundles }: HubState): boolean {
    return bundles.every(({ file }) => this.stored.has(file))
  }

  /** Writes the bundles that the bucket does not have. */
  uploadBundles(bucket: SharedBucket): Promise<void> {
    this.uploading ??= this.uploadMissing(bucket).finally(() => {
      this.uploading = undefined
    })
    return this.uploading
  }

  /** Fetches bundles that are not in the folder of this hub. @returns whether all are there */
  async downloadBundles(bucket: SharedBucket): Promise<boolean> {
    const { store } = this.options
    const missing = store.state.bundles.filter(one => !store.has(one))
    let isComplete = true
    for (const one of missing) {
      const octets = await bucket.blob(bundleBlob(one), one.size)
      if (octets !== undefined && sha256Of(octets) === one.sha256) store.store(one.file, octets)
      else isComplete = false
    }
    return isComplete
  }

  /**
   * Compares the bucket with what it should have; missing bundles are written again by `uploadBundles`.
   *
   * @returns whether the state that the register names is there
   */
  isWhole(keys: ReadonlySet<string>, register: Packed): boolean {
    this.stored.clear()
    for (const one of this.options.store.state.bundles)
      if (hasBlob(keys, bundleBlob(one), one.size)) this.stored.add(one.file)
    return hasBlob(keys, stateBlob(register.sha256), register.size)
  }

  /** Removes states and bundles that nothing names. */
  async removeSurplus(
    bucket: SharedBucket,
    keys: ReadonlySet<string>,
    current: Packed,
    state: HubState
  ): Promise<void> {
    const kept = new Set([stateBlob(current.sha256), ...state.bundles.map(bundleBlob)])
    for (const name of blobsOf(keys)) if (!kept.has(name)) await bucket.removeBlob(name)
  }

  private async uploadMissing(bucket: SharedBucket): Promise<void> {
    const { store } = this.options
    for (const one of store.state.bundles) {
      if (this.stored.has(one.file)) continue
      const octets = await this.load(one)
      if (octets !== undefined) await bucket.putBlob(bundleBlob(one), octets)
      this.stored.add(one.file)
    }
  }

  /** Undefined: the file is not here either; gateways that have the bundle keep it. */
  private async load(one: PublishedBundle): Promise<Uint8Array | undefined> {
    const { store, log } = this.options
    try {
      return await store.load(one)
    } catch (error) {
      const why = reasonOf(error, one.file)
      if (!this.logged.has(one.file))
        log.warn({ serial: one.serial, error: why }, 'bundle not readable; the other hub lacks it')
      this.logged.add(one.file)
      return undefined
    }
  }
}

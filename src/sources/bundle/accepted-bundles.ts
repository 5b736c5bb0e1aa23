import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { readBoundedFile, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets, Seconds } from '../../base/units.js'
import { readBundleFile } from './bundle.js'
import { formatInstant } from './validity.js'
import { instantSchema, MAX_FILE, type Manifest } from './manifest.js'

/** Number of accepted bundles stored, including the active one. */
const MAX_STORED = 10
/** Far more than the record of that many. */
const MAX_RECORD: Octets = 1024 * 1024

const serial = z.int().min(1)
const identitySchema = z.strictObject({ serial, sha256: z.string(), created: instantSchema })
const acceptedSchema = z.strictObject({
  version: z.literal(1),
  newest: z.strictObject({ ...identitySchema.shape, root: z.int().min(0).default(0) }),
  inForce: serial,
  rollback: z.strictObject({ from: serial, to: serial, by: z.string(), at: z.string() }).optional(),
  kept: z.array(
    z.strictObject({ ...identitySchema.shape, expires: instantSchema, accepted: z.string() })
  )
})

/**
 * The record of accepted bundles.
 *
 * `newest`    the highest serial: from now on, a lower serial, or other content with this serial,
 *             is rejected; `root` is the version of the root of trust then, 0 without one
 * `inForce`   the active serial: lower than `newest` after a rollback
 * `rollback`  the last rollback, until a newer bundle is accepted; `at` is RFC 3339
 * `kept`      stored bundles, highest serial first
 */
export type AcceptedRecord = z.output<typeof acceptedSchema>
export type Rollback = NonNullable<AcceptedRecord['rollback']>
export type StoredBundle = AcceptedRecord['kept'][number]

/**
 * Accepted bundles on disk: the record, and each stored bundle as received. Every file is written
 * atomically.
 */
export class AcceptedBundles {
  /** Changes whenever anything else does. */
  readonly record: string

  constructor(private readonly folder: string) {
    this.record = join(folder, 'accepted.json')
  }

  /** Undefined: no bundle was accepted yet. @throws InterdictError BUNDLE_STATE */
  read(): AcceptedRecord | undefined {
    let text: string
    try {
      text = readBoundedFileSync(this.record, MAX_RECORD).toString()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw failure('BUNDLE_STATE', this.record, reasonOf(error))
    }
    const read = acceptedSchema.safeParse(parseJson(text))
    if (read.success) return read.data
    throw failure(
      'BUNDLE_STATE',
      this.record,
      'the record is damaged, so older bundles cannot be recognized'
    )
  }

  pathOf(serial: number): string {
    return join(this.folder, `${serial}.bundle`)
  }

  /** Reads a stored bundle. @throws InterdictError BUNDLE_UNREADABLE */
  octetsOf(serial: number): Promise<Uint8Array> {
    return readBundleFile(this.pathOf(serial), this.pathOf(serial))
  }

  /**
   * Records a bundle as the newest and active one. Old bundles are deleted only after that is on
   * the disk.
   *
   * @throws InterdictError BUNDLE_STATE
   */
  async accept(
    octets: Uint8Array,
    manifest: Manifest,
    before: AcceptedRecord | undefined,
    now: Seconds,
    root = 0
  ): Promise<void> {
    const { serial, sha256, created, expires } = manifest
    const own = { serial, sha256, created, expires, accepted: formatInstant(now) }
    const others = (before?.kept ?? []).filter(one => one.serial !== serial)
    const kept = [own, ...others].slice(0, MAX_STORED)
    const newest = { serial, sha256, created, root }
    this.write(this.pathOf(serial), octets)
    this.saveRecord({ version: 1, newest, inForce: serial, kept }, before)
    for (const { serial: old } of others.slice(MAX_STORED - 1)) {
      await rm(this.pathOf(old), { force: true }).catch(() => undefined)
    }
  }

  /**
   * Rewrites the file of a recorded bundle if it differs from the offered one: it was deleted, or
   * another key has signed since, possibly the only key that will be trusted soon.
   */
  async restore(octets: Uint8Array, { serial }: Manifest): Promise<void> {
    const kept = await readBoundedFile(this.pathOf(serial), MAX_FILE).catch(() => undefined)
    if (kept?.equals(octets) !== true) this.write(this.pathOf(serial), octets)
  }

  /** Activates another stored bundle. @throws InterdictError BUNDLE_STATE */
  rollBack(accepted: AcceptedRecord, rollback: Rollback): void {
    this.saveRecord({ ...accepted, inForce: rollback.to, rollback }, accepted)
  }

  /**
   * A gateway may accept a bundle during a rollback: neither may overwrite the change of the other.
   */
  private saveRecord(accepted: AcceptedRecord, before: AcceptedRecord | undefined): void {
    if (!isDeepStrictEqual(this.read(), before))
      throw failure('BUNDLE_STATE', this.record, 'another process has just changed it; try again')
    this.write(this.record, `${JSON.stringify(accepted, undefined, 2)}\n`)
  }

  private write(path: string, octets: Uint8Array | string): void {
    try {
      writeFileAtomic(path, octets, { folderMode: 0o700 })
    } catch (error) {
      throw failure('BUNDLE_STATE', path, reasonOf(error))
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

import { readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { writeFileAtomic } from '../../base/atomic-file.js'
import { failure } from '../../base/error.js'
import type { Seconds } from '../../base/units.js'
import { readBundleFile } from './bundle.js'
import { formatInstant } from './validity.js'
import { instantSchema, type Manifest } from './manifest.js'

/** How many bundles are kept that were accepted, the one in force among them. */
const MAX_STORED = 10

const serial = z.int().min(1)
const identitySchema = z.strictObject({ serial, sha256: z.string(), created: instantSchema })
const acceptedSchema = z.strictObject({
  version: z.literal(1),
  newest: identitySchema,
  inForce: serial,
  rollback: z.strictObject({ from: serial, to: serial, by: z.string(), at: z.string() }).optional(),
  kept: z.array(
    z.strictObject({ ...identitySchema.shape, expires: instantSchema, accepted: z.string() })
  )
})

/**
 * What is remembered of the bundles that were accepted here.
 *
 * `newest`   the highest serial: no lower one, and no other content with it, is taken any more
 * `inForce`  its serial: lower than that of `newest` after a rollback
 * `rollback` the last one, until a newer bundle is accepted; `at` is RFC 3339
 * `kept`     the highest serial first
 */
export type AcceptedRecord = z.output<typeof acceptedSchema>
export type Rollback = NonNullable<AcceptedRecord['rollback']>
export type StoredBundle = AcceptedRecord['kept'][number]

/**
 * The bundles that were accepted here, on disk: the record, and each bundle that is kept as it came.
 * Whatever is written is there whole or not at all.
 */
export class AcceptedBundles {
  /** The file that changes whenever anything does. */
  readonly record: string

  constructor(private readonly folder: string) {
    this.record = join(folder, 'accepted.json')
  }

  /** Undefined: none was accepted yet. @throws InterdictError BUNDLE_STATE */
  read(): AcceptedRecord | undefined {
    let text: string
    try {
      text = readFileSync(this.record, 'utf8')
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return undefined
      throw failure('BUNDLE_STATE', this.record, message)
    }
    const read = acceptedSchema.safeParse(parseJson(text))
    if (read.success) return read.data
    throw failure('BUNDLE_STATE', this.record, 'it is damaged, so that nobody knows what is older')
  }

  pathOf(serial: number): string {
    return join(this.folder, `${serial}.bundle`)
  }

  /** The file of one that is kept. @throws InterdictError BUNDLE_UNREADABLE */
  octetsOf(serial: number): Promise<Uint8Array> {
    return readBundleFile(this.pathOf(serial), this.pathOf(serial))
  }

  /**
   * Remembers a bundle as the newest, and the one in force. Old ones are given up only when that is
   * on the disk.
   *
   * @throws InterdictError BUNDLE_STATE
   */
  async accept(
    octets: Uint8Array,
    manifest: Manifest,
    before: AcceptedRecord | undefined,
    now: Seconds
  ): Promise<void> {
    const { serial, sha256, created, expires } = manifest
    const own = { serial, sha256, created, expires, accepted: formatInstant(now) }
    const others = (before?.kept ?? []).filter(one => one.serial !== serial)
    const kept = [own, ...others].slice(0, MAX_STORED)
    const newest = { serial, sha256, created }
    this.write(this.pathOf(serial), octets)
    this.saveRecord({ version: 1, newest, inForce: serial, kept }, before)
    for (const { serial: old } of others.slice(MAX_STORED - 1)) {
      await rm(this.pathOf(old), { force: true }).catch(() => undefined)
    }
  }

  /**
   * The file of a bundle that is remembered, if it is another than the one that came now: somebody
   * took it away, or another key has signed it since, which may soon be the only one that counts.
   */
  async restore(octets: Uint8Array, { serial }: Manifest): Promise<void> {
    const kept = await readFile(this.pathOf(serial)).catch(() => undefined)
    if (kept?.equals(octets) !== true) this.write(this.pathOf(serial), octets)
  }

  /** Another of those that are kept is in force from now on. @throws InterdictError BUNDLE_STATE */
  rollBack(accepted: AcceptedRecord, rollback: Rollback): void {
    this.saveRecord({ ...accepted, inForce: rollback.to, rollback }, accepted)
  }

  /** A gateway takes a bundle while somebody goes back: neither may undo what the other has done. */
  private saveRecord(accepted: AcceptedRecord, before: AcceptedRecord | undefined): void {
    if (!isDeepStrictEqual(this.read(), before))
      throw failure(
        'BUNDLE_STATE',
        this.record,
        'another process has changed it just now: try again'
      )
    this.write(this.record, `${JSON.stringify(accepted, undefined, 2)}\n`)
  }

  private write(path: string, octets: Uint8Array | string): void {
    try {
      writeFileAtomic(path, octets, { folderMode: 0o700 })
    } catch (error) {
      throw failure('BUNDLE_STATE', path, (error as Error).message)
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

import { randomBytes } from 'node:crypto'
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../base/error.js'
import type { Octets } from '../base/units.js'
import { readZoneCopy, type ZoneCopy } from '../rules/effective-zone.js'
import { isRecordOf, noRecord, type ZoneRecord } from './zone-record.js'

/** Where copies of zones are, within the folder for what is kept. */
export const zonesFolder = (state: string): string => join(state, 'zones')

/** A copy, and how long its journal is on disk, with what may be half written at its end. */
export interface KeptZone extends ZoneCopy {
  readonly journalFile: Octets
}

/**
 * The last good copies of zones, in a folder: `ID.zone` as it came whole, `ID.journal` what has
 * changed since, and `ID.json` what is known of it. Whenever the power fails, what is there is a
 * whole version: the base is replaced by renaming, and a journal that does not fit to it, or ends in
 * the middle of a version, does not count.
 */
export class ZoneCopies {
  constructor(private readonly folder: string) {}

  /** What is known of a zone. An unreadable record is as good as none: all is found out anew. */
  async record(id: string, zone: string): Promise<ZoneRecord> {
    try {
      const read: unknown = JSON.parse(await readFile(this.path(id, '.json'), 'utf8'))
      if (!isRecordOf(zone, read)) return noRecord(zone)
      const hasCopy = await access(this.path(id, '.zone')).then(
        () => true,
        () => false
      )
      return hasCopy ? read : { ...read, copy: undefined }
    } catch {
      return noRecord(zone)
    }
  }

  /** @param zone lower-cased wire form */
  async read(id: string, zone: Uint8Array): Promise<KeptZone | undefined> {
    const [base, journal] = await Promise.all(
      ['.zone', '.journal'].map(end => readFile(this.path(id, end)).catch(() => undefined))
    )
    if (base === undefined) return undefined
    const copy = readZoneCopy(zone, base, journal ?? new Uint8Array(0))
    return copy && { ...copy, journalFile: journal?.length ?? 0 }
  }

  /** Another base, without a journal. @throws InterdictError TRANSFER_STATE */
  async replace(id: string, base: Uint8Array, record: ZoneRecord): Promise<void> {
    await this.put(id, '.zone', base)
    await rm(this.path(id, '.journal'), { force: true }).catch(() => undefined)
    await this.remember(id, record)
  }

  /**
   * Appends versions to the journal, behind its last whole one.
   *
   * @throws InterdictError TRANSFER_STATE; also where the journal has changed meanwhile
   */
  async append(
    id: string,
    { journal, journalFile }: KeptZone,
    versions: Uint8Array,
    record: ZoneRecord
  ): Promise<void> {
    const path = this.path(id, '.journal')
    try {
      const file = await open(path, journalFile === 0 ? 'a+' : 'r+', 0o644)
      try {
        const { size } = await file.stat()
        if (size !== journalFile) throw new Error('somebody else has written it meanwhile')
        await file.truncate(journal.length)
        await file.writev([versions], journal.length)
        await file.sync()
      } finally {
        await file.close()
      }
      if (journalFile === 0) await sync(this.folder)
    } catch (error) {
      throw failure('TRANSFER_STATE', path, (error as Error).message)
    }
    await this.remember(id, record)
  }

  /** @throws InterdictError TRANSFER_STATE */
  async remember(id: string, record: ZoneRecord): Promise<void> {
    await this.put(id, '.json', Buffer.from(`${JSON.stringify(record, undefined, 2)}\n`))
  }

  private path(id: string, end: string): string {
    return join(this.folder, id + end)
  }

  private async put(id: string, end: string, octets: Uint8Array): Promise<void> {
    const path = this.path(id, end)
    // Beside it, since nothing is renamed from one file system to another.
    const half = this.path(id, `${end}.${randomBytes(6).toString('hex')}.half`)
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 })
      await write(half, octets)
      await rename(half, path)
      await sync(this.folder)
    } catch (error) {
      await rm(half, { force: true }).catch(() => undefined)
      throw failure('TRANSFER_STATE', path, (error as Error).message)
    }
  }
}

async function write(path: string, octets: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o644)
  try {
    await file.writeFile(octets)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function sync(folder: string): Promise<void> {
  const file = await open(folder)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

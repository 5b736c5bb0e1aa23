import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '../../base/atomic-file.js'
import { failure } from '../../base/error.js'
import { StateFiles } from '../../base/state-files.js'
import type { Octets } from '../../base/units.js'
import { readZoneCopy, type ZoneCopy } from '../../zonefile/effective-zone.js'
import { isRecordOf, emptyRecord, type ZoneRecord } from './zone-record.js'

/** Where copies of zones are, within the folder for what is kept. */
export const zoneCopiesFolder = (state: string): string => join(state, 'zones')

/** A copy, and how long its journal is on disk, with what may be half written at its end. */
export interface StoredZone extends ZoneCopy {
  readonly journalSize: Octets
}

/**
 * The last good copies of zones, in a folder: `ID.zone` as it came whole, `ID.journal` what has
 * changed since, and `ID.json` what is known of it. Whenever the power fails, what is there is a
 * whole version: the base is replaced by renaming, and a journal that does not fit to it, or ends in
 * the middle of a version, does not count.
 */
export class ZoneCopies {
  private readonly files: StateFiles

  constructor(folder: string) {
    this.files = new StateFiles(folder, 'TRANSFER_STATE')
  }

  /** What is known of a zone. An unreadable record is as good as none: all is found out anew. */
  async record(id: string, zone: string): Promise<ZoneRecord> {
    const read = await this.files.readRecord(id)
    if (!isRecordOf(zone, read)) return emptyRecord(zone)
    return (await this.files.has(id, '.zone')) ? read : { ...read, copy: undefined }
  }

  /** @param zone lower-cased wire form */
  async read(id: string, zone: Uint8Array): Promise<StoredZone | undefined> {
    const [base, journal] = await Promise.all(
      ['.zone', '.journal'].map(end => readFile(this.files.path(id, end)).catch(() => undefined))
    )
    if (base === undefined) return undefined
    const copy = readZoneCopy(zone, base, journal ?? new Uint8Array(0))
    return copy && { ...copy, journalSize: journal?.length ?? 0 }
  }

  /** Another base, without a journal. @throws InterdictError TRANSFER_STATE */
  async replace(id: string, base: Uint8Array, record: ZoneRecord): Promise<void> {
    this.files.write(id, '.zone', base)
    await rm(this.files.path(id, '.journal'), { force: true }).catch(() => undefined)
    this.saveRecord(id, record)
  }

  /**
   * Appends versions to the journal, behind its last whole one.
   *
   * @throws InterdictError TRANSFER_STATE; also where the journal has changed meanwhile
   */
  async append(
    id: string,
    { journal, journalSize: journalFile }: StoredZone,
    versions: Uint8Array,
    record: ZoneRecord
  ): Promise<void> {
    const path = this.files.path(id, '.journal')
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
      if (journalFile === 0) syncFolder(this.files.folder)
    } catch (error) {
      throw failure('TRANSFER_STATE', path, (error as Error).message)
    }
    this.saveRecord(id, record)
  }

  /** @throws InterdictError TRANSFER_STATE */
  saveRecord(id: string, record: ZoneRecord): void {
    this.files.writeRecord(id, record)
  }
}

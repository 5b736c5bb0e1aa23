import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '../../base/files/atomic-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { StateFiles } from '../../base/files/state-files.js'
import type { Octets } from '../../base/units.js'
import { readZoneCopy, type ZoneCopy } from '../../wire/zonefile/effective-zone.js'
import { isRecordOf, emptyRecord, type ZoneRecord } from './zone-record.js'

/** Folder of zone copies within the state folder. */
export const zoneCopiesFolder = (state: string): string => join(state, 'zones')

/** A zone copy, with the size of its journal file, which may end with an incomplete version. */
export interface StoredZone extends ZoneCopy {
  readonly journalSize: Octets
}

/**
 * The last valid copies of zones, in a folder: `ID.zone` the zone as transferred, `ID.journal`
 * later changes, and `ID.json` the record. After a power failure, the copy is always a complete
 * version: the base is replaced by renaming, and a journal is ignored if it does not match the
 * base, or from its first incomplete version on.
 */
export class ZoneCopies {
  private readonly files: StateFiles

  constructor(folder: string) {
    this.files = new StateFiles(folder, 'TRANSFER_STATE')
  }

  /**
   * The record of a zone. An unreadable record counts as missing, and everything is fetched again.
   */
  async record(id: string, zone: string): Promise<ZoneRecord> {
    const read = await this.files.readRecord(id)
    if (!isRecordOf(zone, read)) return emptyRecord(zone)
    return (await this.files.has(id, '.zone')) ? read : { ...read, copy: undefined }
  }

  /** @param zone wire format in lower case */
  async read(id: string, zone: Uint8Array): Promise<StoredZone | undefined> {
    const [base, journal] = await Promise.all(
      ['.zone', '.journal'].map(end => readFile(this.files.path(id, end)).catch(() => undefined))
    )
    if (base === undefined) return undefined
    const copy = readZoneCopy(zone, base, journal ?? new Uint8Array(0))
    return copy && { ...copy, journalSize: journal?.length ?? 0 }
  }

  /** Replaces the base and removes the journal. @throws InterdictError TRANSFER_STATE */
  async replace(id: string, base: Uint8Array, record: ZoneRecord): Promise<void> {
    this.files.write(id, '.zone', base)
    await rm(this.files.path(id, '.journal'), { force: true }).catch(() => undefined)
    this.saveRecord(id, record)
  }

  /**
   * Appends versions to the journal after its last complete one.
   *
   * @throws InterdictError TRANSFER_STATE; also if the journal was changed in the meantime
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
        if (size !== journalFile) throw new Error('another process has changed it')
        await file.truncate(journal.length)
        await file.writev([versions], journal.length)
        await file.sync()
      } finally {
        await file.close()
      }
      if (journalFile === 0) syncFolder(this.files.folder)
    } catch (error) {
      throw failure('TRANSFER_STATE', path, reasonOf(error))
    }
    this.saveRecord(id, record)
  }

  /** @throws InterdictError TRANSFER_STATE */
  saveRecord(id: string, record: ZoneRecord): void {
    this.files.writeRecord(id, record)
  }
}

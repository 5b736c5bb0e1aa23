import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { StateFiles } from '../../base/files/state-files.js'
import type { Validators } from './download.js'

/** Up to when indicators from MISP are known. Times of MISP, RFC 3339. */
export interface MispState {
  /** Of the last request that was complete. */
  readonly since: string
  /** Of the last request for everything. */
  readonly full: string
}

/** State of a list copy: the active one or a quarantined one. */
export interface CopyState extends Validators {
  readonly url: string
  readonly sha256: string
  /** Names and addresses, counting duplicates. */
  readonly entries: number
  /** Of indicators from MISP: what a request for changes needs. */
  readonly misp?: MispState | undefined
  /** The key that signed it. */
  readonly signer?: string | undefined
  /** When it was downloaded. RFC 3339, like all times here. */
  readonly fetched: string
}

/** State of a list, stored in a human-readable file of its own beside the copy. */
export interface CopyRecord {
  readonly copy?: CopyState | undefined
  /** The quarantined copy: it lost more entries than allowed and awaits confirmation. */
  readonly held?: CopyState | undefined
  /** Time of the last update attempt. */
  readonly tried: string
  /** Consecutive failures. */
  readonly failures: number
  /** When the server last confirmed the copy or sent it; absent in records of earlier versions. */
  readonly confirmed?: string | undefined
  /** The last error. */
  readonly trouble?: { readonly code: string; readonly message: string } | undefined
}

const NONE: CopyRecord = { tried: '', failures: 0 }

/** Folder of list copies within the state folder. */
export const listCopiesFolder = (state: string): string => join(state, 'lists')

/**
 * The last valid copies of lists, in a folder: `ID` the file as downloaded, `ID.json` its state,
 * and `ID.held` a quarantined copy. Ids contain no dot. Every file is written atomically and
 * survives a power failure.
 */
export class ListCopies {
  private readonly files: StateFiles

  constructor(folder: string) {
    this.files = new StateFiles(folder, 'REMOTE_STATE')
  }

  /**
   * The state of a list, matched with the files present. An unreadable state counts as missing, and
   * everything is downloaded again.
   */
  async record(id: string): Promise<CopyRecord> {
    const found = await this.files.readRecord(id)
    const read = isRecord(found) ? found : NONE
    const [hasCopy, hasHeld] = await Promise.all(['', '.held'].map(end => this.files.has(id, end)))
    const copy = hasCopy ? read.copy : undefined
    const held = hasHeld ? read.held : undefined
    return { ...read, copy, held }
  }

  /**
   * The same, without copies whose file has changed since, so that a server that says
   * "not modified" does not confirm a damaged file.
   */
  async intactRecord(id: string): Promise<CopyRecord> {
    const { copy, held, ...record } = await this.record(id)
    const [isCopyIntact, isHeldIntact] = await Promise.all([
      this.isIntact(id, '', copy),
      this.isIntact(id, '.held', held)
    ])
    return {
      ...record,
      copy: isCopyIntact ? copy : undefined,
      held: isHeldIntact ? held : undefined
    }
  }

  private async isIntact(id: string, end: string, state: CopyState | undefined): Promise<boolean> {
    if (state === undefined) return false
    const hash = createHash('sha256')
    try {
      await pipeline(createReadStream(this.files.path(id, end)), hash)
    } catch {
      return false
    }
    return hash.digest('hex') === state.sha256
  }

  /** The copy of a list. */
  read(id: string): Promise<Uint8Array> {
    return readFile(this.files.path(id, ''))
  }

  async replace(id: string, octets: Uint8Array, record: CopyRecord): Promise<void> {
    this.files.write(id, '', octets)
    this.saveRecord(id, record)
    await rm(this.files.path(id, '.held'), { force: true })
  }

  quarantine(id: string, octets: Uint8Array, record: CopyRecord): void {
    this.files.write(id, '.held', octets)
    this.saveRecord(id, record)
  }

  saveRecord(id: string, record: CopyRecord): void {
    this.files.writeRecord(id, record)
  }

  /** Activates the quarantined copy. @throws InterdictError REMOTE_NOT_HELD, REMOTE_STATE */
  async confirm(id: string): Promise<CopyState> {
    const { held, trouble, ...record } = await this.record(id)
    if (held === undefined) throw failure('REMOTE_NOT_HELD', id)
    const place = this.files.path(id, '')
    try {
      await rename(this.files.path(id, '.held'), place)
    } catch (error) {
      throw failure('REMOTE_STATE', place, reasonOf(error))
    }
    // Without a failure since, the error is that it was quarantined.
    const kept = record.failures > 0 ? trouble : undefined
    this.saveRecord(id, { ...record, copy: held, trouble: kept })
    return held
  }
}

function isRecord(value: unknown): value is CopyRecord {
  if (typeof value !== 'object' || value === null) return false
  const { tried, failures } = value as Record<string, unknown>
  return typeof tried === 'string' && Number.isInteger(failures)
}

import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../../base/error.js'
import { StateFiles } from '../../base/state-files.js'
import type { Validators } from './download.js'

/** What is known of a state of a list: of the copy in force, or of one that is held back. */
export interface CopyState extends Validators {
  readonly url: string
  readonly sha256: string
  /** Names and addresses, repeated ones counted again. */
  readonly entries: number
  /** Whose signature it has. */
  readonly signer?: string | undefined
  /** When it came. RFC 3339, as all instants here. */
  readonly fetched: string
}

/** What is remembered of a list beside its copy; a file of its own, for people too. */
export interface CopyRecord {
  readonly copy?: CopyState | undefined
  /** What lost more entries than it may. */
  readonly held?: CopyState | undefined
  /** When it was last looked for something new. */
  readonly tried: string
  /** In a row. */
  readonly failures: number
  /** What went wrong the last time. */
  readonly trouble?: { readonly code: string; readonly message: string } | undefined
}

const NONE: CopyRecord = { tried: '', failures: 0 }

/** Where copies of lists are, within the folder for what is kept. */
export const listCopiesFolder = (state: string): string => join(state, 'lists')

/**
 * The last good copies of lists, in a folder: `ID` as it came, `ID.json` what is known of it, and
 * `ID.held` what is held back. Ids have no dot. Each file is there whole or not at all, whenever the
 * power fails.
 */
export class ListCopies {
  private readonly files: StateFiles

  constructor(folder: string) {
    this.files = new StateFiles(folder, 'REMOTE_STATE')
  }

  /**
   * What is known of a list, and there. An unreadable record is as good as none: all of it is found
   * out anew.
   */
  async record(id: string): Promise<CopyRecord> {
    const found = await this.files.readRecord(id)
    const read = isRecord(found) ? found : NONE
    const [hasCopy, hasHeld] = await Promise.all(['', '.held'].map(end => this.files.has(id, end)))
    const copy = hasCopy ? read.copy : undefined
    const held = hasHeld ? read.held : undefined
    return { ...read, copy, held }
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

  /** What was held back is the copy from now on. @throws InterdictError REMOTE_NOT_HELD, REMOTE_STATE */
  async confirm(id: string): Promise<CopyState> {
    const { held, ...record } = await this.record(id)
    if (held === undefined) throw failure('REMOTE_NOT_HELD', id)
    const place = this.files.path(id, '')
    try {
      await rename(this.files.path(id, '.held'), place)
    } catch (error) {
      throw failure('REMOTE_STATE', place, (error as Error).message)
    }
    this.saveRecord(id, { ...record, copy: held })
    return held
  }
}

function isRecord(value: unknown): value is CopyRecord {
  if (typeof value !== 'object' || value === null) return false
  const { tried, failures } = value as Record<string, unknown>
  return typeof tried === 'string' && Number.isInteger(failures)
}

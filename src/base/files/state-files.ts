import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from './atomic-file.js'
import { failure } from '../errors/error.js'
import { reasonOf } from '../errors/reason.js'

/** Accessible to the owner only. */
const FOLDER_MODE = 0o700

/**
 * A state folder with a few files per id, such as `ID.zone` and `ID.json`. Every file is complete or absent,
 * even after a power failure.
 */
export class StateFiles {
  /** @param code of the error for a failed write */
  constructor(
    readonly folder: string,
    private readonly code: 'REMOTE_STATE' | 'TRANSFER_STATE'
  ) {}

  path(id: string, suffix: string): string {
    return join(this.folder, id + suffix)
  }

  has(id: string, suffix: string): Promise<boolean> {
    return access(this.path(id, suffix)).then(
      () => true,
      () => false
    )
  }

  /** The JSON record of an id; undefined: missing or unreadable. */
  async readRecord(id: string): Promise<unknown> {
    try {
      return JSON.parse(await readFile(this.path(id, '.json'), 'utf8'))
    } catch {
      return undefined
    }
  }

  /** @throws InterdictError with the code */
  writeRecord(id: string, record: object): void {
    this.write(id, '.json', `${JSON.stringify(record, undefined, 2)}\n`)
  }

  /** @throws InterdictError with the code */
  write(id: string, suffix: string, content: Uint8Array | string): void {
    const path = this.path(id, suffix)
    try {
      writeFileAtomic(path, content, { folderMode: FOLDER_MODE })
    } catch (error) {
      throw failure(this.code, path, reasonOf(error))
    }
  }
}

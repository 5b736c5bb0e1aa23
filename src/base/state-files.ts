import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from './atomic-file.js'
import { failure } from './error.js'

/** For its owner alone. */
const FOLDER_MODE = 0o700

/**
 * A folder in which a few files are kept of each of several things: `ID.zone`, `ID.json`. Each file is
 * there whole or not at all, whenever the power fails.
 */
export class StateFiles {
  /** @param code of what cannot be written */
  constructor(
    readonly folder: string,
    private readonly code: 'REMOTE_STATE' | 'TRANSFER_STATE'
  ) {}

  path(id: string, end: string): string {
    return join(this.folder, id + end)
  }

  has(id: string, end: string): Promise<boolean> {
    return access(this.path(id, end)).then(
      () => true,
      () => false
    )
  }

  /** What is known of one; undefined: nothing that can be read. */
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
  write(id: string, end: string, content: Uint8Array | string): void {
    const path = this.path(id, end)
    try {
      writeFileAtomic(path, content, { folderMode: FOLDER_MODE })
    } catch (error) {
      throw failure(this.code, path, (error as Error).message)
    }
  }
}

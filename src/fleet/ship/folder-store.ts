import { existsSync } from 'node:fs'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { CentralFolder } from '../../lookups/central/central-folder.js'
import type { LogStore, ShippedFile } from './log-store.js'
import type { Pace } from './pace.js'

/** The central folder itself, mounted. */
export class FolderStore implements LogStore {
  private readonly folder: CentralFolder

  constructor(
    path: string,
    private readonly pace: Pace
  ) {
    this.folder = new CentralFolder(path)
  }

  async put(file: ShippedFile): Promise<boolean> {
    const { folder } = this
    // Without its mount, files would fill this machine.
    if (!existsSync(folder.path)) throw failure('FLEET_LOGS', folder.path, 'no such folder')
    if (folder.has(file.path)) return true
    try {
      const content = (offset: number): AsyncIterable<Buffer> => this.paced(file, offset)
      if (await folder.write(file.path, file.sha256, content)) return true
    } catch (error) {
      throw failure('FLEET_LOGS', folder.path, reasonOf(error, folder.path))
    }
    throw failure('FLEET_LOGS', folder.path, `${file.path} was altered on the way; sent again`)
  }

  confirmed(paths: readonly string[]): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set(paths.filter(path => this.folder.has(path))))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private async *paced(file: ShippedFile, offset: number): AsyncGenerator<Buffer> {
    for await (const chunk of file.read(offset)) {
      const start = performance.now()
      yield chunk
      await this.pace.after(chunk.length, performance.now() - start)
    }
  }
}

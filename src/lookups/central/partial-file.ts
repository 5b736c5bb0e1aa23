import { createHash, randomBytes, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder } from '../../base/files/atomic-file.js'
import type { Octets } from '../../base/units.js'

/**
 * A file of the central folder while it arrives: under a temporary name, which survives a crash, until it is
 * complete and has its digest. Throws the system error.
 */
export class PartialFile {
  private constructor(
    private readonly path: string,
    private readonly temporary: string,
    private readonly file: FileHandle,
    private readonly hash: Hash,
    private length: Octets,
    private readonly isShared: boolean
  ) {}

  /**
   * Opens the file where its writer stopped.
   *
   * @param isShared others may write the same file at this moment: it has a temporary name of its own, and begins anew
   */
  static async open(path: string, isShared = false): Promise<PartialFile> {
    const mark = isShared ? `.${randomBytes(8).toString('hex')}` : ''
    const temporary = join(dirname(path), `.${basename(path)}${mark}.part`)
    await mkdir(dirname(path), { recursive: true, mode: 0o750 })
    const file = await open(temporary, 'a', 0o640)
    const hash = createHash('sha256')
    let length = 0
    for await (const chunk of createReadStream(temporary)) {
      hash.update(chunk as Buffer)
      length += (chunk as Buffer).length
    }
    return new PartialFile(path, temporary, file, hash, length, isShared)
  }

  /** Octets that are there. */
  get size(): Octets {
    return this.length
  }

  async append(octets: Uint8Array): Promise<void> {
    await this.file.appendFile(octets)
    this.hash.update(octets)
    this.length += octets.length
  }

  /**
   * Gives the file its name, if it has the digest and is valid; otherwise removes it.
   *
   * @param isValid gets the path of the file
   * @returns whether it is
   */
  async finish(
    sha256: string,
    isValid: (path: string) => Promise<boolean> = () => Promise.resolve(true)
  ): Promise<boolean> {
    const isWhole = this.hash.copy().digest('hex') === sha256 && (await isValid(this.temporary))
    if (isWhole) await this.file.sync()
    await this.file.close()
    if (!isWhole) await rm(this.temporary, { force: true })
    else {
      await rename(this.temporary, this.path)
      syncFolder(dirname(this.path))
      syncFolder(dirname(dirname(this.path)))
    }
    return isWhole
  }

  /** Leaves what is there for later, unless nobody would find it. */
  async close(): Promise<void> {
    await this.file.close()
    if (this.isShared) await rm(this.temporary, { force: true })
  }
}

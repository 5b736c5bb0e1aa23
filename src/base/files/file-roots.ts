import { lstat, open, readdir, readlink, realpath, type FileHandle } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import type { Octets } from '../units.js'
import { OPEN_FLAGS, readOpenFile } from './bounded-file.js'

/** A file is outside the folders in which it has to be. */
export class OutsideRoots extends Error {
  override readonly name = 'OutsideRoots'
}

/**
 * Reads files in some folders and nothing else. What counts is where an opened file really is, so that no link in a
 * path leads outside, however late it is put there. Links within the folders, and to the folders themselves, are
 * followed.
 */
export class FileRoots {
  private readonly roots: readonly string[]

  /**
   * @param roots folders, which need not exist
   * @param descriptors folder with a link for each open file; where it is missing, paths are compared instead
   */
  constructor(
    roots: readonly string[],
    private readonly descriptors = '/proc/self/fd'
  ) {
    this.roots = roots.map(root => resolve(root))
  }

  /** True if a path is in one of the folders, or is one, as it is written. */
  covers(path: string): boolean {
    return isBelow(path, this.roots)
  }

  /** Reads as `readBoundedFile`. @throws OutsideRoots, and as `readBoundedFile` */
  async read(path: string, limit: Octets): Promise<Buffer> {
    const file = await this.open(path)
    try {
      return await readOpenFile(file, limit)
    } finally {
      await file.close()
    }
  }

  /** Names in a folder. @throws OutsideRoots, and errors of the system */
  async list(path: string): Promise<string[]> {
    const folder = await this.open(path)
    try {
      return await readdir(await this.placeOf(folder, path))
    } finally {
      await folder.close()
    }
  }

  private async open(path: string): Promise<FileHandle> {
    if (!this.covers(path)) throw new OutsideRoots()
    const file = await open(path, OPEN_FLAGS)
    try {
      const place = await this.placeOf(file, path)
      const places = this.roots.map(root => realpath(root).catch(() => root))
      if (isBelow(place, await Promise.all(places))) return file
      throw new OutsideRoots()
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Where an opened file is, without links. */
  private async placeOf(file: FileHandle, path: string): Promise<string> {
    try {
      return await readlink(join(this.descriptors, String(file.fd)))
    } catch {
      // Where the path leads now, if that is the opened file.
      const [place, opened] = [await realpath(path), await file.stat()]
      const found = await lstat(place)
      if (found.dev === opened.dev && found.ino === opened.ino) return place
      throw new OutsideRoots()
    }
  }
}

function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some(root => {
    return path === root || path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)
  })
}

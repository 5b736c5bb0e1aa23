import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { Octets } from '../units.js'

/** Size limit of files with a key, a few secrets, certificates or HTTP headers. */
export const MAX_SECRET_FILE: Octets = 1024 * 1024

/** Opening a pipe without a writer, or a device, must not block the thread for ever. */
export const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK

/** A file is larger than its reader accepts. */
export class FileTooLarge extends Error {
  override readonly name = 'FileTooLarge'

  constructor(
    readonly size: Octets,
    limit: Octets
  ) {
    super(`it has ${size} bytes, more than the limit of ${limit}`)
  }
}

/**
 * Reads a regular file of at most `limit` octets: as many octets as it had when it was opened. Never
 * waits for a pipe or a device, and never reads without end.
 *
 * @throws FileTooLarge, an Error if it is not a regular file, and errors of the system
 */
export async function readBoundedFile(path: string, limit: Octets): Promise<Buffer> {
  const file = await open(path, OPEN_FLAGS)
  try {
    return await readOpenFile(file, limit)
  } finally {
    await file.close()
  }
}

/** The same for a file that was opened with `OPEN_FLAGS`. */
export async function readOpenFile(file: FileHandle, limit: Octets): Promise<Buffer> {
  const octets = Buffer.allocUnsafeSlow(checkedSize(await file.stat(), limit))
  let at = 0
  for (let read = 1; read > 0 && at < octets.length; at += read) {
    read = (await file.read(octets, at, octets.length - at, at)).bytesRead
  }
  return octets.subarray(0, at)
}

/** As `readBoundedFile`, blocking the thread until it is read. */
export function readBoundedFileSync(path: string, limit: Octets): Buffer {
  const file = openSync(path, OPEN_FLAGS)
  try {
    const octets = Buffer.allocUnsafeSlow(checkedSize(fstatSync(file), limit))
    let at = 0
    for (let read = 1; read > 0 && at < octets.length; at += read) {
      read = readSync(file, octets, at, octets.length - at, at)
    }
    return octets.subarray(0, at)
  } finally {
    closeSync(file)
  }
}

function checkedSize(stat: Stats, limit: Octets): Octets {
  if (stat.isDirectory()) throw new Error('it is a folder')
  if (!stat.isFile()) throw new Error('it is not a regular file')
  if (stat.size > limit) throw new FileTooLarge(stat.size, limit)
  return stat.size
}

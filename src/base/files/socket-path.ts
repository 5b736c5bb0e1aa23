import { closeSync, constants, openSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Octets } from '../units.js'

/** `sun_path` without its terminating zero: 107 octets on Linux (unix(7)), 103 elsewhere. */
export const MAX_SOCKET_PATH: Octets = process.platform === 'linux' ? 107 : 103

/** A path of a socket that the system accepts, until it is released. */
export interface FittingPath {
  readonly path: string
  readonly release: () => void
}

/**
 * A path that fits, for any path: a longer one by a descriptor of its folder, which Linux has in /proc.
 *
 * Throws the system's error if the folder cannot be opened.
 */
export function fittingSocketPath(path: string): FittingPath {
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return { path, release: () => undefined }
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
  const release = (): void => closeSync(folder)
  return { path: `/proc/self/fd/${folder}/${basename(path)}`, release }
}

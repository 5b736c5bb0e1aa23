import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'

/** A file of the other server. */
export interface SourceFile {
  readonly path: string
  /** In messages: the path as it was given, or the name in an archive. */
  readonly file: string
  readonly octets: Uint8Array
}

/** Largest file that is read: a list of ten million names. */
const MAX_SIZE = 1024 * 1024 * 1024

/** @throws InterdictError MIGRATE_UNREADABLE */
export function readSource(path: string): SourceFile {
  try {
    const octets = readFileSync(path)
    if (octets.length > MAX_SIZE) throw new Error('larger than 1 GB')
    return { path, file: path, octets }
  } catch (error) {
    throw failure('MIGRATE_UNREADABLE', path, reasonOf(error))
  }
}

export const textOf = ({ octets }: SourceFile): string =>
  Buffer.from(octets)
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .replaceAll('\r\n', '\n')

/**
 * Reads a file that the settings of the other server name, relative to them or to one of some folders.
 *
 * @returns undefined: it is not on this machine
 */
export function readNamed(
  from: SourceFile,
  name: string,
  folders: readonly string[] = []
): SourceFile | undefined {
  const near = dirname(from.path)
  const paths = isAbsolute(name) ? [name] : [near, ...folders].map(folder => join(folder, name))
  for (const path of paths) {
    try {
      return { path, file: path, octets: readFileSync(path) }
    } catch {
      // The next folder may have it.
    }
  }
  return undefined
}

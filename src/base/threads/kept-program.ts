import { fstatSync, openSync, readSync } from 'node:fs'

/*
 * A package manager replaces the files of the program while the gateway runs. Threads and the archive
 * process start later, and must still be of the same version: the packed program keeps their files
 * open (`tools/packed/load.ts`), and all threads reach the descriptors as environment data.
 */

/** Key of the environment data. */
export const KEPT_PROGRAM = 'interdict: program'

/** Descriptor of a file that is open until the process ends, in all threads. */
export type OpenFile = number

/** A packed file: CommonJS, ASCII. */
export interface KeptFile {
  /** Where it was opened, and from where packages are resolved. */
  readonly path: string
  readonly text: OpenFile
  /** Compiled code, valid for this version of V8. */
  readonly codeCache: OpenFile | undefined
}

export interface KeptProgram {
  /** Source of `tools/packed/load.ts`, packed. */
  readonly loader: string
  /** By file name: `worker-main.js`. */
  readonly files: ReadonlyMap<string, KeptFile>
  /** Paths of files that are kept only if the settings need them. */
  readonly optional: ReadonlyMap<string, string>
}

/**
 * Keeps a file open: it can be read when it has been replaced or deleted, as packages do. Names of packed files
 * contain a hash of their content, so that one is never overwritten with something else. Throws the system's error.
 */
export function keepOpen(path: string): OpenFile {
  return openSync(path, 'r')
}

/** Throws the system's error. */
export function readKept(file: OpenFile): Buffer {
  const octets = Buffer.allocUnsafeSlow(fstatSync(file).size)
  let filled = 0
  while (filled < octets.length) {
    const count = readSync(file, octets, filled, octets.length - filled, filled)
    if (count === 0) throw new Error('a file of the program became shorter')
    filled += count
  }
  return octets
}

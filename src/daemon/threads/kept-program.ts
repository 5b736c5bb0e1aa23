/*
 * A package manager replaces the files of the program while the gateway runs. Threads and the archive
 * process start later, and must still be of the same version: the packed program keeps their files in
 * shared memory (`tools/packed/load.ts`), which all threads reach as environment data.
 */

/** Key of the environment data. */
export const KEPT_PROGRAM = 'interdict: program'

/** A packed file: CommonJS, ASCII. */
export interface KeptFile {
  /** From which it was read, and from which packages are resolved. */
  readonly path: string
  readonly text: Uint8Array
  /** Compiled code, valid for this version of V8. */
  readonly codeCache: Uint8Array | undefined
}

export interface KeptProgram {
  /** Source of `tools/packed/load.ts`, packed. */
  readonly loader: string
  /** By file name: `worker-main.js`. */
  readonly files: ReadonlyMap<string, KeptFile>
  /** Paths of files that are kept only if the settings need them. */
  readonly optional: ReadonlyMap<string, string>
}

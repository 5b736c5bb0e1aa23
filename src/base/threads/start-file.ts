import { fork, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import {
  getEnvironmentData,
  setEnvironmentData,
  Worker,
  type WorkerOptions
} from 'node:worker_threads'
import { IS_PACKED } from '../package.js'
import { keepOpen, KEPT_PROGRAM, readKept, type KeptProgram } from './kept-program.js'
import { threadFile } from './thread-files.js'

const fileUrl = (file: string): URL =>
  new URL(IS_PACKED ? file : `../../${threadFile(file)}`, import.meta.url)

/** Undefined: the program is not packed, or runs with source maps. */
const keptProgram = (): KeptProgram | undefined =>
  getEnvironmentData(KEPT_PROGRAM) as unknown as KeptProgram | undefined

/**
 * Starts a thread that runs `file`, one of `THREAD_FILES`, or the file that is kept open for it.
 *
 * @param number of several that run the same file
 */
export function startFile(file: string, options: WorkerOptions, number?: number): Worker {
  const program = keptProgram()
  const role = file.replace('-main.js', '')
  // Node 24 names the thread so, as `ps -L` and `top -H` show it.
  const named = { ...options, name: number === undefined ? role : `${role}-${number}` }
  if (program === undefined) return new Worker(fileUrl(file), named)
  const code = `${program.loader}\nmodule.exports.runKept(${JSON.stringify(file)})`
  return new Worker(code, { ...named, eval: true })
}

/** Keeps an optional file, for threads started from now on. Throws the system's error. */
export function keepOptional(file: string): void {
  const program = keptProgram()
  const path = program?.optional.get(file)
  if (program === undefined || path === undefined || program.files.has(file)) return
  const files = new Map(program.files)
  files.set(file, { path, text: keepOpen(path), codeCache: undefined })
  setEnvironmentData(KEPT_PROGRAM, { ...program, files } satisfies KeptProgram)
}

/**
 * The same for a thread that may fail: if the package was replaced, it ends at once and says why, until the
 * gateway is upgraded.
 */
export function keepIfPresent(file: string): void {
  try {
    keepOptional(file)
  } catch {
    return
  }
}

/** Starts a process in the same way. Its `stdio` includes a channel for messages. */
export function startFileAsProcess(
  file: string,
  execArgv: readonly string[],
  options: SpawnOptions
): ChildProcess {
  const program = keptProgram()
  if (program === undefined) {
    return fork(fileURLToPath(fileUrl(file)), { ...options, execArgv: [...execArgv] })
  }
  const { path, text } = program.files.get(file)!
  const code = `${program.loader}\nmodule.exports.runSent()`
  const child = spawn(process.execPath, [...execArgv, '--eval', code], options)
  // Without a process identifier it has not started: an `error` event follows.
  if (child.pid !== undefined) child.send({ path, text: readKept(text).toString('latin1') })
  return child
}

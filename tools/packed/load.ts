import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import {
  keepOpen,
  KEPT_PROGRAM,
  readKept,
  type KeptFile,
  type KeptProgram,
  type OpenFile
} from '../../src/base/threads/kept-program.js'

/** Path of the code cache of a bundled file, for this version of V8 and this architecture. */
export const codeCachePath = (file: string): string =>
  `${file}.${process.versions.v8}-${process.arch}.code`

/**
 * Runs a bundled file (CommonJS, ASCII) with its code cache, if there is one. V8 accepts a cache only
 * from the same version with the same flags, for a source of the same length; otherwise it compiles
 * as usual. Names of bundled files contain a hash of their content, so a cache never belongs to
 * another source.
 *
 * @param file absolute
 * @returns what the file exports
 */
export function load(file: string): unknown {
  // Source maps work only for modules that Node itself loads.
  if (process.sourceMapsEnabled) return createRequire(file)(file)
  return run(
    file,
    readFileSync(file),
    ifPresent(() => readFileSync(codeCachePath(file)))
  )
}

/**
 * Keeps the files of threads and of the archive process open, so that they can be started after the files
 * have been replaced or deleted: see `start-file.ts`. With source maps, which need the files, they are
 * started from there.
 *
 * @param files their names, by the names of their stubs
 * @param optional the same for files that not every gateway needs: see `keepOptional`
 */
export function keep(
  folder: string,
  files: Readonly<Record<string, string>>,
  optional: Readonly<Record<string, string>>
): void {
  if (process.sourceMapsEnabled) return
  const program: KeptProgram = {
    loader: readFileSync(join(folder, 'load.cjs'), 'latin1'),
    files: new Map(
      Object.entries(files).map(([name, file]) => {
        const path = join(folder, file)
        const codeCache = ifPresent((): OpenFile => keepOpen(codeCachePath(path)))
        return [`${name}.js`, { path, text: keepOpen(path), codeCache }]
      })
    ),
    optional: new Map(
      Object.entries(optional).map(([name, file]) => [`${name}.js`, join(folder, file)])
    )
  }
  setEnvironmentData(KEPT_PROGRAM, program)
}

/** Runs a kept file, in the thread that was started for it. */
export function runKept(name: string): void {
  runFile(keptFile(name)!)
}

function keptFile(name: string): KeptFile | undefined {
  const program = getEnvironmentData(KEPT_PROGRAM) as unknown as KeptProgram | undefined
  return program?.files.get(name)
}

/** `require` of a packed file: another packed file, too, is the kept one, if it is kept. */
function requireFrom(path: string): NodeJS.Require {
  const require = createRequire(path)
  const resolve = (id: string): unknown => {
    const kept = id.startsWith('./') ? keptFile(id.slice(2)) : undefined
    return kept === undefined ? require(id) : runFile(kept)
  }
  return Object.assign(resolve, require)
}

/** Runs the file that another process sends as its first message: its path and its text. */
export function runSent(): void {
  process.once('message', ({ path, text }: { path: string; text: string }) => {
    run(path, Buffer.from(text, 'latin1'), undefined)
  })
}

function runFile({ path, text, codeCache }: KeptFile): unknown {
  return run(path, readKept(text), codeCache === undefined ? undefined : readKept(codeCache))
}

function run(path: string, text: Buffer, codeCache: Buffer | undefined): unknown {
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${text.toString('latin1')}\n})`,
    { filename: path, cachedData: codeCache }
  )
  const module = { exports: {} }
  const start = script.runInThisContext() as (...names: readonly unknown[]) => void
  start(module.exports, requireFrom(path), module, path, dirname(path))
  return module.exports
}

/** Undefined: the file does not exist, or cannot be read. */
function ifPresent<T>(open: () => T): T | undefined {
  try {
    return open()
  } catch {
    return undefined
  }
}

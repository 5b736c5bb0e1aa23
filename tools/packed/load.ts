import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Script } from 'node:vm'

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
  const require = createRequire(file)
  // Source maps work only for modules that Node itself loads.
  if (process.sourceMapsEnabled) return require(file)
  const text = readFileSync(file, 'latin1')
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${text}\n})`,
    { filename: file, cachedData: readCodeCache(file) }
  )
  const module = { exports: {} }
  const run = script.runInThisContext() as (...names: readonly unknown[]) => void
  run(module.exports, require, module, file, dirname(file))
  return module.exports
}

function readCodeCache(file: string): Buffer | undefined {
  try {
    return readFileSync(codeCachePath(file))
  } catch {
    return undefined
  }
}

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { Script } from 'node:vm'

/** Where V8's code of a packed file is, as this version of it makes and takes it. */
export const codeOf = (file: string): string =>
  `${file}.${process.versions.v8}-${process.arch}.code`

/**
 * Runs a packed file (CommonJS, ASCII), with what V8 compiled of it before where that is there. V8
 * takes it only from the same version of itself with the same flags, for a text of the same length;
 * else it compiles, as without: that is all that is lost. Packed files have a hash of their content in
 * their names, so that no code is taken for that of another text.
 *
 * @param file absolute
 * @returns what the file exports
 */
export function load(file: string): unknown {
  const require = createRequire(file)
  // Only modules that Node loads have their positions mapped to sources.
  if (process.sourceMapsEnabled) return require(file)
  const text = readFileSync(file, 'latin1')
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${text}\n})`,
    { filename: file, cachedData: compiled(file) }
  )
  const module = { exports: {} }
  const run = script.runInThisContext() as (...names: readonly unknown[]) => void
  run(module.exports, require, module, file, dirname(file))
  return module.exports
}

function compiled(file: string): Buffer | undefined {
  try {
    return readFileSync(codeOf(file))
  } catch {
    return undefined
  }
}

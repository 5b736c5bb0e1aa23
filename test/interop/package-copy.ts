import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join, resolve } from 'node:path'

/** The version of this package. */
export const VERSION = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string })
  .version

/**
 * A copy of the package as it is installed, with koffi below it, and DuckDB in the folder above.
 *
 * @param version shown by the copy instead of its own, and of the same length
 * @returns the path of its program
 */
export function copyPackage(folder: string, version = VERSION): string {
  cpSync('dist/bundle', join(folder, 'dist/bundle'), { recursive: true })
  cpSync('package.json', join(folder, 'package.json'))
  for (const name of ['koffi', '@koromix']) {
    cpSync(`node_modules/${name}`, join(folder, 'node_modules', name), {
      recursive: true,
      dereference: true
    })
  }
  const above = join(folder, '../node_modules')
  mkdirSync(above, { recursive: true })
  if (!readdirSync(above).includes('@duckdb'))
    symlinkSync(resolve('node_modules/@duckdb'), join(above, '@duckdb'))
  if (version !== VERSION) for (const part of ['bin', 'serve']) rename(folder, part, version)
  return join(folder, 'dist/bundle/bin/interdict.js')
}

/** Replaces the version in the packed files, where it is a constant. V8's compiled code has it, too. */
function rename(folder: string, part: string, version: string): void {
  const path = join(folder, 'dist/bundle', part)
  for (const file of readdirSync(path).filter(name => name.endsWith('.code')))
    rmSync(join(path, file))
  for (const file of readdirSync(path).filter(name => name.endsWith('.js'))) {
    const text = readFileSync(join(path, file), 'latin1')
    writeFileSync(join(path, file), text.replaceAll(`"${VERSION}"`, `"${version}"`), 'latin1')
  }
}

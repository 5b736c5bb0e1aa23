import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/**
 * A file of this package: its folder is three folders up in both the source and the packed program.
 *
 * @param path relative to the package
 */
export function packagePath(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url))
}

/** Defined when the program is packed: its package.json may be that of the next version when it is read. */
declare const PACKAGE_VERSION: string | undefined

export const IS_PACKED = typeof PACKAGE_VERSION === 'string'

/** The version of this program. */
export function packageVersion(): string {
  if (typeof PACKAGE_VERSION === 'string') return PACKAGE_VERSION
  return (JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string })
    .version
}

/** The version of the installed package, which may have been replaced since this program started; null: there is none. */
export async function installedVersion(path = packagePath('package.json')): Promise<string | null> {
  try {
    const { version } = JSON.parse(await readFile(path, 'utf8')) as { version?: unknown }
    return typeof version === 'string' ? version : null
  } catch {
    return null
  }
}

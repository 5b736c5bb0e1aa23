import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { run } from './system.js'

/** A package of the npm registry, by content. */
export interface PinnedPackage {
  readonly name: string
  readonly version: string
  /** As in package-lock.json: `sha512-` and the hash in base64. */
  readonly integrity: string
}

/** Where downloaded packages stay for the next build. */
const CACHE = 'dist/package/cache'

/**
 * Unpacks a package into a folder. npm downloads it, or has it.
 *
 * @throws Error if the content is not the pinned one
 */
export function unpack(wanted: PinnedPackage, folder: string): void {
  const file = download(wanted)
  mkdirSync(folder, { recursive: true })
  const ownership = ['--no-same-owner', '--no-same-permissions']
  run('tar', ['-xzf', file, '-C', folder, '--strip-components=1', ...ownership])
}

function download({ name, version, integrity }: PinnedPackage): string {
  mkdirSync(CACHE, { recursive: true })
  const base = `${name.replace('@', '').replace('/', '-')}-${version}.tgz`
  const file = join(CACHE, base)
  if (!existsSync(file)) {
    const folder = mkdtempSync(join(CACHE, 'download-'))
    try {
      run('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', resolve(folder)])
      renameSync(join(folder, base), file)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  const found = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`
  if (found === integrity) return file
  rmSync(file)
  throw new Error(`${name}@${version} is ${found}, expected ${integrity}`)
}

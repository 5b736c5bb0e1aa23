import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { manPages } from '../man-page.js'
import type { PackageInfo } from './info.js'
import { notices } from './notices.js'
import { bundled, copy } from './stage.js'
import { normalize, run } from './system.js'

/** Packages that are not in the bundle: native code, which npm installs for the user's platform. */
const NATIVE = ['koffi', '@duckdb/node-api']

type Dependencies = Readonly<Record<string, string>>

interface Manifest {
  readonly dependencies: Dependencies
  readonly optionalDependencies: Dependencies
  readonly [key: string]: unknown
}

/**
 * Makes the npm package: the bundle, with a README for those who installed it. It depends on native packages
 * alone, since all others are in the bundle.
 *
 * @param root an empty folder
 * @returns its path
 */
export function buildNpm(root: string, info: PackageInfo, folder: string): string {
  for (const file of bundled()) copy(`dist/bundle/${file}`, join(root, 'dist/bundle', file))
  for (const part of ['rules', 'docs', 'contrib', 'interdict.yaml', 'LICENSE', 'CHANGELOG.md']) {
    cpSync(part, join(root, part), { recursive: true })
  }
  renameSync(join(root, 'contrib/npm/README.md'), join(root, 'README.md'))
  writeFileSync(join(root, 'NOTICES'), notices())
  mkdirSync(join(root, 'man'))
  const man = manPages().map(({ file, text }) => {
    writeFileSync(join(root, 'man', file), text)
    return `man/${file}`
  })
  writeFileSync(join(root, 'package.json'), manifest(man))
  normalize(root, info.epoch)
  run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', resolve(folder)], {
    cwd: root
  })
  return join(folder, `interdict-${info.version}.tgz`)
}

function manifest(man: readonly string[]): string {
  const own = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
  const { name, version, description, license, type, engines, bin } = own
  const dependencies = nativeOf(own.dependencies)
  const optionalDependencies = nativeOf(own.optionalDependencies)
  const fields = { name, version, description, license, type, engines, bin, man }
  return `${JSON.stringify({ ...fields, dependencies, optionalDependencies }, undefined, 2)}\n`
}

function nativeOf(dependencies: Dependencies): Dependencies {
  return Object.fromEntries(Object.entries(dependencies).filter(([name]) => NATIVE.includes(name)))
}

import { readFileSync } from 'node:fs'
import type { PinnedPackage } from './fetch.js'

/** Architectures that packages are made for, as Node names them, and as Debian and RPM do. */
export const ARCHITECTURES = {
  x64: { debian: 'amd64', rpm: 'x86_64' },
  arm64: { debian: 'arm64', rpm: 'aarch64' }
} as const

export type Architecture = keyof typeof ARCHITECTURES

export interface LockedPackage {
  /** Its folder: `node_modules/a`, or `node_modules/b/node_modules/a` for another version. */
  readonly path: string
  readonly version: string
  readonly integrity: string
  readonly license?: string
  readonly dev?: boolean
  readonly os?: readonly string[]
}

/** The packages in package-lock.json that are not for development alone. */
export function lockedPackages(): readonly LockedPackage[] {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, Omit<LockedPackage, 'path'>>
  }
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, locked]) => ({ ...locked, path }))
}

/** Node for an architecture: the release that packages include. */
export function nodePackage(architecture: Architecture): PinnedPackage {
  const { version, integrity } = JSON.parse(readFileSync('tools/package/node.json', 'utf8')) as {
    version: string
    integrity: Record<Architecture, string>
  }
  return { name: `node-linux-${architecture}`, version, integrity: integrity[architecture] }
}

/** Packages that are not in the bundle, because they have native code: those of the gateway. */
export function gatewayPackages(architecture: Architecture): readonly PinnedPackage[] {
  return pinned(['koffi', `@koromix/koffi-linux-${architecture}`])
}

/** As `gatewayPackages`: those of reports and archives. */
export function analysisPackages(architecture: Architecture): readonly PinnedPackage[] {
  const bindings = '@duckdb/node-bindings'
  return pinned(['@duckdb/node-api', bindings, `${bindings}-linux-${architecture}`])
}

function pinned(names: readonly string[]): readonly PinnedPackage[] {
  const locked = lockedPackages()
  return names.map(name => {
    const found = locked.find(({ path }) => path === `node_modules/${name}`)
    if (found === undefined) throw new Error(`${name} is not in package-lock.json`)
    return { name, version: found.version, integrity: found.integrity }
  })
}

import { readFileSync } from 'node:fs'
import type { BuildOptions } from 'esbuild'

export const COMPILED = 'dist/src'

/** Packages that find their native code by their own path. */
const EXTERNAL = ['koffi', '@duckdb/node-api']

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

/** Constants of every bundle. */
export const define = { PACKAGE_VERSION: JSON.stringify(version) }

/** Options of every bundle. */
export const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: EXTERNAL,
  define,
  // Inlines constants.
  minifySyntax: true,
  sourcemap: true,
  metafile: true,
  logLevel: 'warning'
} as const satisfies BuildOptions

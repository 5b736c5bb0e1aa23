import type { BuildOptions } from 'esbuild'

export const COMPILED = 'dist/src'

/** Packages that find their native code by their own path. */
const EXTERNAL = ['koffi', '@duckdb/node-api']

/** Options of every bundle. */
export const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: EXTERNAL,
  // Inlines constants.
  minifySyntax: true,
  sourcemap: true,
  metafile: true,
  logLevel: 'warning'
} as const satisfies BuildOptions

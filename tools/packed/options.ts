import type { BuildOptions } from 'esbuild'

export const FROM = 'dist/src'

/** They find their machine code by their own place in the file system. */
const LEFT_OUT = ['koffi', '@duckdb/node-api']

/** How everything is packed. */
export const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  external: LEFT_OUT,
  // Constants are put where they are used.
  minifySyntax: true,
  sourcemap: true,
  metafile: true,
  logLevel: 'warning'
} as const satisfies BuildOptions

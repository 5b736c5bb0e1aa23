/**
 * Packs what was compiled into `dist/bundle/bin`: one file for each thread and each command. Of the
 * time until the first answer, more than half was spent on finding and opening 400 modules, four
 * times over, one for each thread (0.80 s of one core, 0.49 s when packed).
 *
 * Everything lies in one folder: a thread is found beside the code that starts it. The bundle is
 * made of the same compiled files that the tests of the rooms run, and its own tests run it.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build, type BuildOptions } from 'esbuild'

const FROM = 'dist/src'
const TO = 'dist/bundle/bin'
/** Threads, and the process that keeps the archive, each packed whole: what two of them share is loaded twice at run time anyway. */
const THREADS = [
  'archive-main',
  'compiler-main',
  'fetcher-main',
  'outlet-main',
  'recorder-main',
  'transfer-main',
  'worker-main'
] as const
/** They find their machine code by their own place in the file system. */
const LEFT_OUT = ['koffi', '@duckdb/node-api']

const common = {
  bundle: true,
  outdir: TO,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: LEFT_OUT,
  // Constants are put where they are used.
  minifySyntax: true,
  sourcemap: true,
  metafile: true,
  logLevel: 'warning',
  // For packages in CommonJS: what they require is a part of the bundle, or one of Node's modules.
  banner: {
    js: `import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url)`
  }
} satisfies BuildOptions

mkdirSync(TO, { recursive: true })
const made = await Promise.all([
  build({ ...common, entryPoints: THREADS.map(thread => `${FROM}/gateway/${thread}.js`) }),
  // Commands share what they have in common, and load nothing of each other's.
  build({ ...common, entryPoints: { interdict: `${FROM}/cli/main.js` }, splitting: true })
])

// What an earlier bundle left goes last, so that a program which is just starting finds its parts.
const parts = new Set(
  made.flatMap(({ metafile }) => Object.keys(metafile.outputs).map(path => basename(path)))
)
for (const file of readdirSync(TO)) if (!parts.has(file)) rmSync(join(TO, file))

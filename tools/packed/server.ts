import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { build, type BuildOptions } from 'esbuild'
import { common, FROM } from './options.js'

/** Threads, and the process that keeps the archive, each packed whole: what two of them share is loaded twice at run time anyway. */
const THREADS = [
  'archive-main',
  'compiler-main',
  'fetcher-main',
  'export-main',
  'recorder-main',
  'transfer-main',
  'worker-main'
] as const

/** A file of the server as its stub loads it. */
export interface PackedFile {
  /** As others name it: `worker-main`. */
  readonly name: string
  /** With a hash of its content in its name. */
  readonly path: string
}

/** Modules of ours that run outside of the bundle too. */
const inCommonJs = {
  ...common,
  format: 'cjs',
  // What is imported later is a part of the same file, evaluated then.
  supported: { 'dynamic-import': false }
} as const satisfies BuildOptions

/**
 * Packs the server and its threads, each into one file in CommonJS, which V8's code can be kept of and
 * which Node loads with less ado than a module (on one core 0.37 s until the first answer as
 * modules, 0.34 s so, 0.27 s with V8's code). A thread is found beside the code that starts it: a stub
 * of its name loads it.
 */
export async function packServer(folder: string): Promise<readonly PackedFile[]> {
  const threads = THREADS.map(thread => [thread, `${FROM}/daemon/threads/${thread}.js`] as const)
  const { outputFiles, metafile } = await build({
    ...inCommonJs,
    outdir: folder,
    write: false,
    entryNames: '[name]-[hash]',
    define: { 'import.meta.url': 'OWN_URL' },
    banner: { js: `const OWN_URL = require('node:url').pathToFileURL(__filename).href` },
    entryPoints: { ...Object.fromEntries(threads), serve: `${FROM}/cli/commands/serve.js` }
  })
  mkdirSync(folder, { recursive: true })
  for (const { path, text } of outputFiles) writeFileSync(path, asAscii(text))
  await packTool('load', folder)
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
  return Object.entries(metafile.outputs).flatMap(([path, { entryPoint }]) => {
    if (entryPoint === undefined) return []
    const name = basename(entryPoint, '.js')
    writeFileSync(join(folder, `${name}.js`), stubOf(name, basename(path)))
    return [{ name, path: resolve(path) }]
  })
}

/** A module of this folder as a file in CommonJS. @returns its path */
export async function packTool(name: string, folder: string): Promise<string> {
  const outfile = resolve(folder, `${name}.cjs`)
  const entryPoints = [`dist/tools/packed/${name}.js`]
  await build({ ...inCommonJs, sourcemap: false, outfile, entryPoints })
  return outfile
}

/** The server exports what the command calls, by a name that Node sees without running it. */
function stubOf(name: string, file: string): string {
  const load = `require('./load.cjs').load(__dirname + '/${file}')`
  return name === 'serve' ? `exports.serve = ${load}.serve\n` : `${load}\n`
}

/**
 * V8 reads text of one octet a character twice as fast. In comments and regular expressions, where
 * the bundler leaves other characters alone, their escapes are as good.
 */
function asAscii(text: string): string {
  return text.replace(/[^\0-\x7f]/g, character => {
    return '\\u' + character.charCodeAt(0).toString(16).padStart(4, '0')
  })
}

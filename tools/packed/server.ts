import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { build, type BuildOptions, type Plugin } from 'esbuild'
import { THREAD_FILES } from '../../src/base/threads/thread-files.js'
import { bundleDashboard } from './dashboard.js'
import { lazyBuiltins } from './lazy-builtins.js'
import { common, COMPILED, define } from './options.js'

/** A thread that only gateways of a fleet need. */
const FLEET = 'fleet-main'
/** Likewise, for gateways that probe themselves. */
const PROBE = 'probe-main'
/** Likewise, for gateways that observe DNSSEC. */
const VALIDATION = 'validation-main'
const OPTIONAL_THREADS: readonly string[] = [FLEET, PROBE, VALIDATION]

/** Most of the HTTP thread's code: a file of its own, which the thread loads when the API is first called. */
const API = 'start-api'

/** The files of the dashboard, likewise. */
const DASHBOARD = 'dashboard-assets'
/** What is loaded on demand, and what it exports. */
const OPTIONAL: Readonly<Record<string, string>> = { [API]: 'startApi', [DASHBOARD]: 'ASSETS' }

const external: Plugin = {
  name: 'loaded on demand',
  setup: bundler => {
    bundler.onResolve({ filter: /\/(start-api|dashboard-assets)\.js$/ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path: `./${basename(path)}`, external: true } : undefined
    )
  }
}

/** Puts the dashboard in the place of the module that has none. */
const dashboard: Plugin = {
  name: 'dashboard',
  setup: bundler => {
    bundler.onLoad({ filter: /\/dashboard-assets\.js$/ }, async () => ({
      contents: `export const ASSETS = ${JSON.stringify(await bundleDashboard())}`,
      loader: 'js'
    }))
  }
}

/** Parts of fastify that it loads only for what we do not use: its own validation, and injected requests. */
const UNUSED = [
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  'light-my-request'
]

/** A bundled file, which a stub loads. */
export interface BundledFile {
  /** Name of its stub: `worker-main`. */
  readonly name: string
  /** Path, with a hash of the content in its name. */
  readonly path: string
}

/** Options of files in CommonJS. */
const commonJs = {
  ...common,
  format: 'cjs',
  // Dynamic imports become part of the same file, evaluated when they are reached.
  supported: { 'dynamic-import': false }
} as const satisfies BuildOptions

/**
 * Bundles the server and its threads, each into one CommonJS file, which can have a code cache and
 * loads faster than a module (first answer on one core: 0.37 s as modules, 0.34 s as CommonJS, 0.27 s
 * with code cache). Threads are started by the name of a stub, which loads the bundled file. Each is one file:
 * shared code would be loaded once per thread anyway.
 */
export async function bundleServer(folder: string): Promise<readonly BundledFile[]> {
  const threads = THREAD_FILES.map(path => [basename(path, '.js'), `${COMPILED}/${path}`] as const)
  const { outputFiles, metafile } = await build({
    ...commonJs,
    outdir: folder,
    write: false,
    entryNames: '[name]-[hash]',
    define: { ...define, 'import.meta.url': 'OWN_URL' },
    banner: { js: `const OWN_URL = require('node:url').pathToFileURL(__filename).href` },
    plugins: [external, dashboard, lazyBuiltins],
    external: [...common.external, ...UNUSED],
    entryPoints: {
      ...Object.fromEntries(threads),
      serve: `${COMPILED}/cli/commands/gateway/serve.js`,
      [API]: `${COMPILED}/admin/api/${API}.js`,
      [DASHBOARD]: `${COMPILED}/admin/server/${DASHBOARD}.js`
    }
  })
  mkdirSync(folder, { recursive: true })
  for (const { path, text } of outputFiles) writeFileSync(path, toAscii(text))
  await bundleTool('load', folder)
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
  const files = Object.entries(metafile.outputs).flatMap(([path, { entryPoint }]) =>
    entryPoint === undefined ? [] : [{ name: basename(entryPoint, '.js'), path: resolve(path) }]
  )
  const names = files.map(({ name, path }) => [name, basename(path)] as const)
  const isOptional = (name: string): boolean => name in OPTIONAL || OPTIONAL_THREADS.includes(name)
  const optional = Object.fromEntries(names.filter(([name]) => isOptional(name)))
  const kept = Object.fromEntries(names.filter(([name]) => name !== 'serve' && !isOptional(name)))
  for (const [name, file] of names) {
    writeFileSync(join(folder, `${name}.js`), stubOf(name, file, kept, optional))
  }
  return files
}

/** Bundles a module of this folder as a CommonJS file. @returns its path */
export async function bundleTool(name: string, folder: string): Promise<string> {
  const outfile = resolve(folder, `${name}.cjs`)
  const entryPoints = [`dist/tools/packed/${name}.js`]
  await build({ ...commonJs, sourcemap: false, outfile, entryPoints })
  return outfile
}

type Names = Readonly<Record<string, string>>

/** Source of a stub. Node must see what the server's exports without running it. */
function stubOf(name: string, file: string, kept: Names, optional: Names): string {
  const load = `load(__dirname + '/${file}')`
  const member = OPTIONAL[name]
  if (member !== undefined) return `exports.${member} = require('./load.cjs').${load}.${member}\n`
  if (name !== 'serve') return `require('./load.cjs').${load}\n`
  return `const { keep, load } = require('./load.cjs')
keep(__dirname, ${JSON.stringify(kept)}, ${JSON.stringify(optional)})
exports.serve = ${load}.serve
`
}

/**
 * Escapes characters outside ASCII: V8 reads one-byte sources twice as fast. The bundler leaves such
 * characters only in comments and regular expressions, where escapes mean the same.
 */
function toAscii(text: string): string {
  return text.replace(/[^\0-\x7f]/g, character => {
    return '\\u' + character.charCodeAt(0).toString(16).padStart(4, '0')
  })
}

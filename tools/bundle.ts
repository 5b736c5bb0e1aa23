/**
 * Bundles the compiled files into `dist/bundle`: one file for each thread and each command. More than
 * half of the time until the first answer was spent on finding and opening 400 modules, once for
 * each of four threads (0.80 s of one core; 0.49 s bundled).
 *
 * `bin` has the commands; `serve` has the server and its threads, with V8's code cache for those that
 * run at a start. The bundle is built from the compiled files that the tests run.
 */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { codeCachePath } from './packed/load.js'
import { common, COMPILED } from './packed/options.js'
import { warmUp } from './packed/warm-up.js'
import { bundleServer, bundleTool, type BundledFile } from './packed/server.js'

const BIN = 'dist/bundle/bin'
const SERVE = 'dist/bundle/serve'
/** Files that run before the first answer, and the recorder, which runs right after it. */
const CACHED = ['serve', 'compiler-main', 'worker-main', 'recorder-main']

/** Keeps the server out of the commands, which load it from its own folder. */
const serveExternal: Plugin = {
  name: 'serve external',
  setup: bundler => {
    bundler.onResolve({ filter: /^\.\.\/commands\/gateway\/serve\.js$/ }, () => ({
      path: '../serve/serve.js',
      external: true
    }))
  }
}

/**
 * Three quarters of a megabyte that acme-client loads and we do not use: its cryptography for versions of Node without
 * any, and forms with files.
 */
const acmeUnused: Plugin = {
  name: 'unused parts of acme-client',
  setup: bundler => {
    const unused = ({ importer }: { readonly importer: string }) =>
      /node_modules\/(acme-client|axios)\//.test(importer)
        ? { path: 'unused', namespace: 'unused' }
        : undefined
    bundler.onResolve({ filter: /^\.\/crypto\/forge$|^form-data$/ }, unused)
    bundler.onLoad({ filter: /^/, namespace: 'unused' }, () => ({
      contents: 'module.exports = {}'
    }))
  }
}

/** Bundles the commands. They share common code, and load nothing of each other. */
async function bundleCommands(): Promise<readonly string[]> {
  const { metafile } = await build({
    ...common,
    outdir: BIN,
    format: 'esm',
    splitting: true,
    plugins: [serveExternal, acmeUnused],
    // For CommonJS packages, which require Node's modules.
    banner: {
      js: `import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url)`
    },
    entryPoints: {
      interdict: `${COMPILED}/cli/main.js`,
      'command-main': `${COMPILED}/cli/command-main.js`
    }
  })
  return Object.keys(metafile.outputs).map(path => basename(path))
}

/** Starts the server once and saves V8's code cache. If that fails, starts only take longer. */
async function buildCodeCache(server: readonly BundledFile[]): Promise<void> {
  const files = server.filter(({ name }) => CACHED.includes(name)).map(({ path }) => path)
  if (files.every(file => existsSync(codeCachePath(file)))) return
  // On the same file system as the bundle, so that files can be renamed into it.
  const folder = mkdtempSync('dist/warm-up-')
  try {
    const preload = await bundleTool('save-code-cache', folder)
    await warmUp(join(BIN, 'interdict.js'), preload, folder)
    for (const file of files) renameSync(join(folder, basename(file)), codeCachePath(file))
  } catch (error) {
    process.stderr.write(`bundled without V8's code cache: ${(error as Error).message}\n`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const [server, commands] = await Promise.all([bundleServer(SERVE), bundleCommands()])
await buildCodeCache(server)
// Files of an earlier bundle are removed last, so that a program that is starting finds its parts.
for (const file of readdirSync(BIN)) if (!commands.includes(file)) rmSync(join(BIN, file))
const parts = ['load.cjs', 'package.json', ...server.map(({ name }) => `${name}.js`)]
const packed = server.map(({ path }) => basename(path))
for (const file of readdirSync(SERVE)) {
  const isPart = parts.includes(file) || packed.some(path => file.startsWith(path))
  if (!isPart) rmSync(join(SERVE, file))
}

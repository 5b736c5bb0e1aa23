/**
 * Packs what was compiled into `dist/bundle`: one file for each thread and each command. Of the time
 * until the first answer, more than half was spent on finding and opening 400 modules, four times
 * over, one for each thread (0.80 s of one core, 0.49 s when packed).
 *
 * `bin` has the commands, `serve` the server and its threads, with what V8 compiled of those that
 * a start runs. The bundle is made of the same compiled files that the tests of the rooms run, and
 * its own tests run it.
 */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { codeOf } from './packed/load.js'
import { common, FROM } from './packed/options.js'
import { practise } from './packed/practise.js'
import { packServer, packTool, type PackedFile } from './packed/server.js'

const BIN = 'dist/bundle/bin'
const SERVE = 'dist/bundle/serve'
/** What runs before the first answer, and the recorder, which runs at once after it. */
const PRACTISED = ['serve', 'compiler-main', 'worker-main', 'recorder-main']

/** The server is packed by itself; commands find it in its folder. */
const serveApart: Plugin = {
  name: 'serve apart',
  setup: bundler => {
    bundler.onResolve({ filter: /^\.\.\/commands\/serve\.js$/ }, () => ({
      path: '../serve/serve.js',
      external: true
    }))
  }
}

/** Commands share what they have in common, and load nothing of each other's. */
async function packCommands(): Promise<readonly string[]> {
  const { metafile } = await build({
    ...common,
    outdir: BIN,
    format: 'esm',
    splitting: true,
    plugins: [serveApart],
    // For packages in CommonJS: what they require is a part of the bundle, or one of Node's modules.
    banner: {
      js: `import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url)`
    },
    entryPoints: { interdict: `${FROM}/cli/main.js` }
  })
  return Object.keys(metafile.outputs).map(path => basename(path))
}

/** Lets V8 compile what a start runs, and keeps that. Where it cannot be done, a start takes longer. */
async function keepCode(server: readonly PackedFile[]): Promise<void> {
  const files = server.filter(({ name }) => PRACTISED.includes(name)).map(({ path }) => path)
  if (files.every(file => existsSync(codeOf(file)))) return
  // Beside the bundle: from there to it, files are moved as a whole.
  const folder = mkdtempSync('dist/practice-')
  try {
    const preload = await packTool('keep-code', folder)
    await practise(join(BIN, 'interdict.js'), preload, folder)
    for (const file of files) renameSync(join(folder, basename(file)), codeOf(file))
  } catch (error) {
    process.stderr.write(`packed without V8's code: ${(error as Error).message}\n`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const [server, commands] = await Promise.all([packServer(SERVE), packCommands()])
await keepCode(server)
// What an earlier bundle left goes last, so that a program which is just starting finds its parts.
for (const file of readdirSync(BIN)) if (!commands.includes(file)) rmSync(join(BIN, file))
const parts = ['load.cjs', 'package.json', ...server.map(({ name }) => `${name}.js`)]
const packed = server.map(({ path }) => basename(path))
for (const file of readdirSync(SERVE)) {
  const isPart = parts.includes(file) || packed.some(path => file.startsWith(path))
  if (!isPart) rmSync(join(SERVE, file))
}

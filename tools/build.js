/**
 * `npm run build`: compiles, packs, and says so; does nothing where nothing changed. Types are not checked here,
 * which takes 20 s: `npm run lint` checks them.
 *
 * Plain JavaScript, since it runs before anything is compiled.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

/** In an image, only those that ship. */
const SOURCES = ['src', 'test', 'bench', 'tools'].filter(existsSync)
/**
 * Not the rules, although the warm-up uses them: `npm start` after a change of rules must not compile again. The
 * dashboard completes by the schemas. */
const OTHERS = ['package-lock.json', 'tsconfig.json', 'docs/reference/schemas'].filter(existsSync)
const STAMP = 'dist/.stamp'

/** @returns the files below a path, or the path itself */
const filesOf = path =>
  statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: 'utf8' })
        .map(file => join(path, file))
        .filter(file => statSync(file).isFile())
    : [path]

/** What the outcome depends on: sources by size and time, and the version of V8, whose code is kept. */
function stamp() {
  const hash = createHash('sha256').update(process.versions.v8)
  for (const file of [...SOURCES, ...OTHERS].flatMap(filesOf).sort()) {
    const { size, mtimeMs } = statSync(file)
    hash.update(`${file} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

/** Compiled files whose source is gone: a test that was deleted must not run. */
function prune() {
  for (const folder of SOURCES.filter(name => existsSync(join('dist', name)))) {
    for (const file of filesOf(join('dist', folder))) {
      const source = file.slice('dist/'.length).replace(/\.js(\.map)?$/, '.ts')
      if (!existsSync(source)) rmSync(file)
    }
  }
}

/** Puts the verifier of evidence packs into the module that exports it. */
const verifier = {
  name: 'verifier',
  setup: bundler => {
    bundler.onLoad({ filter: /[/\\]verify-py\.ts$/ }, ({ path }) => {
      const text = readFileSync(join(dirname(path), 'verify.py'), 'utf8')
      return { contents: `export const VERIFY_PY = ${JSON.stringify(text)}`, loader: 'ts' }
    })
  }
}

/** Puts the requirements of profiles into the module that exports them. */
const profiles = {
  name: 'profiles',
  setup: bundler => {
    bundler.onLoad({ filter: /[/\\]profile-texts\.ts$/ }, ({ path }) => {
      const folder = dirname(path)
      const files = readdirSync(folder).filter(file => file.endsWith('.yaml'))
      const texts = files.map(file => [file, readFileSync(join(folder, file), 'utf8')])
      const contents = `export const PROFILE_TEXTS = ${JSON.stringify(Object.fromEntries(texts))}`
      return { contents, loader: 'ts' }
    })
  }
}

/** Each module by itself, as `tsc` does; the dashboard is bundled. */
function compile() {
  const isModule = path =>
    path.endsWith('.ts') && !path.startsWith(join('src', 'admin', 'dashboard'))
  return build({
    entryPoints: SOURCES.flatMap(filesOf).filter(isModule),
    ...{ outdir: 'dist', outbase: '.', format: 'esm', platform: 'node', target: 'es2022' },
    ...{
      sourcemap: true,
      sourcesContent: false,
      logLevel: 'warning',
      plugins: [verifier, profiles]
    }
  })
}

function pack() {
  const { status } = spawnSync(process.execPath, ['dist/tools/bundle.js'], { stdio: 'inherit' })
  if (status !== 0) throw new Error('dist/tools/bundle.js failed')
}

async function step(what, work) {
  const start = performance.now()
  process.stderr.write(`${what} ... `)
  await work()
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  process.stderr.write(`done in ${seconds} s\n`)
}

const current = stamp()
if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === current) process.exit(0)
mkdirSync('dist', { recursive: true })
rmSync(STAMP, { force: true })
prune()
await step('compiling', compile)
await step('packing', pack)
writeFileSync(STAMP, current)

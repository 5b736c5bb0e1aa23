/**
 * `npm run build`: compiles what changed, packs it, and says so; does nothing where nothing changed.
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
import { join } from 'node:path'

/** In an image, only those that ship. */
const SOURCES = ['src', 'test', 'bench', 'tools'].filter(existsSync)
/** The warm-up uses the shipped rules: see `tools/packed/warm-up.ts`. */
const OTHERS = ['package-lock.json', 'tsconfig.json', 'rules']
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

function step(what, ...command) {
  const start = performance.now()
  process.stderr.write(`${what} ... `)
  const { status, stdout } = spawnSync(process.execPath, command, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8'
  })
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  process.stderr.write(status === 0 ? `done in ${seconds} s\n` : `failed\n${stdout}`)
  if (status !== 0) process.exit(1)
}

const current = stamp()
if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === current) process.exit(0)
mkdirSync('dist', { recursive: true })
rmSync(STAMP, { force: true })
prune()
step('compiling', 'node_modules/typescript/bin/tsc')
step('packing', 'dist/tools/bundle.js')
writeFileSync(STAMP, current)

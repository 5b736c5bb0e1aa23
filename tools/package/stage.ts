import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { completionScript } from '../../src/cli/completion/script.js'
import { createProgram } from '../../src/cli/run.js'
import { manPages } from '../man-page.js'
import { copyright, notices } from './notices.js'
import { unpack } from './fetch.js'
import { analysisPackages, gatewayPackages, nodePackage, type Architecture } from './runtime.js'
import { filesBelow } from './system.js'

/** Where the program is installed. */
export const HOME = '/usr/lib/interdict'
/** Units of systemd. */
const UNITS = [
  'interdict.service',
  'interdict-egress.service',
  'interdict-certificate.service',
  'interdict-certificate.timer'
]
const DOC = '/usr/share/doc'

/**
 * Maps and code caches are left out: a map is twice as large as its file, and a code cache differs from build
 * to build.
 */
const isShipped = (file: string): boolean => /\.(js|cjs|json)$/.test(file)

const PROGRAM = `#!/bin/sh
exec ${HOME}/bin/node ${HOME}/dist/bundle/bin/interdict.js "$@"
`

/** The files of one package, in a folder that stands for the root. */
export interface Stage {
  readonly root: string
  readonly architecture: Architecture
}

/** The gateway: everything but reports and archives. */
export function stageGateway({ root, architecture }: Stage): void {
  const at = (path: string): string => join(root, path)
  const home = at(HOME)
  for (const file of bundled().filter(file => !isAnalysis(file))) {
    copy(`dist/bundle/${file}`, join(home, 'dist/bundle', file))
  }
  // /usr/bin/interdict starts it, with the Node beside it.
  const main = join(home, 'dist/bundle/bin/interdict.js')
  writeFileSync(main, readFileSync(main, 'utf8').replace(/^#!.*\n/, ''))
  chmodSync(main, 0o644)
  for (const path of ['rules', 'contrib/examples', 'interdict.yaml'])
    cpSync(path, join(home, path), { recursive: true })
  writeJson(join(home, 'package.json'), manifest())
  const node = scratch(folder => {
    unpack(nodePackage(architecture), folder)
    copy(join(folder, 'bin/node'), join(home, 'bin/node'))
    return readFileSync(join(folder, 'LICENSE'), 'utf8')
  })
  write(at(`${DOC}/interdict/LICENSE.node`), node)
  write(at(`${DOC}/interdict/NOTICES`), notices())
  write(at(`${DOC}/interdict/copyright`), copyright())
  for (const wanted of gatewayPackages(architecture)) {
    unpack(wanted, join(home, 'node_modules', wanted.name))
  }
  removeUnused(join(home, 'node_modules'))

  write(at('/usr/bin/interdict'), PROGRAM, 0o755)
  for (const unit of UNITS) copy(`contrib/systemd/${unit}`, at(`/usr/lib/systemd/system/${unit}`))
  copy('contrib/systemd/sysusers.conf', at('/usr/lib/sysusers.d/interdict.conf'))
  copy('contrib/systemd/tmpfiles.conf', at('/usr/lib/tmpfiles.d/interdict.conf'))
  for (const { file, text } of manPages()) {
    write(at(`/usr/share/man/man1/${file}.gz`), gzipSync(text, { level: 9 }))
  }
  const completions = {
    bash: '/usr/share/bash-completion/completions/interdict',
    zsh: '/usr/share/zsh/vendor-completions/_interdict',
    fish: '/usr/share/fish/vendor_completions.d/interdict.fish'
  }
  for (const [shell, path] of Object.entries(completions)) {
    write(at(path), completionScript(shell, createProgram())!)
  }
  cpSync('docs', at(`${DOC}/interdict`), { recursive: true })
  copy('README.md', at(`${DOC}/interdict/README.md`))
  for (const part of ['grafana', 'prometheus']) {
    cpSync(`contrib/${part}`, at(`/usr/share/interdict/${part}`), { recursive: true })
  }
  write(at(`${DOC}/interdict/changelog.gz`), gzipSync(readFileSync('CHANGELOG.md'), { level: 9 }))
}

/** What the gateway lacks: DuckDB for reports and archives, and ECharts for pages with charts. */
export function stageAnalysis({ root, architecture }: Stage): void {
  const home = join(root, HOME)
  for (const file of bundled().filter(isAnalysis)) {
    copy(`dist/bundle/${file}`, join(home, 'dist/bundle', file))
  }
  for (const wanted of analysisPackages(architecture)) {
    unpack(wanted, join(home, 'node_modules', wanted.name))
  }
  removeUnused(join(home, 'node_modules'))
  const doc = join(root, DOC)
  mkdirSync(doc, { recursive: true })
  symlinkSync('interdict', join(doc, 'interdict-analysis'))
}

/** Files of the bundle that are shipped, relative to it. */
export function bundled(): readonly string[] {
  return filesBelow('dist/bundle').filter(isShipped)
}

/** Whether a file of the bundle has ECharts in it. */
function isAnalysis(file: string): boolean {
  return /^\/\/ .*node_modules\/echarts\//m.test(readFileSync(`dist/bundle/${file}`, 'latin1'))
}

/** What the program reads of package.json. */
function manifest(): object {
  const { name, version, type } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<
    string,
    unknown
  >
  return { name, version, type, private: true }
}

/** Removes what no program reads: sources, types, texts, and native code for other C libraries. */
function removeUnused(modules: string): void {
  const isUsed = (file: string): boolean =>
    /\.([cm]?js|json|node|so)$/.test(file) && !/\/musl_|cnoke/.test(file)
  for (const file of filesBelow(modules)) {
    if (!isUsed(file)) rmSync(join(modules, file))
    // Some are marked as programs, for the Node that the user has.
    else chmodSync(join(modules, file), 0o644)
  }
  const folders = readdirSync(modules, { recursive: true, encoding: 'utf8' })
    .filter(path => statSync(join(modules, path)).isDirectory())
    .sort()
  // The deepest first: a folder may be empty once those in it are gone.
  for (const path of folders.reverse()) {
    if (readdirSync(join(modules, path)).length === 0) rmdirSync(join(modules, path))
  }
}

export function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(from, to)
}

function write(path: string, content: string | Uint8Array, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content, { mode })
}

function writeJson(path: string, value: object): void {
  write(path, `${JSON.stringify(value, undefined, 2)}\n`)
}

/** Calls back with a temporary folder. */
export function scratch<Result>(use: (folder: string) => Result): Result {
  mkdirSync('dist/package', { recursive: true })
  const folder = mkdtempSync('dist/package/scratch-')
  try {
    return use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

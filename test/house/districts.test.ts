import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { tableAfter } from './markdown.js'

const PAGE = 'docs/internals/architecture.md'
const MAX_DEPTH = 4
const MAX_FILES = 25

const list = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(m => m[1]!)

/** Districts, bottom to top: what each is, and which others it may import. */
const districts = tableAfter(PAGE, '## Districts').map(([name, what, imports]) => ({
  name: list(name!)[0]!,
  what: what!,
  imports: list(imports ?? '')
}))
/** Folders with their own folders, bottom to top. */
const ORDER = new Map([
  ['', districts.map(({ name }) => name)],
  ...tableAfter(PAGE, '## Districts', 1).map(([folder, inner]): [string, string[]] => [
    list(folder!)[0]!,
    list(inner!)
  ])
])
/** Packages, and the folders that may import them. */
const packages = new Map(
  tableAfter(PAGE, '## Districts', 2).flatMap(([names, folders]) =>
    list(names!).map((name): [string, string[]] => [name, list(folders!)])
  )
)

const entries = readdirSync('src', { recursive: true, encoding: 'utf8', withFileTypes: true })
const pathOf = ({ parentPath, name }: { parentPath: string; name: string }): string =>
  join(parentPath, name).slice('src/'.length)
const folders = entries.filter(entry => entry.isDirectory()).map(pathOf)
const files = entries.map(pathOf).filter(file => /\.tsx?$/.test(file))
/** What can be imported: modules, and data as JSON. */
const known = new Set([...files, ...entries.map(pathOf).filter(file => file.endsWith('.json'))])

interface Import {
  readonly file: string
  /** A path below `src`, or the name of a package. */
  readonly target: string
  readonly isLocal: boolean
  readonly typeOnly: boolean
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g

const imports: Import[] = files.flatMap(file => {
  const text = readFileSync(join('src', file), 'utf8')
  return [...text.matchAll(IMPORT)].map(([, type, from, dynamic]) => {
    const target = from ?? dynamic!
    const path = join(dirname(file), target).replace(/\.js$/, '.ts')
    const isLocal = target.startsWith('.')
    return {
      file,
      target: !isLocal ? target : known.has(path) ? path : path.replace(/\.ts$/, '.tsx'),
      isLocal,
      typeOnly: type !== undefined
    }
  })
})
const local = imports.filter(({ isLocal }) => isLocal)

/** The folder that two paths share, and the next step to each: a folder or a file in it. */
function fork(from: string, to: string): readonly [string, string, string] {
  const [a, b] = [from.split('/'), to.split('/')]
  let shared = 0
  while (shared < a.length - 1 && a[shared] === b[shared]) shared++
  return [a.slice(0, shared).join('/'), a[shared]!, b[shared]!]
}

t.test('the tables list every folder of src', async t => {
  const parents = new Set(folders.map(folder => dirname(folder).replace(/^\.$/, '')))
  t.strictSame([...ORDER.keys()].sort(), [...parents].sort())
  for (const [parent, inner] of ORDER) {
    const found = folders.filter(folder => dirname(folder).replace(/^\.$/, '') === parent)
    t.strictSame(
      [...inner].sort(),
      found.map(folder => folder.split('/').at(-1)!).sort(),
      `folders of ${parent || 'src'}`
    )
  }
  t.ok(local.length > 5000, 'the imports were found')
})

t.test('no folder imports one above it, at any depth', async t => {
  for (const { file, target } of local) {
    if (!known.has(target)) t.fail(`${file} imports ${target}, which does not exist`)
    const [parent, from, to] = fork(file, target)
    const order = ORDER.get(parent) ?? []
    const [above, below] = [order.indexOf(from), order.indexOf(to)]
    // A file beside folders is checked for cycles below.
    if (above === -1 || below === -1 || above >= below) continue
    t.fail(`${file} imports ${target}: in ${parent || 'src'}, ${to} is above ${from}`)
  }
})

t.test('folders, and files beside them, form no import cycle', async t => {
  const arrows = new Map<string, Map<string, Set<string>>>()
  for (const { file, target } of local) {
    const [parent, from, to] = fork(file, target)
    if (from === to) continue
    const inner = arrows.get(parent) ?? new Map<string, Set<string>>()
    arrows.set(parent, inner)
    inner.set(from, (inner.get(from) ?? new Set()).add(to))
  }
  t.ok(arrows.size > 50)
  for (const [parent, inner] of arrows) t.strictSame(cycleIn(inner), [], parent || 'src')
})

/** @returns the nodes of a cycle; empty: there is none */
function cycleIn(arrows: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const done = new Set<string>()
  const visit = (node: string, path: readonly string[]): readonly string[] => {
    const at = path.indexOf(node)
    if (at !== -1) return path.slice(at)
    if (done.has(node)) return []
    for (const next of arrows.get(node) ?? []) {
      const cycle = visit(next, [...path, node])
      if (cycle.length > 0) return cycle
    }
    done.add(node)
    return []
  }
  for (const node of arrows.keys()) {
    const cycle = visit(node, [])
    if (cycle.length > 0) return cycle
  }
  return []
}

t.test('the check finds a cycle', async t => {
  const of = (...arrows: readonly string[]) =>
    new Map(arrows.map(arrow => [arrow[0]!, new Set(arrow.slice(1))] as const))
  t.strictSame(cycleIn(of('ab', 'bc', 'cd')), [])
  t.strictSame(cycleIn(of('ab', 'bcd', 'db')), ['b', 'd'])
})

t.test('a district imports only those that the table allows', async t => {
  for (const { name, imports: allowed } of districts) {
    const used = new Set(
      local
        .filter(({ file }) => file.startsWith(`${name}/`))
        .map(({ target }) => target.split('/')[0]!)
        .filter(target => target !== name)
    )
    t.strictSame([...used].sort(), [...allowed].sort(), name)
  }
})

t.test(`no folder is more than ${MAX_DEPTH} deep or has more than ${MAX_FILES} files`, async t => {
  for (const folder of folders) {
    t.ok(folder.split('/').length <= MAX_DEPTH, folder)
    const own = files.filter(file => dirname(file) === folder)
    t.ok(own.length <= MAX_FILES, `${folder} has ${own.length} files`)
  }
})

t.test('no two files share a name', async t => {
  // A command has the name by which it is called; a table of messages, that of its subject.
  const named = files.filter(file => !/^cli\/commands\/|^base\/errors\/messages\//.test(file))
  const byName = new Map<string, string[]>()
  for (const file of named) {
    const name = basename(file)
    byName.set(name, [...(byName.get(name) ?? []), file])
  }
  t.ok(byName.size > 1000)
  for (const [name, [first, ...others]] of byName)
    if (others.length > 0) t.fail(`${name}: ${first}, ${others.join(', ')}`)
})

t.test('a package is imported only where the table says', async t => {
  for (const { file, target } of imports.filter(({ isLocal }) => !isLocal)) {
    const allowed = packages.get(target)
    if (allowed === undefined) t.ok(target.startsWith('node:'), `${file} imports ${target}`)
    else
      t.ok(
        allowed.some(folder => file.startsWith(`${folder}/`)),
        `${file} imports ${target}, which belongs to ${allowed.join(', ')}`
      )
  }
  for (const [name, allowed] of packages)
    for (const folder of allowed)
      t.ok(
        imports.some(({ file, target }) => target === name && file.startsWith(`${folder}/`)),
        `${folder} imports ${name}`
      )
})

t.test('packages that only one file may import', async t => {
  for (const name of ['dns-packet', 'lru-cache', 'ipaddr.js', 'tldts', 'yaml']) {
    const users = imports.filter(i => i.target === name).map(i => i.file)
    t.equal(users.length, 1, `${name} is imported by ${users.join(', ')}`)
  }
})

t.test('every dependency of package.json is imported somewhere', async t => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Record<string, string>
  }
  for (const name of Object.keys(dependencies)) {
    t.ok(
      imports.some(i => i.target === name || i.target.startsWith(`${name}/`)),
      name
    )
  }
})

/** A file and all files that it loads. */
function loadedWith(file: string): Set<string> {
  const loaded = new Set([file])
  for (const one of loaded) {
    for (const { target, typeOnly } of local.filter(i => i.file === one)) {
      if (!typeOnly) loaded.add(target)
    }
  }
  return loaded
}

t.test('threads that lookups wait for never wait for a file to be on disk', async t => {
  const writer = 'base/files/atomic-file.ts'
  const mains = [
    'gateway/workers/worker-main.ts',
    'lookups/threads/recorder-main.ts',
    'lookups/threads/export-main.ts'
  ]
  for (const main of mains) t.notOk(loadedWith(main).has(writer), main)
  const compiler = loadedWith('gateway/compiler/compiler-main.ts')
  t.ok(compiler.has(writer), 'the check finds it where it is')
})

t.test('the control thread loads nothing that reads rules', async t => {
  const readers = [
    'policy/rules/load.ts',
    'policy/yaml/yaml-document.ts',
    'gateway/config/settings-schema.ts'
  ]
  const [control, compiler] = [
    loadedWith('cli/service.ts'),
    loadedWith('gateway/compiler/compiler-main.ts')
  ]
  for (const reader of readers) {
    t.notOk(control.has(reader), reader)
    t.ok(compiler.has(reader), 'the check finds it where it is')
  }
  const loaded = imports.filter(i => !i.typeOnly && control.has(i.file)).map(i => i.target)
  for (const name of ['zod', 'yaml', 'tldts']) t.notOk(loaded.includes(name), name)
})

t.test('each district has a README of one shape, and the page has its first line', async t => {
  for (const { name, what, imports: allowed } of districts) {
    const text = readFileSync(`src/${name}/README.md`, 'utf8')
    t.ok(text.split('\n').length <= 26, `${name}: at most 25 lines`)
    const [title, inAndOut, order, rooms, may, tests] = text.trimEnd().split('\n\n')
    t.equal(title, `# ${name}: ${what}`)
    t.match(inAndOut, /^In: [^]* Out: /, name)
    t.match(order, /^Read in this order: /, name)
    t.ok(list(order!).length >= 4, name)
    for (const file of list(order!)) t.ok(known.has(`${name}/${file}`), `${name}/${file}`)
    t.match(rooms, /^Rooms, bottom to top: /, name)
    t.strictSame(list(rooms!), ORDER.get(name))
    t.match(may, /^May import: /, name)
    t.strictSame(list(may!), allowed)
    t.match(tests, /^Tests: /, name)
    for (const folder of list(tests!)) t.ok(existsSync(folder), `${name}: ${folder}`)
  }
})

t.test('four walks name files that exist, at most twelve each', async t => {
  const walks = readFileSync(PAGE, 'utf8').split('\n## Four walks\n')[1]!.split('\n### ').slice(1)
  t.equal(walks.length, 4)
  for (const walk of walks) {
    const [title] = walk.split('\n')
    const steps = [...walk.matchAll(/^(\d+)\. `([^`]+)`/gm)]
    t.ok(steps.length >= 8 && steps.length <= 12, title!)
    t.strictSame(
      steps.map(([, number]) => Number(number)),
      steps.map((_, i) => i + 1)
    )
    for (const [, , file] of steps) t.ok(known.has(file!), file!)
  }
})

t.test('the page can be read at one sitting', async t => {
  t.ok(readFileSync(PAGE, 'utf8').trimEnd().split('\n').length <= 250)
})

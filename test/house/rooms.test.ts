import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import t from 'tap'
import { tableAfter } from './markdown.js'

/** What a room may import: other rooms, and packages that belong to it. */
interface Room {
  readonly imports: readonly string[]
  readonly packages: readonly string[]
}

const list = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(m => m[1]!)

const rooms = new Map<string, Room>(
  tableAfter('docs/internals/architecture.md', '## Rooms').map(([room, , imports, packages]) => [
    list(room!)[0]!,
    { imports: list(imports ?? ''), packages: list(packages ?? '') }
  ])
)

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(f =>
  /\.tsx?$/.test(f)
)

interface Import {
  readonly file: string
  readonly room: string
  readonly target: string
  readonly typeOnly: boolean
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]/g

const imports: Import[] = files.flatMap(file => {
  const text = readFileSync(join('src', file), 'utf8')
  return [...text.matchAll(IMPORT)].map(m => ({
    file,
    room: file.split('/')[0]!,
    target: m[2] ?? m[3]!,
    typeOnly: m[1] !== undefined
  }))
})

t.test('the table lists every folder of src', async t => {
  const folders = readdirSync('src', { withFileTypes: true })
    .filter(e => e.isDirectory())
    .map(e => e.name)
  t.strictSame(folders.sort(), [...rooms.keys()].sort())
  t.ok(imports.length > 100, 'the imports were found')
})

t.test('a room imports only the rooms that the table allows', async t => {
  for (const { file, room, target } of imports.filter(i => i.target.startsWith('.'))) {
    const to = relative('src', resolve('src', dirname(file), target).slice(resolve('.').length + 1))
    const other = to.split('/')[0]!
    if (other === room) continue
    const allowed = rooms.get(room)?.imports ?? []
    t.ok(
      allowed.includes(other),
      `${file} imports ${other}/, and ${room} may import ${allowed.join(', ')}`
    )
  }
})

t.test('no two files import each other', async t => {
  const arrows = new Set(
    imports
      .filter(i => i.target.startsWith('.'))
      .map(i => `${i.file} ${join(dirname(i.file), i.target).replace(/\.js$/, '.ts')}`)
  )
  const mutual = [...arrows].filter(arrow => {
    const [from, to] = arrow.split(' ')
    return arrows.has(`${to} ${from}`)
  })
  t.strictSame(mutual, [])
})

/** Packages that belong to rooms, and Node modules that open sockets or threads. */
const OWNED = [...new Set([...rooms.values()].flatMap(room => room.packages))]

t.test('a package is imported only by its rooms', async t => {
  for (const { file, room, target } of imports.filter(i => !i.target.startsWith('.'))) {
    if (!OWNED.includes(target)) {
      t.ok(target.startsWith('node:'), `${file} imports ${target}, which no room owns`)
      continue
    }
    t.ok(
      rooms.get(room)?.packages.includes(target),
      `${file} imports ${target}, which ${room} does not own`
    )
  }
})

t.test('packages that only one file may import', async t => {
  for (const name of ['dns-packet', 'lru-cache', 'ipaddr.js', 'tldts', 'yaml']) {
    const users = imports.filter(i => i.target === name).map(i => i.file)
    t.equal(users.length, 1, `${name} is imported by ${users.join(', ')}`)
  }
})

/** A file and all files that it loads. */
function loadedWith(file: string): Set<string> {
  const loaded = new Set([file])
  for (const one of loaded) {
    for (const { target, typeOnly } of imports.filter(i => i.file === one)) {
      if (target.startsWith('.') && !typeOnly)
        loaded.add(join(dirname(one), target).replace(/\.js$/, '.ts'))
    }
  }
  return loaded
}

t.test('threads that lookups wait for never wait for a file to be on disk', async t => {
  const writer = 'base/files/atomic-file.ts'
  for (const thread of ['worker', 'recorder', 'export'])
    t.notOk(loadedWith(`daemon/threads/${thread}-main.ts`).has(writer), thread)
  t.ok(loadedWith('gateway/compiler/compiler-main.ts').has(writer), 'the check finds it where it is')
})

t.test('the control thread loads nothing that reads rules', async t => {
  const readers = ['policy/rules/load.ts', 'policy/yaml/yaml-document.ts', 'gateway/config/schema.ts']
  for (const reader of readers) {
    t.notOk(loadedWith('cli/service.ts').has(reader), reader)
    t.ok(
      loadedWith('gateway/compiler/compiler-main.ts').has(reader),
      'the check finds it where it is'
    )
  }
  const loaded = loadedWith('cli/service.ts')
  const packages = imports.filter(i => !i.typeOnly && loaded.has(i.file)).map(i => i.target)
  for (const name of ['zod', 'yaml', 'tldts']) t.notOk(packages.includes(name), name)
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

import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { loadRules } from '../../src/policy/rules/load.js'
import { RulesFolder } from '../../src/policy/rules/model/folder.js'
import { brief, load, loadGood, poured, type Files } from './folder.js'

/** Rules of one network that blocks a list. */
const listed = (entry: string): Files => ({
  'networks.yaml': `networks: { n: { prefixes: [10.0.0.0/8], block: [{ lists: [m] }] } }\nlists:\n  m: ${entry}\n`
})
const FILE = listed('{ file: lists/m.txt }')
const FOLDER = listed('{ folder: lists/m/ }')
const MEGABYTE = 2 ** 20

const packed = gzipSync('a.example\nb.example\n')
const lists = [
  { it: 'a packed file, whatever its name', files: { ...FILE, 'lists/m.txt': packed } },
  {
    it: 'a gzip file of several members',
    files: {
      ...FILE,
      'lists/m.txt': Buffer.concat([gzipSync('a.example\n'), gzipSync('b.example\n')])
    }
  },
  {
    it: 'an uncompressed file with a name in .gz',
    files: { ...listed('{ file: lists/m.gz }'), 'lists/m.gz': 'a.example\nb.example\n' }
  }
]

for (const { it, files } of lists) {
  t.test(`reads ${it}`, async t => {
    const { sources } = await loadGood(t, files)
    t.strictSame(poured(sources[0]!), ['suffix a.example 1', 'suffix b.example 2'])
  })
}

t.test('reads all files of a folder as one list', async t => {
  const { sources, networks, files } = await loadGood(t, {
    ...FOLDER,
    'lists/m/b.txt': 'b.example\n',
    'lists/m/a.txt.gz': gzipSync('||a.example^\n@@||b.example^\n'),
    'lists/m/c.txt': '0.0.0.0 c.example\n',
    'lists/m/.d.txt.swp': 'd.example\n',
    'lists/m/e.txt~': 'e.example\n'
  })
  const said = sources.map(source => `${source.file}: ${poured(source).join()}`)
  t.strictSame(said, [
    'lists/m/a.txt.gz: suffix b.example 2',
    'lists/m/a.txt.gz: suffix a.example 1',
    'lists/m/b.txt: ',
    'lists/m/c.txt: exact c.example 1'
  ])
  t.strictSame(networks[0]!.rules[0]!.sources, sources, 'a rule on it speaks through all of them')
  t.strictSame(new Set(sources.map(({ title }) => title)), new Set(['m']))
  t.equal(new Set(sources.map(({ id }) => id)).size, sources.length)
  const watched = files.map(file => file.replace(/^.*\/(?=lists\/)/, ''))
  for (const file of ['lists/m', 'lists/m/a.txt.gz', 'lists/m/b.txt'])
    t.ok(watched.includes(file), file)
})

t.test('reports the format and content of each file', async t => {
  const result = await load(t, {
    ...FOLDER,
    'lists/m/a.txt': '||a.example^\n/x/\n/y/\n',
    'lists/m/b.txt': 'b.example\nb b\n'
  })
  t.match(result, {
    lists: [
      { id: 'm', format: 'adblock', names: 1, unsupported: new Map([['regular expressions', 2]]) },
      { id: 'm', format: 'domains', detectedBy: 'all of its first 2 lines', names: 1 }
    ]
  })
  t.strictSame(result.ok && brief(result.warnings), ['RULES_LIST_LINE b.txt:2:1'])
})

t.test('accepts an empty folder if the list may be empty', async t => {
  const files = { ...listed('{ folder: lists, may-be-empty: true }'), 'lists/.keep': '' }
  t.match(await load(t, files), { ok: true })
})

const refused: readonly { it: string; files: Files; errors: readonly string[] }[] = [
  {
    it: 'a gzip bomb',
    files: {
      ...listed('{ file: lists/m.txt, max-size: 1MB }'),
      'lists/m.txt': gzipSync(Buffer.alloc(64 * MEGABYTE, 'a.example\n'))
    },
    errors: ['RULES_LIST_LARGE lists/m.txt:1:1']
  },
  {
    it: 'a truncated gzip file',
    files: { ...FILE, 'lists/m.txt': packed.subarray(0, -9) },
    errors: ['RULES_LIST_GZIP lists/m.txt:1:1']
  },
  {
    it: 'a corrupt gzip file',
    files: {
      ...FILE,
      'lists/m.txt': Buffer.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    },
    errors: ['RULES_LIST_GZIP lists/m.txt:1:1']
  },
  {
    it: 'files that exceed the limit together',
    files: {
      ...listed('{ folder: lists, max-size: 2KB }'),
      'lists/a.txt': 'a.example\n'.repeat(150),
      'lists/b.txt': 'b.example\n'.repeat(150)
    },
    errors: ['RULES_LIST_LARGE lists/b.txt:1:1']
  },
  {
    it: 'a folder in the place of a file',
    files: { ...listed('{ file: lists }'), 'lists/m.txt': 'a.example\n' },
    errors: ['RULES_UNREADABLE networks.yaml:3:14']
  },
  {
    it: 'a folder in a folder',
    files: { ...FOLDER, 'lists/m/a.txt': 'a.example\n', 'lists/m/n/b.txt': 'b.example\n' },
    errors: ['RULES_UNREADABLE networks.yaml:3:16']
  },
  {
    it: 'a folder without files',
    files: { ...FOLDER, 'lists/m/.x': '' },
    errors: ['RULES_UNREADABLE networks.yaml:3:16']
  },
  {
    it: 'a missing folder',
    files: FOLDER,
    errors: ['RULES_UNREADABLE networks.yaml:3:16']
  },
  {
    it: 'a file outside the folder',
    files: listed('{ file: ../a.txt }'),
    errors: ['RULES_UNREADABLE networks.yaml:3:14']
  },
  {
    it: 'a folder outside the folder',
    files: listed('{ folder: /etc }'),
    errors: ['RULES_UNREADABLE networks.yaml:3:16']
  },
  {
    it: 'a device',
    files: listed('{ file: /dev/zero }'),
    errors: ['RULES_UNREADABLE networks.yaml:3:14']
  },
  {
    it: 'a list with file and folder',
    files: listed('{ file: a.txt, folder: lists }'),
    errors: ['DOCUMENT_INVALID networks.yaml:3:6']
  },
  {
    it: 'a list with neither',
    files: listed('{ format: hosts }'),
    errors: ['DOCUMENT_INVALID networks.yaml:3:6']
  },
  {
    it: 'one file of a folder that is not a list',
    files: { ...FOLDER, 'lists/m/a.txt': 'a.example\n', 'lists/m/b.txt': '<html>' },
    errors: ['RULES_LIST_REFUSED b.txt:1:1']
  }
]

for (const { it, files, errors } of refused) {
  t.test(`rejects ${it}`, async t => {
    const result = await load(t, files)
    t.strictSame(result.ok ? [] : brief(result.errors), errors)
  })
}

t.test('rejects a file of 2 GB without reading it', async t => {
  const folder = t.testdir(folderOf(FILE))
  const file = join(folder, 'lists/m.txt')
  mkdirSync(join(folder, 'lists'))
  writeFileSync(file, '')
  truncateSync(file, 2048 * MEGABYTE)
  const before = process.memoryUsage().arrayBuffers
  const result = await loadRules(folder)
  t.strictSame(result.ok ? [] : brief(result.errors), ['RULES_LIST_LARGE lists/m.txt:1:1'])
  t.ok(process.memoryUsage().arrayBuffers - before < 64 * MEGABYTE)
})

t.test('rejects a pipe without waiting for a writer', async t => {
  const folder = t.testdir(folderOf(FILE))
  mkdirSync(join(folder, 'lists'))
  execFileSync('mkfifo', [join(folder, 'lists/m.txt')])
  const result = await loadRules(folder)
  t.strictSame(result.ok ? [] : brief(result.errors), ['RULES_UNREADABLE networks.yaml:3:14'])
})

const folderOf = (files: Files) => ({ 'networks.yaml': String(files['networks.yaml']) })

t.test(
  'a file elsewhere: only in a folder that the settings name, whatever links there are',
  async t => {
    const at = t.testdir({
      rules: { 'networks.yaml': '', lists: {}, authorities: {} },
      shared: { 'm.txt': 'a.example\n', 'ca.pem': 'no certificate' }
    })
    const folder = join(at, 'rules')
    const list = (file: string): string => String(listed(`{ file: ${file} }`)['networks.yaml'])
    symlinkSync('../../shared/m.txt', join(folder, 'lists/m.txt'))
    const authority =
      'networks: { all: { prefixes: [10.0.0.0/8] } }\nclient-authorities: { a: { certificate: ../shared/ca.pem } }\n'
    const errorsOf = async (text: string, outside: readonly string[] = []): Promise<unknown> => {
      writeFileSync(join(folder, 'networks.yaml'), text)
      const result = await loadRules(new RulesFolder(folder, { outside }))
      return result.ok ? [] : result.errors.map(({ code, message }) => [code, message])
    }
    const refused = [['RULES_UNREADABLE', /outside the rules folder.*rules\.outside-folders/]]
    const shared = join(at, 'shared')
    for (const file of [join(shared, 'm.txt'), '../shared/m.txt', 'lists/m.txt']) {
      t.match(await errorsOf(list(file)), refused, file)
      t.strictSame(await errorsOf(list(file), [shared]), [], file)
    }
    t.match(await errorsOf(authority), [['RULES_AUTHORITY', /outside the rules folder/]])
    t.match(await errorsOf(authority, [shared]), [['RULES_AUTHORITY', /(?!outside)/]])
  }
)

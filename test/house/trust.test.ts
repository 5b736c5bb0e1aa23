import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NO_CODE_FROM_STRINGS, readerOptions } from '../../src/base/threads/isolation.js'
import { schemaKeys } from '../config/schema-strings.js'
import { allRows, fences, tableAfter } from './markdown.js'

const PAGE = 'docs/operations/trust.md'
const page = readFileSync(PAGE, 'utf8')

/** A C function's declaration, as koffi reads it. */
const DECLARATION =
  /'(?:const )?(?:void|char|int|uint|long|ulong|size_t|ssize_t|int64_t|uint64_t)\b[ *]*([A-Za-z_]\w*)\([^']*\)'/g
/** Folders of src that may declare C functions. */
const NATIVE = ['base/system/', 'wire/tls/openssl/']

/** A section of the page, without those below it. */
function section(heading: string): string {
  const [, text] = page.split(`\n${heading}\n`)
  if (text === undefined) throw new Error(`${PAGE} has no heading ${heading}`)
  return text.split(/^#+ /m)[0]!
}

const codesIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(match => match[1]!)

t.test('every foreign call of the sources is on the page, and no other', async t => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  const declared = files
    .filter(file => file.endsWith('.ts'))
    .flatMap(file =>
      [...readFileSync(join('src', file), 'utf8').matchAll(DECLARATION)].map(match => {
        t.ok(
          NATIVE.some(folder => file.startsWith(folder)),
          `${file} declares ${match[1]}`
        )
        return match[1]!
      })
    )
  const [list] = section('## Memory safety and foreign calls').split('\nAll calls')
  const items = list!.slice(list!.indexOf('\n- '))
  const named = codesIn(items).filter(code => /^\w+$/.test(code))
  const others = ['sched_setattr', 'buf_mem_st']
  const calls = named.filter(name => !others.includes(name))
  t.ok(calls.length > 90)
  t.strictSame([...new Set(calls)].sort(), [...new Set(declared)].sort())
})

t.test('the versions of Node', async t => {
  const { version } = JSON.parse(readFileSync('tools/package/node.json', 'utf8')) as {
    version: string
  }
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    engines: { node: string }
  }
  const tls = section('## TLS')
  t.match(tls, `Node.js ${version},`)
  t.match(tls, `Node ${engines.node.slice('>='.length)} is the oldest`)
})

t.test('the settings of the unit that confine', async t => {
  const unit = readFileSync('contrib/systemd/interdict.service', 'utf8')
  const set = unit.split('\n').filter(line => /^\w+=/.test(line))
  const [block] = fences(PAGE, 'ini')
  const shown = block!.text.trimEnd().split('\n')
  t.strictSame(
    shown.filter(line => !set.includes(line)),
    [],
    'what the unit does not have'
  )
  const first = set.findIndex(line => line.startsWith('CapabilityBoundingSet='))
  const confining = set.slice(first).filter(line => !line.startsWith('WantedBy='))
  t.strictSame(
    confining.filter(line => !shown.includes(line)),
    [],
    'what the page does not have'
  )
  for (const name of ['MemoryDenyWriteExecute', 'PrivateUsers']) t.notMatch(set.join('\n'), name)
})

t.test('the options of Node', async t => {
  const text = section('### Options of Node')
  t.match(text, NO_CODE_FROM_STRINGS)
  const options = readerOptions(new Set(['--permission']))
  const permissions = options.filter(option => /^--(permission|allow-)/.test(option))
  const shown = codesIn(text).find(code => code.startsWith('--permission --'))!
  t.strictSame(
    shown.split(' ').map(option => option.replace(/TMPDIR.*/, '')),
    permissions.map(option => option.replace(/(write=).*/, '$1'))
  )
})

t.test('cipher suites, and settings for them', async t => {
  const text = section('## TLS')
  const isSuite = (name: string): boolean => /^(TLS_|ECDHE-)[A-Z\d_-]+$/.test(name)
  const offered = readdirSync('src/wire/tls', { encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .flatMap(
      file => readFileSync(join('src/wire/tls', file), 'utf8').match(/(?<=')[\w-]+(?=')/g) ?? []
    )
    .filter(isSuite)
  t.ok(offered.length > 5)
  t.strictSame(codesIn(text).filter(isSuite), [...new Set(offered)])
  const settable = [...new Set(schemaKeys(['string', 'array']).map(key => key.replace('[]', '')))]
  const keys = settable.filter(key => /^tls\.(groups|cipher)/.test(key))
  for (const key of keys) t.ok(codesIn(text).includes(key), key)
  t.equal(text.includes('have no setting'), keys.length === 0)
})

t.test('defaults are those of the settings page', async t => {
  const known = new Map(
    allRows('docs/reference/settings.md').map(([key, value]) => [key!, value!] as const)
  )
  const rows = tableAfter(PAGE, '## Limits by default')
  t.ok(rows.length > 5)
  for (const [key, value] of rows) t.equal(value, known.get(key!), key!)
})

t.test('results have dates, and clients have tests', async t => {
  const heading = '## Independent tests'
  for (const [suite, date] of tableAfter(PAGE, heading)) t.match(date, /^20\d\d-\d\d-\d\d$/, suite!)
  const clients = tableAfter(PAGE, heading, 1)
  t.ok(clients.length >= 10)
  for (const [client, , tests] of clients) {
    const [word] = client!.toLowerCase().split(' ')
    for (const file of codesIn(tests!)) {
      // systemd-resolved and the servers are started by modules that the test imports.
      t.match(readFileSync(file, 'utf8').toLowerCase(), word!, `${file}: ${client}`)
    }
  }
})

t.test('twenty questions, each with one link to its answer', async t => {
  const rows = tableAfter(PAGE, '## Twenty questions')
  t.strictSame(
    rows.map(([question]) => Number(/^(\d+)\. .*\?$/.exec(question!)?.[1])),
    Array.from({ length: 20 }, (_, i) => i + 1)
  )
  for (const [question, answer] of rows) t.match(answer, /^\[[^\]]+\]\([^)#]*#[^)]+\)$/, question!)
})

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { RemoteList } from '../../../src/policy/rules/lists/remote-list.js'
import { BootstrapResolver } from '../../../src/sources/http/bootstrap-resolver.js'
import { ListCopies } from '../../../src/sources/http/list-copies.js'
import {
  updateList,
  type ListUpdate,
  type ListUpdateOptions
} from '../../../src/sources/http/update-list.js'
import { CERTIFICATE, ListServer, upstream } from './rig.js'
import { KEY, LIST, SIGNATURE } from './signed.js'

const names = (count: number): string =>
  Array.from({ length: count }, (_, i) => `n${i}.example\n`).join('')
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const says =
  (
    status: number,
    headers: Record<string, string>,
    body: string | Uint8Array = ''
  ): RequestListener =>
  (_asked, response) => {
    response.writeHead(status, headers).end(body)
  }

/** Servers, an upstream, and a folder of copies. */
async function rig(t: Test) {
  const server = await ListServer.open(t)
  const plain = await ListServer.open(t, 'http')
  const { endpoint, asked } = await upstream(t)
  const bootstrap = BootstrapResolver.open({ servers: [endpoint], domains: [] })
  t.teardown(() => bootstrap.close())
  const folder = join(t.testdir({}), 'lists')
  const copies = new ListCopies(folder)
  let now = Date.UTC(2026, 10, 26)
  const parts: ListUpdateOptions = {
    copies,
    lookup: bootstrap.lookup,
    caFile: CERTIFICATE,
    timeout: 10_000,
    clients: new Map(),
    now: () => (now += 1000)
  }
  const list: RemoteList = {
    id: 'ads',
    url: server.url('/ads.txt'),
    refresh: 86_400_000,
    sha256: undefined,
    signer: undefined,
    maxSize: 1_000_000,
    maxShrink: 20,
    format: undefined,
    mayBeEmpty: false,
    hasCopy: false
  }
  const look = (
    more: Partial<RemoteList> = {},
    others: Partial<ListUpdateOptions> = {}
  ): Promise<ListUpdate> => updateList({ ...list, ...more }, { ...parts, ...others })
  const copy = (): string => readFileSync(join(folder, 'ads'), 'utf8')
  return { server, plain, asked, folder, copies, look, copy }
}

t.test(
  'a list over HTTPS: resolved by the upstream, stored, and downloaded again only if changed',
  async t => {
    const { server, asked, look, copy, copies, folder } = await rig(t)
    server.on('/ads.txt', (request, response) => {
      if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end()
      else response.writeHead(200, { etag: '"1"' }).end(names(3))
    })
    t.match(await look(), { kind: 'taken', entries: 3 })
    t.equal(copy(), names(3))
    t.ok(asked.includes('lists.example A'))
    const { copy: first, tried } = await copies.record('ads')
    t.match(first, { entries: 3, etag: '"1"', sha256: sha256(names(3)) })
    t.match(await look(), { kind: 'unchanged', entries: 3 })
    const later = await copies.record('ads')
    t.strictSame(later.copy, first)
    t.ok(later.tried > tried)
    t.strictSame(readdirSync(folder).sort(), ['ads', 'ads.json'], 'nothing half is left')
    t.match(server.seen[0]!.headers, { 'accept-encoding': 'gzip', host: /^lists\.example:/ })
  }
)

t.test('without ETag the date is used; without either the list is sent again', async t => {
  const { server, look } = await rig(t)
  const date = 'Thu, 26 Nov 2026 00:00:00 GMT'
  server.on('/ads.txt', says(200, { 'last-modified': date }, names(3)))
  await look()
  t.match(await look(), { kind: 'unchanged' }, 'the same octets are no newer list')
  t.equal(server.seen[1]!.headers['if-modified-since'], date)
})

t.test('content encoding is undone, a compressed file stays compressed', async t => {
  const { server, look, copy } = await rig(t)
  server.on('/ads.txt', (_asked, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(names(3)))
  })
  t.match(await look(), { kind: 'taken', entries: 3 })
  t.equal(copy(), names(3))
  server.on('/ads.gz', gzipSync(names(4)))
  t.match(await look({ url: server.url('/ads.gz') }), { kind: 'taken', entries: 4 })
})

t.test('follows redirects, also from http to https, and to another name', async t => {
  const { server, plain, look } = await rig(t)
  server.on('/new.txt', names(3))
  server.on('/ads.txt', says(302, { location: '/new.txt' }))
  t.match(await look(), { kind: 'taken' })
  plain.on('/ads.txt', says(301, { location: server.url('/new.txt', 'banned.example') }))
  const proven = { url: plain.url('/ads.txt'), sha256: sha256(names(3)) }
  t.match(await look(proven), { kind: 'taken' })
})

t.test('a local file', async t => {
  const { look, folder, copy } = await rig(t)
  const path = join(folder, '../mirror.txt')
  writeFileSync(path, names(5))
  const url = pathToFileURL(path).href
  t.match(await look({ url }), { kind: 'taken', entries: 5 })
  t.match(await look({ url }), { kind: 'unchanged' })
  writeFileSync(path, names(6))
  t.match(await look({ url }), { kind: 'taken', entries: 6 })
  t.equal(copy(), names(6))
  const gone = pathToFileURL(join(folder, 'nowhere')).href
  t.match(await look({ url: gone }), { trouble: { code: 'REMOTE_FETCH' } })
  t.match(await look({ url, maxSize: 10 }), { trouble: { code: 'REMOTE_LARGE' } })
})

t.test('a signature is downloaded from beside the list and verified', async t => {
  const { server, look } = await rig(t)
  server.on('/ads.txt', LIST)
  server.on('/ads.txt.minisig', SIGNATURE)
  const signer = { key: KEY, url: server.url('/ads.txt.minisig') }
  t.match(await look({ signer }), { kind: 'taken', entries: 2 })
  server.on('/ads.txt', `${LIST}c.example\n`)
  t.match(await look({ signer }), { kind: 'failed', trouble: { code: 'REMOTE_SIGNATURE' } })
  server.on('/ads.txt.minisig', says(404, {}))
  t.match(await look({ signer }), { kind: 'failed', trouble: { code: 'REMOTE_STATUS' } })
})

t.test('a new checksum forces a download, whatever the server says', async t => {
  const { server, look } = await rig(t)
  server.on('/ads.txt', (request, response) => {
    if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end()
    else response.writeHead(200, { etag: '"1"' }).end(names(3))
  })
  await look()
  const wanted = sha256(names(4))
  t.match(await look({ sha256: wanted }), { trouble: { code: 'REMOTE_CHECKSUM' } })
  t.match(await look({ sha256: sha256(names(3)) }), { kind: 'unchanged' })
})

/** Each with a good copy of 3 names before. */
const fails = [
  { it: 'status 404', answer: says(404, {}), code: 'REMOTE_STATUS' },
  { it: 'status 500', answer: says(500, {}, 'oops'), code: 'REMOTE_STATUS' },
  { it: 'status 204', answer: says(204, {}), code: 'REMOTE_STATUS' },
  {
    it: 'a page in its place',
    answer: '<!doctype html>\n<p>sign in</p>\n',
    code: 'RULES_LIST_REFUSED'
  },
  { it: 'a list of nothing', answer: '# nothing\n', code: 'RULES_LIST_EMPTY' },
  {
    it: 'less than was said',
    answer: says(200, { 'content-length': '500' }, names(3)),
    code: 'REMOTE_FETCH',
    close: true
  },
  {
    it: 'a connection that is cut',
    answer: (_asked, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' })
      response.write(names(3))
      setTimeout(() => response.destroy(), 50)
    },
    code: 'REMOTE_FETCH'
  },
  {
    it: 'a server that says nothing more',
    answer: (_asked, response) => response.writeHead(200).write(names(3)),
    code: 'REMOTE_TIMEOUT'
  },
  { it: 'a server that says nothing', answer: () => undefined, code: 'REMOTE_TIMEOUT' },
  { it: 'too much, as it says', answer: names(200_000), code: 'REMOTE_LARGE' },
  {
    it: 'too much, without saying',
    answer: (_asked, response) => {
      response.writeHead(200, { 'transfer-encoding': 'chunked' })
      response.end(names(200_000))
    },
    code: 'REMOTE_LARGE'
  },
  {
    it: 'a gzip bomb for the way',
    answer: (_asked, response) => {
      const bomb = gzipSync(Buffer.alloc(5_000_000, 'a.example\n'))
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
    },
    code: 'REMOTE_LARGE'
  },
  {
    it: 'a gzip bomb as the file',
    answer: gzipSync(Buffer.alloc(5_000_000, 'a.example\n')),
    code: 'REMOTE_LARGE'
  },
  {
    it: 'something that is not gzip, though it says so',
    answer: says(200, { 'content-encoding': 'gzip' }, Buffer.from('1f8b00', 'hex')),
    code: 'REMOTE_FETCH'
  },
  {
    it: 'an encoding that nobody asked for',
    answer: says(200, { 'content-encoding': 'br' }, names(3)),
    code: 'REMOTE_FETCH'
  },
  {
    it: 'a redirect to itself',
    answer: says(302, { location: '/ads.txt' }),
    code: 'REMOTE_REDIRECT'
  },
  { it: 'a redirect to nowhere', answer: says(302, {}), code: 'REMOTE_REDIRECT' },
  {
    it: 'a redirect to a file',
    answer: says(302, { location: 'file:///etc/hosts' }),
    code: 'REMOTE_REDIRECT'
  }
] satisfies readonly {
  it: string
  answer: RequestListener | string | Uint8Array
  code: string
  close?: boolean
}[]

for (const { it, answer, code } of fails) {
  t.test(`the previous copy stays: ${it}`, async t => {
    const { server, look, copy, copies, folder } = await rig(t)
    server.on('/ads.txt', names(3))
    await look()
    const isSilent = code === 'REMOTE_TIMEOUT' || it.startsWith('less')
    server.on('/ads.txt', answer)
    const timeout = isSilent ? 500 : 10_000
    const failed = await look({}, { timeout })
    if (it.startsWith('less')) t.match(failed, { kind: 'failed', trouble: { code: /^REMOTE_/ } })
    else t.match(failed, { kind: 'failed', trouble: { code } })
    t.equal(copy(), names(3))
    const record = await copies.record('ads')
    t.match(record, { failures: 1, copy: { entries: 3 }, trouble: {} })
    t.ok(record.confirmed! < record.tried, 'confirmed by the download before')
    await look({}, { timeout })
    t.equal((await copies.record('ads')).failures, 2)
    server.on('/ads.txt', names(4))
    t.match(await look(), { kind: 'taken', entries: 4 })
    const good = await copies.record('ads')
    t.match(good, { failures: 0, confirmed: good.tried })
    t.strictSame(readdirSync(folder).sort(), ['ads', 'ads.json'], 'nothing half is left')
  })
}

t.test('a redirect from https to http is not followed', async t => {
  const { server, plain, look } = await rig(t)
  plain.on('/ads.txt', names(3))
  server.on('/ads.txt', says(302, { location: plain.url('/ads.txt') }))
  t.match(await look(), { trouble: { code: 'REMOTE_REDIRECT' } })
  t.equal(plain.seen.length, 0)
})

t.test('a server needs a certificate for its name', async t => {
  const { server, look } = await rig(t)
  server.on('/ads.txt', names(3))
  const elsewhere = { url: server.url('/ads.txt', 'other.example') }
  t.match(await look(elsewhere), { trouble: { code: 'REMOTE_FETCH', message: /other\.example/ } })
  t.match(await look({}, { caFile: undefined }), { trouble: { code: 'REMOTE_FETCH' } })
  t.match(await look({}, { caFile: '/nowhere.pem' }), { trouble: { code: 'REMOTE_CA' } })
  t.match(await look(), { kind: 'taken' })
})

t.test('an unknown name, and an unreachable server', async t => {
  const { server, look } = await rig(t)
  const lost = { url: server.url('/ads.txt', 'nowhere.example') }
  t.match(await look(lost), { trouble: { code: 'REMOTE_NAME', message: /NXDOMAIN/ } })
  t.match(await look({ url: 'https://lists.example:9/' }), { trouble: { code: 'REMOTE_FETCH' } })
})

t.test('a list that shrinks is quarantined until it is confirmed or grows again', async t => {
  const { server, look, copy, copies } = await rig(t)
  server.on('/ads.txt', names(100))
  await look()
  server.on('/ads.txt', names(80))
  t.match(await look(), { kind: 'taken' }, 'a fifth is what it may lose')
  server.on('/ads.txt', names(63))
  t.match(await look(), { kind: 'held', entries: 63, trouble: { code: 'REMOTE_SHRUNK' } })
  t.equal(copy(), names(80))
  t.match(await look(), { kind: 'held', entries: 63 }, 'it is so still')
  server.on('/ads.txt', names(90))
  t.match(await look(), { kind: 'taken', entries: 90 })
  t.equal((await copies.record('ads')).held, undefined)
  await t.rejects(copies.confirm('ads'), { code: 'REMOTE_NOT_HELD' })

  server.on('/ads.txt', names(10))
  t.match(await look(), { kind: 'held' })
  t.match(await copies.confirm('ads'), { entries: 10 })
  t.equal(copy(), names(10))
  t.match(await look(), { kind: 'unchanged', entries: 10 })
  server.on('/ads.txt', names(4))
  t.match(await look({ maxShrink: 100 }), { kind: 'taken' }, 'where the entry says that it may')
  server.on('/other.txt', names(1))
  t.match(
    await look({ url: server.url('/other.txt') }),
    { kind: 'taken' },
    'another place was asked for'
  )
})

t.test('a deleted copy is downloaded again, and compared with nothing', async t => {
  const { server, look, copy, folder } = await rig(t)
  server.on('/ads.txt', says(200, { etag: '"1"' }, names(100)))
  await look()
  rmSync(join(folder, 'ads'))
  server.on('/ads.txt', names(3))
  t.match(await look(), { kind: 'taken', entries: 3 })
  t.equal(server.seen.at(-1)!.headers['if-none-match'], undefined)
  t.equal(copy(), names(3))
})

t.test(
  'a damaged copy is downloaded again, although the server says that nothing changed',
  async t => {
    const { server, look, copy, folder } = await rig(t)
    server.on('/ads.txt', (request, response) => {
      if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end()
      else response.writeHead(200, { etag: '"1"' }).end(names(100))
    })
    await look()
    t.match(await look(), { kind: 'unchanged' })
    writeFileSync(join(folder, 'ads'), names(99))
    t.match(await look(), { kind: 'taken', entries: 100 })
    t.equal(copy(), names(100))
  }
)

t.test('an ETag applies only to the URL that sent it, and 304 only to who was asked', async t => {
  const { server, look, copy } = await rig(t)
  server.on('/ads.txt', says(200, { etag: '"1"' }, names(3)))
  await look()
  server.on('/other.txt', says(304, { etag: '"1"' }))
  const moved = { url: server.url('/other.txt') }
  t.match(await look(moved), { kind: 'failed', trouble: { code: 'REMOTE_STATUS' } })
  t.equal(server.seen.at(-1)!.headers['if-none-match'], undefined)
  t.equal(copy(), names(3))
  server.on('/other.txt', says(200, { etag: '"1"' }, names(5)))
  t.match(await look(moved), { kind: 'taken', entries: 5 }, 'the same tag, another list')
})

t.test('a corrupt record counts as missing', async t => {
  const { server, look, folder } = await rig(t)
  server.on('/ads.txt', names(3))
  mkdirSync(folder, { recursive: true })
  for (const text of ['{', 'null', '[]', '{"tried":1}']) {
    writeFileSync(join(folder, 'ads.json'), text)
    t.match(await look(), { kind: 'taken' }, text)
  }
})

t.test('an unwritable folder', async t => {
  const { server, look, folder } = await rig(t)
  server.on('/ads.txt', names(3))
  writeFileSync(folder, 'a file in its place')
  const refused = { kind: 'failed', trouble: { code: 'REMOTE_STATE' }, isRecorded: false }
  t.match(await look(), refused)
})

t.test('headers from a file, for their own host alone', async t => {
  const { server, plain, look } = await rig(t)
  const other = await ListServer.open(t)
  const file = join(
    t.testdir({ headers: '# key of the feed\n\nX-Api-Key: s3cret value \n' }),
    'headers'
  )
  const headerFiles = { [new URL(server.url('/')).host]: file }
  server.on('/ads.txt', says(302, { location: other.url('/ads.txt') }))
  other.on('/ads.txt', says(302, { location: server.url('/back.txt') }))
  server.on('/back.txt', names(3))
  t.match(await look({}, { headerFiles }), { kind: 'taken', entries: 3 })
  t.strictSame(
    server.seen.map(({ headers }) => headers['x-api-key']),
    ['s3cret value', 's3cret value']
  )
  t.strictSame(
    other.seen.map(({ headers }) => headers['x-api-key']),
    [undefined]
  )

  plain.on('/ads.txt', names(3))
  const clear = { [new URL(plain.url('/')).host]: file }
  await look({ url: plain.url('/ads.txt') }, { headerFiles: clear })
  t.equal(plain.seen[0]?.headers['x-api-key'], undefined, 'not in clear text')

  writeFileSync(file, 'X-Api-Key: changed\n')
  server.on('/ads.txt', names(4))
  await look({}, { headerFiles })
  t.equal(server.seen.at(-1)?.headers['x-api-key'], 'changed', 'read for each request')

  const bad = [
    ['X-Api-Key s3cret', /line 1: expected Name: value$/],
    ['A: b\nX: s3cret\x00', /line 2: expected Name: value$/],
    ['Host: s3cret', /line 1: Host cannot be set$/],
    ['# nothing', /it has no headers$/]
  ] as const
  for (const [text, why] of bad) {
    writeFileSync(file, text)
    const seen = server.seen.length
    const update = await look({}, { headerFiles })
    t.match(update, { kind: 'failed', trouble: { code: 'REMOTE_HEADERS', message: why } }, text)
    t.notMatch(JSON.stringify(update), /s3cret/, 'errors have no secrets')
    t.equal(server.seen.length, seen, 'nothing was asked')
  }
})

import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t from 'tap'
import { failure } from '../../src/base/errors/error.js'
import { FolderLock } from '../../src/lookups/files/folder-lock.js'
import { CERTIFICATE, ListServer, upstream } from '../sources/http/rig.js'
import type { UpdatedList } from '../../src/cli/commands/rules/lists-transfer.js'
import { interdict, writeSite } from './run.js'

type UpdatedLists = { readonly lists: readonly UpdatedList[] }

const settings = (upstreamPort: number): string => `rules: rules
upstreams: { servers: ['127.0.0.1:${upstreamPort}'], loop-check: 0s, idle-probe: 0s }
remote-lists: { ca-file: '${resolve(CERTIFICATE)}' }
`

t.test('interdict lists: from the first download to a quarantined one', async t => {
  const server = await ListServer.open(t)
  const { endpoint } = await upstream(t)
  const config = writeSite(t, {
    'interdict.yaml': settings(endpoint.port),
    'rules/networks.yaml': `networks:
  all: { prefixes: [10.0.0.0/8], block: [{ lists: [ads, own] }] }
lists:
  ads: { url: '${server.url('/ads.txt')}' }
  own: { file: own.txt }
`,
    'rules/own.txt': 'own.example\n'
  })
  const lists = (...words: string[]) => interdict('-c', config, 'lists', ...words)

  const before = await lists()
  t.match(before.out, /^ads +https.* 0 +- +- +missing$/m)
  t.match(before.out, /^own .* 1 +- +- +local$/m)
  t.match(await interdict('-c', config, 'check'), { code: 0, out: /RULES_LIST_ABSENT/ })
  t.equal(server.seen.length, 0, 'showing lists downloads nothing')

  t.match(await lists('update'), { code: 1, err: /REMOTE_STATUS/ })
  const failed = await lists('update', '--json')
  t.strictSame([failed.code, (JSON.parse(failed.out) as UpdatedLists).lists.length], [1, 1])
  t.match(JSON.parse(failed.out), {
    lists: [{ id: 'ads', result: 'failed', entries: null, errors: [{ code: 'REMOTE_STATUS' }] }]
  })
  t.match(await interdict('-c', config, 'check'), {
    out: /^list ads: the last attempt failed \d+ s ago: cannot fetch .*: HTTP status 404 \(REMOTE_STATUS\)$/m
  })
  server.on('/ads.txt', 'a.example\nb.example\nc.example\n')
  t.match(await lists('update'), { code: 0, out: 'ads: 3 entries, updated\n' })
  t.match(await lists('update', 'ads'), { code: 0, out: 'ads: 3 entries, unchanged\n' })
  t.strictSame(JSON.parse((await lists('update', '--json')).out), {
    lists: [{ id: 'ads', result: 'unchanged', entries: 3, serial: null, errors: [] }]
  })
  t.match(await lists('update', 'own'), { code: 2, err: /no list own with a url/ })
  t.match((await lists()).out, /^ads .* 3 +\d+ s +\d+ s +good$/m)
  t.match((await interdict('-c', config, 'check')).out, /list ads: the copy of .* is \d+ s old/)

  server.on('/ads.txt', 'a.example\n')
  t.match(await lists('update'), { code: 1, err: /REMOTE_SHRUNK/ })
  const { lists: said } = JSON.parse((await lists('--json')).out) as { lists: unknown[] }
  t.match(said[0], { id: 'ads', state: 'quarantined', entries: 3, quarantined: { entries: 1 } })
  t.strictSame(JSON.parse((await lists('confirm', 'ads', '--json')).out), { id: 'ads', entries: 1 })
  t.match(await lists('confirm', 'ads'), { code: 1, err: /REMOTE_NOT_HELD/ })
  const confirmed = await lists()
  t.match(confirmed.out, /^ads .* 1 .* good$/m)
  t.notMatch(confirmed.out, /REMOTE_SHRUNK|confirm/, 'nothing of the quarantine is left')
})

t.test(
  'one command at a time changes the copies; the lock of a killed one is taken over',
  async t => {
    const server = await ListServer.open(t)
    const { endpoint } = await upstream(t)
    const config = writeSite(t, {
      'interdict.yaml': `${settings(endpoint.port)}state: { folder: kept }\n`,
      'rules/networks.yaml': `networks:
  all: { prefixes: [10.0.0.0/8], block: [{ lists: [ads] }] }
lists: { ads: { url: '${server.url('/ads.txt')}' } }
`,
      // Lock of a process from before the last boot.
      'kept/lists/interdict.lock': JSON.stringify({ pid: process.pid, life: 'of another boot' })
    })
    const lists = (...words: string[]) => interdict('-c', config, 'lists', ...words)
    const folder = join(dirname(config), 'kept/lists')
    server.on('/ads.txt', 'a.example\n')
    t.match(await lists('update'), { code: 0, out: 'ads: 1 entry, updated\n' })
    t.notOk(existsSync(join(folder, 'interdict.lock')), 'it is released')

    const lockedError = (holder: string) => failure('REMOTE_BUSY', folder, holder)
    const lock = new FolderLock({ folder, lockedError })
    await lock.acquire()
    const seen = server.seen.length
    const busy = { code: 1, out: '', err: /\(process \d+\) \(REMOTE_BUSY\)\n$/ }
    t.match(await lists('update'), busy)
    t.match(await lists('confirm', 'ads'), busy)
    t.equal(server.seen.length, seen, 'nothing was downloaded')
    t.match(await lists(), { code: 0 }, 'showing lists needs no lock')
    lock.release()
    t.match(await lists('update'), { code: 0 })
  }
)

import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openFeed } from '../../../src/gateway/bindings/open-feed.js'
import { BindingStore } from '../../../src/policy/bindings/binding-store.js'
import { systemClock } from '../../../src/base/time/clock.js'
import type { BindingFeed } from '../../../src/sources/settings/bindings-config.js'
import { MemoryLog } from '../../daemon/serve.js'
import { eventually } from '../../daemon/site.js'

const nothing = (): void => undefined

/** Paths of sockets have at most 107 octets. */
function shortFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function opened(t: Test, more: Partial<BindingFeed>) {
  const log = new MemoryLog()
  const listener = { begin: nothing, end: nothing, feed: nothing }
  const store = new BindingStore({ skew: 0, limit: 1000, listener })
  const feed = openFeed(
    {
      ...{
        name: 'feed',
        type: 'kea',
        file: undefined,
        http: false,
        socket: undefined,
        listen: undefined
      },
      ...{ nas: [], needsMessageAuthenticator: true, lifetime: 3_600_000, every: 1000, family: 4 },
      ...{ position: { file: '', line: 1, column: 1 }, ...more }
    },
    store,
    systemClock,
    log
  )
  t.teardown(() => feed.close())
  /** MAC addresses by the last octet of the address. */
  const found = (): string =>
    [...store.current(Date.now())].map(it => `${it.address} ${it.mac ?? it.host}`).join(', ')
  return { store, feed, log, found }
}

const HEADER =
  'address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id\n'
const now = Math.floor(Date.now() / 1000)
const lease = (address: string, mac: string, state = 0): string =>
  `${address},02:00:5e:10:00:0${mac},,3600,${now + 3600},1,0,0,,${state},,0\n`
const shown = (address: string, mac: string): string => `${address} 02:00:5e:10:00:0${mac}`

t.test('follows a lease file of Kea: what is appended, and through a compaction', t => {
  const file = join(t.testdir(), 'kea-leases4.csv')
  const { feed, found, store } = opened(t, { file })
  feed.start()
  t.notOk(store.isUp('feed'), 'there is no file yet')
  writeFileSync(file, HEADER + lease('10.0.0.1', '1'))
  feed.poll()
  t.equal(found(), shown('10.0.0.1', '1'))
  const [half, rest] = [lease('10.0.0.2', '2').slice(0, 30), lease('10.0.0.2', '2').slice(30)]
  appendFileSync(file, lease('10.0.0.1', '1', 2) + half)
  feed.poll()
  t.equal(found(), '')
  appendFileSync(file, rest)
  feed.poll()
  t.equal(found(), shown('10.0.0.2', '2'))
  // Kea begins a new file; the leases of before are beside it until they are compacted.
  renameSync(file, `${file}.1`)
  writeFileSync(file, HEADER + lease('10.0.0.3', '3'))
  feed.poll()
  t.equal(found(), `${shown('10.0.0.2', '2')}, ${shown('10.0.0.3', '3')}`)
  writeFileSync(`${file}.2`, HEADER + lease('10.0.0.2', '2'))
  rmSync(`${file}.1`)
  appendFileSync(file, lease('10.0.0.3', '3', 2))
  feed.poll()
  t.equal(found(), shown('10.0.0.2', '2'))
  t.end()
})

t.test('follows a lease file of dnsmasq, which is written as a whole', t => {
  const file = join(t.testdir(), 'dnsmasq.leases')
  const { feed, found } = opened(t, { type: 'dnsmasq', file })
  writeFileSync(file, `${now + 3600} 02:00:5e:10:00:01 10.0.0.1 * *\n`)
  feed.start()
  t.equal(found(), shown('10.0.0.1', '1'))
  writeFileSync(file, `${now + 3600} 02:00:5e:10:00:02 10.0.0.22 * *\n`)
  feed.poll()
  t.equal(found(), shown('10.0.0.22', '2'))
  t.end()
})

t.test('reads a file of JSON lines again that was written anew in place', t => {
  const file = join(t.testdir(), 'nac.jsonl')
  const line = (host: string): string => `${JSON.stringify({ address: '10.0.0.1', host })}\n`
  const { feed, found } = opened(t, { type: 'json', file })
  writeFileSync(file, line('a'))
  feed.start()
  writeFileSync(file, line('another'))
  feed.poll()
  t.equal(found(), '10.0.0.1 another')
  t.end()
})

t.test('takes JSON lines from a socket, and opens it again if it is gone', async t => {
  const socket = join(shortFolder(t), 'nac.sock')
  const { feed, found, store, log } = opened(t, { type: 'json', socket })
  feed.start()
  await eventually('the socket', () => store.isUp('feed'))
  const send = (text: string): void => void connect(socket).on('error', nothing).end(text)
  send('{"address":"10.0.0.1","host":"a"}\nnonsense\n')
  await eventually('a binding', () => found() === '10.0.0.1 a')
  t.match(await log.says('line 2'), { fields: { code: 'BINDINGS_LINE' } })
  rmSync(socket)
  feed.poll()
  await eventually('the socket again', () => {
    send('{"address":"10.0.0.1","end":true}')
    return found() === ''
  })
})

t.test('asks the control socket of Kea', async t => {
  const socket = join(shortFolder(t), 'kea.sock')
  const asked: string[] = []
  const leases = [
    {
      'ip-address': '10.0.0.1',
      'hw-address': '02:00:5e:10:00:01',
      cltt: now,
      'valid-lft': 3600,
      state: 0
    }
  ]
  const server = createServer(client =>
    client.on('data', question => {
      asked.push(String(question))
      client.end(JSON.stringify({ result: 0, arguments: { leases } }))
    })
  )
  const { feed, found, store, log } = opened(t, { socket })
  feed.start()
  await log.says('feed feed of bindings is down')
  server.listen(socket)
  t.teardown(() => server.close())
  await eventually('an answer', () => {
    feed.poll()
    return store.isUp('feed')
  })
  t.equal(asked[0], '{"command":"lease4-get-all"}')
  t.equal(found(), shown('10.0.0.1', '1'))
})

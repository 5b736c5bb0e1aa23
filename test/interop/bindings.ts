/**
 * Feeds of bindings from the programs that they are for: the lease file and the control socket of Kea, the lease file of dnsmasq,
 * and RADIUS accounting as FreeRADIUS's radclient sends it. Run by `npm run test:interop`.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/base/time/clock.js'
import { readPrefix } from '../../src/base/values/address.js'
import { openFeed } from '../../src/gateway/bindings/open-feed.js'
import { BindingStore } from '../../src/policy/bindings/binding-store.js'
import type { BindingFeed } from '../../src/sources/settings/bindings-config.js'
import { install } from '../../tools/install.js'
import { MemoryLog } from '../daemon/serve.js'
import { eventually, folder, freePort, Running } from './processes.js'

install('ip', 'kea-dhcp4', 'dnsmasq', 'radclient')
t.setTimeout(300_000)

const run = promisify(execFile)
const nothing = (): void => undefined
const MAC = '02:00:00:00:00:01'

/** Follows a feed by hand. */
function following(t: Test, more: Partial<BindingFeed>) {
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
      ...{ nas: [], needsMessageAuthenticator: true, lifetime: 3_600_000, every: 100, family: 4 },
      ...{ position: { file: '', line: 1, column: 1 }, ...more }
    },
    store,
    systemClock,
    log
  )
  feed.start()
  t.teardown(() => feed.close())
  /** Addresses, and what is known of their devices. */
  const found = (): string => {
    feed.poll()
    return [...store.current(Date.now())].map(it => `${it.address} ${it.mac} ${it.host}`).join(', ')
  }
  const becomes = (expected: string): Promise<void> =>
    eventually(`${expected}: ${found()}`, 10, () => Promise.resolve(found() === expected))
  return { store, log, becomes }
}

async function command(socket: string, question: object): Promise<string> {
  const client = connect(socket)
  client.on('connect', () => client.write(JSON.stringify(question)))
  const parts: Buffer[] = []
  client.on('data', (part: Buffer) => parts.push(part))
  await once(client, 'end')
  return Buffer.concat(parts).toString()
}

t.test('leases of Kea, by its file and by its control socket', async t => {
  const dir = folder(t)
  chmodSync(dir, 0o750)
  const [file, socket] = [join(dir, 'leases.csv'), join(dir, 'control')]
  const library = readdirSync('/usr/lib')
    .map(name => `/usr/lib/${name}/kea/hooks/libdhcp_lease_cmds.so`)
    .find(existsSync)
  const config = {
    'interfaces-config': { interfaces: [] },
    'lease-database': { type: 'memfile', persist: true, name: file },
    'control-socket': { 'socket-type': 'unix', 'socket-name': socket },
    'hooks-libraries': [{ library }],
    subnet4: [{ id: 1, subnet: '192.0.2.0/24' }]
  }
  writeFileSync(join(dir, 'kea.json'), JSON.stringify({ Dhcp4: config }))
  const places = ['PIDFILE_DIR', 'LOCKFILE_DIR', 'CONTROL_SOCKET_DIR', 'DHCP_DATA_DIR']
  const env = places.map(name => `KEA_${name}=${dir}`)
  const kea = new Running(t, 'env', [...env, 'kea-dhcp4', '-c', join(dir, 'kea.json')])
  await kea.says('DHCP4_STARTED', 30)
  const byFile = following(t, { file })
  const bySocket = following(t, { socket })
  const lease = { 'ip-address': '192.0.2.104', 'hw-address': MAC, hostname: 'laptop.example' }
  const add = { command: 'lease4-add', arguments: { 'subnet-id': 1, ...lease } }
  t.match(await command(socket, add), /"result": 0/)
  await byFile.becomes(`192.0.2.104 ${MAC} laptop.example`)
  await bySocket.becomes(`192.0.2.104 ${MAC} laptop.example`)
  const remove = { command: 'lease4-del', arguments: { 'ip-address': '192.0.2.104' } }
  t.match(await command(socket, remove), /"result": 0/)
  await byFile.becomes('')
  await bySocket.becomes('')
  kea.signal('SIGKILL')
  await eventually('the control socket is down', 20, () => {
    void bySocket.becomes('')
    return Promise.resolve(!bySocket.store.isUp('feed'))
  })
})

/** A container without that right cannot link two machines. */
const hasNamespaces = await run('unshare', ['--net', 'true']).then(
  () => true,
  () => false
)
const skip = hasNamespaces ? false : 'no network namespaces here'

t.test('leases of dnsmasq', { skip }, async t => {
  const dir = folder(t)
  const [server, client] = ['bs', 'bc'].map(end => `interdict-${process.pid}-${end}`) as [
    string,
    string
  ]
  const ip = (...words: string[]): Promise<unknown> => run('ip', words)
  for (const name of [server, client]) {
    await ip('netns', 'add', name)
    t.teardown(() => ip('netns', 'delete', name))
  }
  const peer = ['peer', 'name', 'lan1', 'netns', client]
  await ip('-n', server, 'link', 'add', 'name', 'lan0', 'type', 'veth', ...peer)
  for (const [name, device, address] of [
    [server, 'lan0', '192.0.2.1/24'],
    [client, 'lan1', '192.0.2.2/24']
  ] as const) {
    await ip('-n', name, 'address', 'add', address, 'dev', device)
    await ip('-n', name, 'link', 'set', device, 'up')
  }
  const file = join(dir, 'leases')
  const config = `port=0\ninterface=lan0\nbind-dynamic\ndhcp-authoritative\nno-ping\ndhcp-leasefile=${file}
dhcp-range=192.0.2.100,192.0.2.200,255.255.255.0,1h\n`
  writeFileSync(join(dir, 'dnsmasq.conf'), config)
  const words = ['--no-daemon', '--user=root', '-C', `${dir}/dnsmasq.conf`, `--pid-file=${dir}/pid`]
  const dnsmasq = new Running(t, 'ip', ['netns', 'exec', server, 'dnsmasq', ...words])
  await dnsmasq.says('DHCP, IP range', 30)
  const { becomes } = following(t, { type: 'dnsmasq', file })
  const program = resolve('dist/test/interop/dhcp-request.js')
  const command = ['netns', 'exec', client, 'env', '-u', 'NODE_OPTIONS', process.execPath, program]
  await ip(...command, '192.0.2.1', '192.0.2.2', '192.0.2.104')
  await becomes(`192.0.2.104 ${MAC} laptop`)
})

t.test('accounting of radclient, and what is forged or replayed', async t => {
  const dir = folder(t)
  const secretFile = join(dir, 'secret')
  writeFileSync(secretFile, 'a shared secret', { mode: 0o600 })
  const port = await freePort()
  const nas = [{ prefix: readPrefix('127.0.0.1'), secretFile }]
  const listen = { address: '127.0.0.1', port }
  const { store, log } = following(t, { type: 'radius', listen, nas })
  await eventually('the listener', 10, () => Promise.resolve(store.isUp('feed')))
  /** @returns what radclient says; it ends with an error if there is no response, or a wrong one */
  const send = async (status: string, secret: string, at = Date.now()): Promise<string> => {
    const words = [`127.0.0.1:${port}`, 'acct', secret]
    const radclient = spawn('radclient', ['-x', '-r', '1', '-t', '1', ...words])
    const parts: Buffer[] = []
    for (const stream of [radclient.stdout, radclient.stderr])
      stream.on('data', (part: Buffer) => parts.push(part))
    const facts = `User-Name = "anna", Calling-Station-Id = "02-00-00-00-00-01", NAS-Port-Id = "ge-0/0/7"`
    const time = `Event-Timestamp = ${Math.floor(at / 1000)}`
    const rest = 'Acct-Session-Id = "s1", Message-Authenticator = 0x00'
    const where = 'Framed-IP-Address = 192.0.2.104'
    radclient.stdin.end(`Acct-Status-Type = ${status}, ${facts}, ${where}, ${time}, ${rest}\n`)
    await once(radclient, 'close')
    return Buffer.concat(parts).toString()
  }
  t.match(await send('Start', 'a shared secret'), /Received Accounting-Response/)
  t.match(store.certainDevice('192.0.2.104', Date.now()), {
    device: { mac: MAC, user: 'anna', port: 'ge-0/0/7' }
  })
  t.match(await send('Stop', 'another secret'), /No reply/)
  await log.says('wrong Request Authenticator')
  t.match(await send('Stop', 'a shared secret', Date.now() - 600_000), /No reply/)
  t.ok(store.certainDevice('192.0.2.104', Date.now()), 'neither has any effect')
  t.match(await send('Stop', 'a shared secret'), /Received Accounting-Response/)
  t.equal(store.certainDevice('192.0.2.104', Date.now()), undefined)
})

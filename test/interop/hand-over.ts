/**
 * A gateway under load that is upgraded again and again: no query is lost, and each is in the query log once.
 * `INTERDICT_QUERIES=1000000 node dist/test/interop/hand-over.js` for a million.
 */
import { execFile, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import packet from 'dns-packet'
import t, { type Test } from 'tap'
import { listenAddress, startServer } from '../cli/server-process.js'
import { askUdp, framedQuery } from '../daemon/dns-client.js'
import { eventually, Site } from '../daemon/site.js'
import { makeCertificate } from '../tls/certificates.js'
import { receiveNotifications } from '../udp/notify-receiver.js'
import { copyPackage, VERSION } from './package-copy.js'

t.setTimeout(900_000)

const QUERIES = Number(process.env.INTERDICT_QUERIES ?? 100_000)
/** Of the same length as this version. */
const [FIRST, SECOND] = [VERSION.replace(/\d+$/, '8'), VERSION.replace(/\d+$/, '9')]
const run = promisify(execFile)

const RULES = `networks:
  all:
    prefixes: [127.0.0.0/8]
    bans:
      - { id: test-ban, authority: Nobody, reference: none, names: [banned.example] }
`

interface Load {
  readonly sent: number
  readonly lost: number
  readonly duplicates: number
  readonly retried: number
}

/** An upstream that takes its time, so that queries are pending whenever a gateway is replaced. */
async function slowUpstream(t: Test): Promise<number> {
  const socket = createSocket('udp4', (query, { port, address }) => {
    const { id, questions } = packet.decode(query)
    const { name } = questions![0]!
    const answers = [{ type: 'A' as const, name, ttl: 60, data: '192.0.2.1' }]
    const reply = packet.encode({
      ...{
        type: 'response',
        id: id!,
        flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE
      },
      ...{ questions: questions!, answers }
    })
    setTimeout(() => socket.send(reply, port, address), 40)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return socket.address().port
}

const settings = async (t: Test): Promise<string> => `
listen: ['127.0.0.1:0', '127.0.0.2:0']
workers: 2
transport: batch
upstreams: { servers: ['127.0.0.1:${await slowUpstream(t)}'] }
admin: { socket: admin.sock }
log:
  queries: { file: log/queries.jsonl, which: all, rotate: { size: 16MB }, archive: false,
    chain: { sign-key: chain.key } }
`

async function gatewaySite(t: Test): Promise<Site> {
  const site = new Site(t, { 'rules/networks.yaml': RULES, 'interdict.yaml': await settings(t) })
  const { privateKey } = generateKeyPairSync('ed25519')
  site.write('chain.key', privateKey.export({ type: 'pkcs8', format: 'pem' }))
  chmodSync(site.path('chain.key'), 0o600)
  return site
}

/** The installed package is replaced, and the gateway is told. @returns what the command said */
async function upgrade(site: Site, version: string): Promise<string> {
  rmSync(site.path('package'), { recursive: true, force: true })
  const program = copyPackage(site.path('package'), version)
  const { stdout } = await run(process.execPath, [
    ...[program, 'upgrade', '-c', site.path('interdict.yaml')]
  ])
  return stdout
}

/** The process that answers at the admin socket is ended at the end of a test. */
const pidIn = (said: string): number => Number(/replaced by (\d+)/.exec(said)![1])

t.test(
  `${QUERIES} queries during three upgrades: none is lost, and each is logged once`,
  async t => {
    const site = await gatewaySite(t)
    const manager = receiveNotifications(site.path('notify'))
    t.teardown(() => manager.close())
    const server = startServer(t, site, {
      program: copyPackage(site.path('package'), FIRST),
      env: { NOTIFY_SOCKET: site.path('notify') }
    })
    const at = await listenAddress(server)
    const pids = [server.child.pid!]
    const load = spawn(
      process.execPath,
      [resolve('dist/test/interop/load.js'), String(at.port), String(QUERIES)],
      {
        env: { ...process.env, NODE_OPTIONS: undefined },
        stdio: ['pipe', 'pipe', 'inherit']
      }
    )
    t.teardown(() => load.kill('SIGKILL'))
    const closed = once(load, 'close')
    let answered = 0
    let result: Load | undefined
    const started = performance.now()
    createInterface({ input: load.stdout }).on('line', line => {
      if (line.startsWith('{')) result = JSON.parse(line) as Load
      else answered = Number(line)
    })
    let last = 0
    const versions = [SECOND, FIRST, SECOND]
    for (const [i, version] of versions.entries()) {
      const share = (i + 1) / (versions.length + 1)
      while (answered < QUERIES * share && load.exitCode === null) await once(load.stdout, 'data')
      const said = await upgrade(site, version)
      t.match(said, `Upgraded from ${version === FIRST ? SECOND : FIRST} to ${version}`)
      last = pidIn(said)
      pids.push(last)
      t.teardown(() => kill(pidIn(said), 'SIGKILL'))
    }
    load.stdin.end()
    await closed
    t.comment(`${QUERIES} queries in ${Math.round(performance.now() - started)} ms`, result)
    t.match(result, { lost: 0, duplicates: 0 })
    t.equal(await server.ended, 0, 'the first process ended orderly')

    await eventually('the chain', () => site.has('log/chain.jsonl'))
    kill(last, 'SIGTERM')
    await eventually('the last one has ended', () => !kill(last, 0))
    t.match(server.log(), /"msg":"stopped"/)
    const problems = server
      .log()
      .split('\n')
      .filter(line => /"level":"(error|warn)"/.test(line))
    // On a machine under load, replies of the upstream may be late.
    t.strictSame(
      problems.filter(line => !line.includes('upstream')),
      []
    )
    const states = manager.states().map(([first]) => first!)
    t.strictSame(
      states.filter(state => !state.startsWith('STATUS=')),
      ['READY=1', ...pids.slice(1).flatMap(pid => [`MAINPID=${pid}`, 'READY=1']), 'STOPPING=1']
    )
    const { sent } = result!
    t.ok(sent >= QUERIES)
    t.strictSame(logged(site), { lookups: sent, different: sent })
    const verify = [site.path('package/dist/bundle/bin/interdict.js'), 'verify-log', '-c']
    // The first checkpoint may come only after an hour; a chain without one proves nothing (exit code 1).
    const verified = await run(process.execPath, [...verify, site.path('interdict.yaml')]).catch(
      (error: unknown) => error as { stdout: string }
    )
    t.match(
      verified.stdout,
      /verified: nobody without the key of the chain|not yet signed, so nothing is proven/
    )
    t.notMatch(verified.stdout, /broken|altered since/i)
    t.comment(verified.stdout)
  }
)

function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

/** Lookups in all files of the query log. */
function logged(site: Site): { lookups: number; different: number } {
  const seen = new Set<string>()
  let lookups = 0
  for (const file of readdirSync(site.path('log')).filter(name =>
    /^queries.*\.jsonl$/.test(name)
  )) {
    for (const [, name] of readFileSync(site.path(join('log', file)), 'latin1').matchAll(
      /"qname":"(q\d+)\./g
    )) {
      lookups++
      seen.add(name!)
    }
  }
  return { lookups, different: seen.size }
}

t.test('TLS sessions from before an upgrade are resumed', async t => {
  const site = await gatewaySite(t)
  const { certificate, key } = makeCertificate()
  site.write('cert.pem', certificate)
  site.write('key.pem', key)
  chmodSync(site.path('key.pem'), 0o600)
  const listener = "{ address: '127.0.0.4:0', protocol: dot, certificate: cert.pem, key: key.pem }"
  const text = site.read('interdict.yaml').replace("'127.0.0.2:0'", listener)
  site.write('interdict.yaml', text)
  const server = startServer(t, site, { program: copyPackage(site.path('package')) })
  await listenAddress(server)
  const listening = /"endpoint":"127\.0\.0\.4:(\d+)"/
  await eventually('the TLS listener', () => listening.test(server.log()))
  const port = Number(listening.exec(server.log())![1])
  const place = { host: '127.0.0.4', port, rejectUnauthorized: false }
  const first = connect(place)
  // The ticket comes with the first answer.
  first.write(framedQuery('banned.example'))
  const [session] = (await once(first, 'session')) as [Buffer]
  first.destroy()
  const said = await upgrade(site, VERSION)
  t.teardown(() => kill(pidIn(said), 'SIGKILL'))
  t.equal(await server.ended, 0)
  const next = connect({ ...place, session })
  await once(next, 'secureConnect')
  t.ok(next.isSessionReused())
  next.destroy()
  kill(pidIn(said), 'SIGTERM')
  await eventually('it has ended', () => !kill(pidIn(said), 0))
})

const FAILURES = [
  {
    it: 'a program that does not start',
    spoil: (site: Site) => {
      const file = site.path('package/dist/bundle/serve/serve.js')
      writeFileSync(file, 'throw new Error("broken")')
    },
    says: /exit code 1.*\(UPGRADE_FAILED\)/
  },
  {
    it: 'no program',
    spoil: (site: Site) => rmSync(site.path('package'), { recursive: true }),
    says: /exit code 1.*\(UPGRADE_FAILED\)/
  },
  {
    it: 'a port in use',
    spoil: async (site: Site, t: Test) => {
      const other = createSocket('udp4')
      other.bind(0, '127.0.0.3')
      await once(other, 'listening')
      t.teardown(() => other.close())
      const text = site
        .read('interdict.yaml')
        .replace('127.0.0.2:0', `127.0.0.3:${other.address().port}`)
      site.write('interdict.yaml', text)
    },
    says: /address already in use.*\(UPGRADE_FAILED\)/
  }
]

t.test('with invalid rules, the new process answers by those in force', async t => {
  const site = await gatewaySite(t)
  const server = startServer(t, site, { program: copyPackage(site.path('package')) })
  const at = await listenAddress(server)
  await eventually('the history of rules', () => site.has('state/history/000001.jsonl'))
  site.write('rules/networks.yaml', 'networks: 1')
  await server.says(/previous rules remain active/)
  const said = await upgrade(site, VERSION)
  t.teardown(() => kill(pidIn(said), 'SIGKILL'))
  t.equal(await server.ended, 0)
  t.match(await askUdp(at, 'banned.example'), { rcode: 'NXDOMAIN' })
  await server.says(/"reason":"startup".*previous rules remain active/)
  kill(pidIn(said), 'SIGTERM')
  await eventually('it has ended', () => !kill(pidIn(said), 0))
})

t.test('an upgrade that fails changes nothing', async t => {
  for (const { it, spoil, says } of FAILURES) {
    const site = await gatewaySite(t)
    // As under systemd, with a shell in between.
    const manager = receiveNotifications(site.path('notify'))
    t.teardown(() => manager.close())
    const server = startServer(t, site, {
      program: copyPackage(site.path('package')),
      env: { NOTIFY_SOCKET: site.path('notify') }
    })
    const at = await listenAddress(server)
    await spoil(site, t)
    const program = [resolve('dist/bundle/bin/interdict.js'), 'upgrade', '-c']
    const failed = await run(process.execPath, [...program, site.path('interdict.yaml')]).catch(
      (error: unknown) => error as { code: number; stderr: string }
    )
    t.match(failed, { code: 1, stderr: says }, it)
    t.match(await askUdp(at, 'banned.example'), { rcode: 'NXDOMAIN' }, 'it still answers')
    server.child.kill('SIGTERM')
    t.equal(await server.ended, 0)
  }
})

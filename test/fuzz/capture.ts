/**
 * Captures the messages that the fuzzer begins with, as real programs send them on loopback, and
 * prints them in the form of `test/fixtures/messages.txt`:
 *
 *     node dist/test/fuzz/capture.js > captured.txt
 *
 * Needs dig, kdig, delv, drill, NSD, unbound, named and dnssec-signzone. What cannot run here (stub
 * resolvers of telephones and of Windows) is in the file by hand, and says so.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '../udp/free-port.js'

const run = promisify(execFile)
const LOOPBACK = '127.0.0.1'

/** Passes datagrams on to a server, and its answers back; keeps both. */
class Tap {
  private label = ''
  private readonly seen = new Map<string, string>()
  private constructor(
    readonly port: number,
    front: Socket,
    private readonly to: number
  ) {
    front.on('message', (query, from) => {
      this.keep('query', query)
      const back = createSocket('udp4')
      back.on('message', response => {
        this.keep('response', response)
        front.send(response, from.port, from.address)
      })
      back.send(query, this.to, LOOPBACK)
      back.unref()
    })
    front.unref()
  }

  static async open(to: number): Promise<Tap> {
    const front = createSocket('udp4')
    front.bind(0, LOOPBACK)
    await once(front, 'listening')
    return new Tap(front.address().port, front, to)
  }

  /** What is seen from now on is told to be by this. */
  name(label: string): void {
    this.label = label
  }

  get lines(): string[] {
    return [...this.seen].map(([hex, what]) => `${what} | ${hex}`)
  }

  private keep(kind: string, octets: Buffer): void {
    const hex = octets.toString('hex')
    // The same question of the same program differs in its ID only.
    const known = [...this.seen.keys()].some(other => other.slice(4) === hex.slice(4))
    if (!known) this.seen.set(hex, `${kind} | ${this.label}`)
  }
}

const folder = mkdtempSync(join(tmpdir(), 'interdict-capture-'))
const children: ChildProcess[] = []

function start(command: string, args: readonly string[]): void {
  children.push(spawn(command, args, { stdio: 'ignore' }))
}

/** The zone of the interoperability tests, less long, and signed. */
function signZone(): string {
  const zone = join(folder, 'example.zone')
  const text = readFileSync('test/interop/zones/example.zone', 'utf8')
  const keygen = ['-q', '-K', folder, '-a', 'ECDSAP256SHA256', '-f', 'KSK', 'example']
  const lines = text.split('\n').filter(line => !/record (0[6-9]|[1-4]\d) of/.test(line))
  execFileSync('dnssec-keygen', keygen)
  execFileSync('dnssec-keygen', ['-q', '-K', folder, '-a', 'ECDSAP256SHA256', 'example'])
  writeFileSync(zone, lines.join('\n'))
  execFileSync('dnssec-signzone', ['-S', '-K', folder, '-o', 'example', '-d', folder, zone], {
    stdio: 'ignore',
    cwd: folder
  })
  return `${zone}.signed`
}

/** The key that signs keys, as a trust anchor of unbound. */
function anchor(): string {
  const keys = readdirSync(folder).filter(file => file.endsWith('.key'))
  const texts = keys.map(file => readFileSync(join(folder, file), 'utf8'))
  return /^example\..*257.*$/m.exec(texts.find(text => text.includes(' 257 '))!)![0]
}

function startNsd(port: number, zone: string): void {
  const file = join(folder, 'nsd.conf')
  writeFileSync(
    file,
    `server:
  ip-address: ${LOOPBACK}@${port}
  username: ""
  zonesdir: "${folder}"
  pidfile: "${join(folder, 'nsd.pid')}"
  xfrdfile: "${join(folder, 'xfrd.state')}"
  zonelistfile: "${join(folder, 'zone.list')}"
  xfrdir: "${folder}"
  ipv4-edns-size: 4096
remote-control:
  control-enable: no
zone:
  name: "example"
  zonefile: "${zone}"
`
  )
  start('/usr/sbin/nsd', ['-d', '-c', file])
}

function startNamed(port: number, zone: string): void {
  const file = join(folder, 'named.conf')
  const work = join(folder, 'named')
  mkdirSync(work)
  writeFileSync(
    file,
    `options { directory "${work}"; pid-file none; listen-on port ${port} { ${LOOPBACK}; };
  listen-on-v6 { none; }; recursion no; max-udp-size 4096; dnssec-validation no; };
controls { };
zone "example" { type primary; file "${zone}"; };
`
  )
  start('/usr/sbin/named', ['-g', '-c', file])
}

/** @param upstream port that it asks for `example` */
function startUnbound(port: number, upstream: number): void {
  const file = join(folder, 'unbound.conf')
  writeFileSync(
    file,
    `server:
  interface: ${LOOPBACK}@${port}
  username: ""
  chroot: ""
  directory: "${folder}"
  pidfile: "${join(folder, 'unbound.pid')}"
  use-syslog: no
  do-not-query-localhost: no
  do-daemonize: no
  use-caps-for-id: yes
  ede: yes
  module-config: "validator iterator"
  trust-anchor: "${anchor()}"
stub-zone:
  name: "example"
  stub-addr: ${LOOPBACK}@${upstream}
`
  )
  start('/usr/sbin/unbound', ['-d', '-c', file])
}

const QUESTIONS = [
  'www.example A',
  'www.example AAAA',
  'example SOA',
  'example NS',
  'example DNSKEY',
  'example ANY',
  'MiXeD.example A',
  'www.tree.example A',
  'chain1.example A',
  'clean.example A',
  'svc.example HTTPS',
  'hint.example HTTPS',
  'big.example TXT',
  'mail.example MX',
  '_sip._tcp.example SRV',
  'odd.example TYPE65280',
  'missing.example A',
  'www.example MX',
  'a.wild.example A'
]

const DIG = ['', '+dnssec', '+noedns', '+nocookie +bufsize=4096', '+subnet=192.0.2.0/24', '+nsid']

async function ask(tap: Tap, command: string, args: readonly string[]): Promise<void> {
  const at = ['kdig', 'drill', 'dig', 'delv'].includes(command) ? ['-p', String(tap.port)] : []
  tap.name([command, ...args].join(' ').trim())
  await run(command, [`@${LOOPBACK}`, ...at, ...args], { timeout: 5000 }).catch(() => undefined)
}

async function askAll(taps: Readonly<Record<'nsd' | 'named' | 'unbound', Tap>>): Promise<void> {
  const { nsd, named, unbound } = taps
  for (const [i, question] of QUESTIONS.entries()) {
    const [name, type] = question.split(' ') as [string, string]
    const dig = DIG[i % DIG.length]!.split(' ').filter(word => word !== '')
    await ask(nsd, 'dig', [name, type, '+ignore', '+tries=1', ...dig])
    await ask(named, 'kdig', [name, type, '+ignore', '+retry=0', '+dnssec', '+bufsize=4096'])
    await ask(unbound, 'dig', [name, type, '+ignore', '+tries=1', '+dnssec', '+bufsize=4096'])
  }
  await ask(nsd, 'kdig', ['www.example', 'A', '+padding=128', '+cookie=0102030405060708'])
  await ask(nsd, 'drill', ['-D', 'www.example', 'A'])
  await ask(unbound, 'delv', ['www.example', 'A', '-a', '/dev/null'])
  await ask(unbound, 'delv', ['missing.example', 'AAAA', '+cd', '+noroot', '+nodlv'])
  await askByCares(unbound)
}

/** The stub resolver that Node and curl have in them. */
async function askByCares(tap: Tap): Promise<void> {
  const resolver = new Resolver({ timeout: 1000, tries: 1 })
  resolver.setServers([`${LOOPBACK}:${tap.port}`])
  tap.name('c-ares resolve4')
  await resolver.resolve4('www.example').catch(() => undefined)
  tap.name('c-ares reverse')
  await resolver.reverse('192.0.2.10').catch(() => undefined)
}

async function capture(): Promise<string[]> {
  const zone = signZone()
  const [nsdPort, namedPort, unboundPort] = [await freePort(), await freePort(), await freePort()]
  startNsd(nsdPort, zone)
  startNamed(namedPort, zone)
  const behind = await Tap.open(nsdPort)
  behind.name('unbound as a client')
  startUnbound(unboundPort, behind.port)
  await sleep(2000)
  const nsd = await Tap.open(nsdPort)
  const named = await Tap.open(namedPort)
  const unbound = await Tap.open(unboundPort)
  await askAll({ nsd, named, unbound })
  return [nsd, named, unbound, behind].flatMap(({ lines }) => lines)
}

try {
  process.stdout.write((await capture()).join('\n') + '\n')
} finally {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

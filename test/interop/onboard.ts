/**
 * What `interdict onboard` prints, in the programs that it is for: Kea and dnsmasq hand the options of RFC 9463
 * to a client, ISC dhcpd and radvd accept them, OpenSSL and Python read the Apple profile, zbar reads the QR
 * code; and kdig discovers the listeners of a gateway. Run by `npm run test:interop`.
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { readDhcp4, readDhcp6 } from '../onboard/dnr.js'
import { makeCertificate } from '../tls/certificates.js'
import { install } from '../../tools/install.js'
import { folder, freePort, interdict, Running, site, startInterdict } from './processes.js'

install(
  'kdig',
  'dig',
  'openssl',
  'python3',
  'zbarimg',
  'ip',
  'kea-dhcp4',
  'kea-dhcp6',
  'dnsmasq',
  'dhcpd',
  'radvd'
)
t.setTimeout(300_000)

const run = promisify(execFile)
/** A container without that right cannot link two machines. */
const hasNamespaces = await run('unshare', ['--net', 'true']).then(
  () => true,
  () => false
)
const skip = hasNamespaces ? false : 'no network namespaces here'
const CLIENT = resolve('dist/test/interop/dhcp-client.js')
const NAME = 'dns.example'
const LISTEN = `listen:
  - { address: '192.0.2.1:853', protocol: dot, certificate: cert.pem, key: key.pem }
  - { address: '[2001:db8::1]:853', protocol: dot, certificate: cert.pem, key: key.pem }
  - { address: '192.0.2.1:443', protocol: doh, certificate: cert.pem, key: key.pem }
  - { address: '[2001:db8::1]:443', protocol: doh, certificate: cert.pem, key: key.pem }
`
const V6 = '20010db8000000000000000000000001'
/** alpn=dot,h2 and the path: both listeners have their default ports. */
const PARAMS = { 1: '03646f74026832', 7: Buffer.from('/dns-query{?dns}').toString('hex') }
const EXPECTED = { priority: 1, name: NAME, params: PARAMS }

interface Onboarding {
  readonly dir: string
  /** What a target prints. */
  readonly print: (...words: string[]) => Promise<string>
}

function onboarding(t: Test, listen = LISTEN): Onboarding {
  const dir = folder(t)
  const { certificate, key } = makeCertificate({ names: [NAME, '192.0.2.1'] })
  writeFileSync(join(dir, 'cert.pem'), certificate)
  writeFileSync(join(dir, 'key.pem'), key, { mode: 0o600 })
  const config = join(dir, 'interdict.yaml')
  writeFileSync(config, `${listen}discovery: { name: ${NAME} }\n`)
  return {
    dir,
    print: async (...words) => {
      const file = join(dir, 'printed')
      const { code, text } = await interdict('onboard', ...words, '-o', file, '-c', config)
      t.equal(code, 0, text)
      return readFileSync(file, 'utf8')
    }
  }
}

/** Two network namespaces with a link between them: `lan0` with 192.0.2.1 and 2001:db8::1, and `lan1`. */
async function link(t: Test): Promise<{ readonly server: string; readonly client: string }> {
  const [server, client] = ['s', 'c'].map(end => `interdict-${process.pid}-${end}`) as [
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
  const addresses = [
    [server, 'lan0', '192.0.2.1/24', '2001:db8::1/64'],
    [client, 'lan1', '192.0.2.2/24', '2001:db8::2/64']
  ] as const
  for (const [name, device, ipv4, ipv6] of addresses) {
    await ip('-n', name, 'address', 'add', ipv4, 'dev', device)
    await ip('-n', name, 'address', 'add', ipv6, 'dev', device, 'nodad')
    await ip('-n', name, 'link', 'set', 'lo', 'up')
    await ip('-n', name, 'link', 'set', device, 'up')
  }
  return { server, client }
}

/** The options that the server hands to a client. */
async function handedOut(client: string, ...words: string[]): Promise<readonly Buffer[]> {
  const command = ['netns', 'exec', client, 'env', '-u', 'NODE_OPTIONS', process.execPath, CLIENT]
  const { stdout } = await run('ip', [...command, ...words])
  return stdout
    .trim()
    .split('\n')
    .map(line => Buffer.from(line, 'hex'))
}

async function handsOutBoth(t: Test, client: string): Promise<void> {
  const ipv4 = await handedOut(client, '4', '192.0.2.1', '192.0.2.2')
  t.strictSame(ipv4.map(readDhcp4), [[{ ...EXPECTED, addresses: ['192.0.2.1'] }]])
  const ipv6 = await handedOut(client, '6', 'lan1')
  t.strictSame(ipv6.map(readDhcp6), [{ ...EXPECTED, addresses: [V6] }])
}

t.test('Kea hands out the options', { skip }, async t => {
  const { dir, print } = onboarding(t)
  const printed = JSON.parse(await print('kea')) as Record<string, object>
  const { server, client } = await link(t)
  const common = {
    'interfaces-config': {
      interfaces: ['lan0'],
      // The link-local address takes a moment.
      ...{ 'service-sockets-max-retries': 60, 'service-sockets-retry-wait-time': 500 }
    },
    'lease-database': { type: 'memfile', persist: false }
  }
  const subnets = {
    Dhcp4: {
      subnet4: [{ id: 1, subnet: '192.0.2.0/24', pools: [{ pool: '192.0.2.100-192.0.2.200' }] }]
    },
    Dhcp6: {
      'server-id': { type: 'LL', persist: false },
      subnet6: [{ id: 1, subnet: '2001:db8::/64', interface: 'lan0' }]
    }
  }
  for (const [program, section] of [
    ['kea-dhcp4', 'Dhcp4'],
    ['kea-dhcp6', 'Dhcp6']
  ] as const) {
    const file = join(dir, `${program}.json`)
    const config = { ...common, ...subnets[section], ...printed[section] }
    writeFileSync(file, JSON.stringify({ [section]: config }))
    const env = ['env', `KEA_PIDFILE_DIR=${dir}`, `KEA_LOCKFILE_DIR=${dir}`]
    const kea = new Running(t, 'ip', ['netns', 'exec', server, ...env, program, '-c', file])
    await kea.says(/DHCP[46]_STARTED/, 30)
  }
  await handsOutBoth(t, client)
})

t.test('dnsmasq hands out the options', { skip }, async t => {
  const { dir, print } = onboarding(t)
  const { server, client } = await link(t)
  const file = join(dir, 'dnsmasq.conf')
  const base = `port=0
interface=lan0
bind-dynamic
dhcp-range=192.0.2.100,192.0.2.200,255.255.255.0,1h
dhcp-range=2001:db8::100,2001:db8::200,64,1h
dhcp-leasefile=${join(dir, 'leases')}
`
  writeFileSync(file, base + (await print('dnsmasq')))
  const words = ['dnsmasq', '--no-daemon', '--user=root', '-C', file, `--pid-file=${dir}/pid`]
  const dnsmasq = new Running(t, 'ip', ['netns', 'exec', server, ...words])
  await dnsmasq.says('DHCP, IP range', 30)
  await handsOutBoth(t, client)
})

t.test('ISC dhcpd and radvd accept their configuration', async t => {
  const { dir, print } = onboarding(t)
  writeFileSync(join(dir, 'dhcpd.conf'), await print('isc-dhcpd'))
  for (const family of ['-4', '-6'])
    await t.resolves(run('dhcpd', [family, '-t', '-cf', join(dir, 'dhcpd.conf')]), family)
  const radvd = `interface lo {\nAdvSendAdvert on;\n${await print('radvd')}};\n`
  writeFileSync(join(dir, 'radvd.conf'), radvd)
  await t.resolves(run('radvd', ['-c', '-C', join(dir, 'radvd.conf')]))
})

t.test('OpenSSL verifies the Apple profile, and Python reads it', async t => {
  const { dir, print } = onboarding(t)
  await print('apple', '--protocol', 'doh')
  const [signed, plain] = [join(dir, 'printed'), join(dir, 'plain')]
  const trust = ['-CAfile', join(dir, 'cert.pem'), '-purpose', 'any']
  const words = ['cms', '-verify', '-binary', '-inform', 'DER', '-in', signed, '-out', plain]
  await t.resolves(run('openssl', [...words, ...trust]), 'verified')
  const script =
    'import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], "rb"))))'
  const { stdout } = await run('python3', ['-c', script, plain])
  t.match(JSON.parse(stdout), {
    PayloadType: 'Configuration',
    PayloadVersion: 1,
    PayloadContent: [
      {
        PayloadType: 'com.apple.dnsSettings.managed',
        DNSSettings: {
          DNSProtocol: 'HTTPS',
          ServerURL: 'https://dns.example/dns-query',
          ServerAddresses: ['192.0.2.1', '2001:db8::1']
        }
      }
    ]
  })
})

t.test('zbar reads the QR codes', async t => {
  const { dir, print } = onboarding(t)
  const read = async (name: string, rows: readonly string[]): Promise<string> => {
    const file = join(dir, name)
    writeFileSync(file, `P1\n${rows[0]!.length} ${rows.length}\n${rows.join('\n')}\n`)
    return (await run('zbarimg', ['-q', '--raw', file])).stdout
  }
  t.equal(await read('text.pbm', modulesOfText(await print('qr'))), `${NAME}\n`)
  const link = 'https://intranet.example/dns.mobileconfig'
  const svg = await print('qr', '--svg', '--link', link)
  t.equal(await read('svg.pbm', modulesOfSvg(svg)), `${link}\n`)
})

/** Each module is this many pixels wide and high. */
const SCALE = 6

/** Rows of a bitmap, from half blocks. */
function modulesOfText(text: string): string[] {
  const lines = text.trimEnd().split('\n')
  const width = Math.max(...text.split('\n').map(line => line.length))
  const rows = lines.flatMap(line => {
    const cells = Array.from(line.padEnd(width))
    return ['█▀', '█▄'].map(on => cells.map(cell => (on.includes(cell) ? '1' : '0')).join(''))
  })
  return enlarged([...rows, '0'.repeat(width), '0'.repeat(width)])
}

/** Rows of a bitmap, from a path of horizontal strokes. */
function modulesOfSvg(svg: string): string[] {
  const size = Number(/viewBox="0 0 (\d+)/.exec(svg)![1])
  const rows = Array.from({ length: size }, () => Array.from({ length: size }, () => '0'))
  let [x, y] = [0, 0]
  const path = /stroke="#000000" d="([^"]+)"/.exec(svg)![1]!
  for (const [, command, first, second] of path.matchAll(/([Mmh])(-?[\d.]+)(?:[ ]?(-?[\d.]+))?/g)) {
    const [dx, dy] = [Number(first), Number(second ?? 0)]
    if (command === 'M') [x, y] = [dx, Math.floor(dy)]
    else if (command === 'm') [x, y] = [x + dx, y + dy]
    else for (const end = x + dx; x < end; x++) rows[y]![x] = '1'
  }
  return enlarged(rows.map(row => row.join('')))
}

function enlarged(rows: readonly string[]): string[] {
  return rows.flatMap(row => {
    const wide = Array.from(row)
      .map(module => module.repeat(SCALE))
      .join('')
    return Array.from({ length: SCALE }, () => wide)
  })
}

t.test('kdig discovers the listeners of a gateway by its address and by its name', async t => {
  const tls = await freePort()
  const settings = `listen:
  - 127.0.0.1:PORT
  - { address: 127.0.0.1:${tls}, protocol: dot, certificate: cert.pem, key: key.pem }
discovery: { name: ${NAME} }
upstreams: { servers: [192.0.2.53] }
`
  const networks = 'networks: { all: { prefixes: [127.0.0.0/8] } }\n'
  const at = await site(t, settings, networks)
  const { certificate, key } = makeCertificate({ names: [NAME] })
  at.write('cert.pem', certificate)
  at.write('key.pem', key)
  await startInterdict(t, at)
  const ca = `+tls-ca=${join(at.dir, 'cert.pem')}`
  const overTls = ['-p', String(tls), '+tls', ca, `+tls-hostname=${NAME}`]
  for (const ways of [['-p', String(at.port)], ['-p', String(at.port), '+tcp'], overTls]) {
    for (const name of ['_dns.resolver.arpa', `_dns.${NAME}`]) {
      const { stdout } = await run('kdig', ['@127.0.0.1', ...ways, name, 'SVCB'])
      t.match(
        stdout,
        new RegExp(`SVCB\\s+1 ${NAME}\\. alpn="dot" port=${tls} ipv4hint=127\\.0\\.0\\.1`)
      )
      t.match(stdout, new RegExp(`${NAME}\\.\\s+300\\s+IN\\s+A\\s+127\\.0\\.0\\.1`))
    }
  }
})

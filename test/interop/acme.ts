/**
 * Certificates by ACME from Pebble, the test server of Let's Encrypt: the first, a renewal while a gateway is
 * under load, and failures. Run by `npm run test:interop`.
 */
import { execFile, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as acme from 'acme-client'
import t, { type Test } from 'tap'
import { acmeHttp } from '../../src/gateway/acme/http.js'
import { makeCertificate } from '../tls/certificates.js'
import { install } from '../../tools/install.js'
import {
  eventually,
  folder,
  freePort,
  interdict,
  Running,
  site,
  startInterdict,
  startNsd,
  type Site
} from './processes.js'

install('nsd', 'dnsperf', 'dig', 'pebble', 'pebble-challtestsrv', 'openssl')
t.setTimeout(300_000)

const run = promisify(execFile)
const NETWORKS = `networks:
  all:
    prefixes: [127.0.0.0/8]
`

/** An ACME server that looks up every name at a DNS server of its own, which has 127.0.0.1 for all. */
interface Pebble {
  readonly directory: string
  /** File in PEM. */
  readonly ca: string
  /** Where it looks for http-01. */
  readonly httpPort: number
  /** HTTP interface of its DNS server. */
  readonly management: string
}

async function startPebble(t: Test): Promise<Pebble> {
  const dir = folder(t)
  const [port, managementPort, httpPort, dnsPort, dnsManagement] = await Promise.all(
    Array.from({ length: 5 }, () => freePort())
  )
  const { certificate, key } = makeCertificate({ names: ['localhost', '127.0.0.1'] })
  const ca = join(dir, 'ca.pem')
  writeFileSync(ca, certificate)
  writeFileSync(join(dir, 'key.pem'), key)
  const config = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: ca,
    privateKey: join(dir, 'key.pem'),
    httpPort,
    tlsPort: 1,
    domainBlocklist: ['blocked.example'],
    certificateValidityPeriod: 864_000
  }
  writeFileSync(join(dir, 'pebble.json'), JSON.stringify({ pebble: config }))
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-doh', '', '-defaultIPv6', '']
  const dns = ['-dns01', `127.0.0.1:${dnsPort}`, '-management', `127.0.0.1:${dnsManagement}`]
  new Running(t, 'pebble-challtestsrv', [...off, ...dns])
  const server = ['-config', join(dir, 'pebble.json'), '-dnsserver', `127.0.0.1:${dnsPort}`]
  const pebble = new Running(t, 'env', [
    'PEBBLE_VA_NOSLEEP=1',
    'PEBBLE_AUTHZREUSE=0',
    'pebble',
    ...server
  ])
  await pebble.says('Listening on')
  await eventually('the DNS server of Pebble', 10, () =>
    fetch(`http://127.0.0.1:${dnsManagement}/`).then(
      () => true,
      () => false
    )
  )
  const directory = `https://127.0.0.1:${port}/dir`
  return { directory, ca, httpPort: httpPort!, management: `http://127.0.0.1:${dnsManagement}` }
}

interface Renewing extends Site {
  readonly tls: number
  /** `interdict certificate renew`. */
  renew(...words: string[]): Promise<{ code: number; text: string }>
  /** The certificate on disk. */
  certificate(): X509Certificate
}

async function gatewaySite(t: Test, acme: string): Promise<Renewing> {
  const upstream = await freePort()
  await startNsd(t, upstream)
  const tls = await freePort()
  const settings = `listen:
  - 127.0.0.1:PORT
  - { address: 127.0.0.1:${tls}, protocol: dot, certificate: tls/dns.pem, key: tls/dns.key }
workers: 2
discovery: { name: dns.example }
upstreams: { servers: ['127.0.0.1:${upstream}'] }
acme:
${acme}`
  const at = await site(t, settings, NETWORKS)
  return {
    ...at,
    tls,
    renew: (...words) =>
      interdict('certificate', 'renew', ...words, '-c', join(at.dir, 'interdict.yaml')),
    certificate: () => new X509Certificate(readFileSync(join(at.dir, 'tls/dns.pem')))
  }
}

const httpSettings = ({ directory, ca, httpPort }: Pebble, more = ''): string => `
  directory: ${directory}
  ca-file: ${ca}
  accept-terms: true
  contact: [ops@example.org]
  http-listen: 127.0.0.1:${httpPort}
  ${more}
`

/** The serial number of the certificate that clients get. */
function servedSerial(port: number): Promise<string> {
  return new Promise(resolve => {
    const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`])
    let output = ''
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    child.on('close', () => {
      const [pem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(output) ?? ['']
      resolve(pem === '' ? '' : new X509Certificate(pem).serialNumber)
    })
    child.stdin.end()
  })
}

t.test('the first certificate, and a renewal under load without a lost query', async t => {
  const pebble = await startPebble(t)
  const at = await gatewaySite(t, httpSettings(pebble))
  const dryRun = await at.renew('--dry-run')
  t.match(dryRun, { code: 0, text: /dns\.pem: would be renewed \(.*no such file/ })
  t.notOk(existsSync(join(at.dir, 'tls')), 'a dry run writes nothing')

  t.match(await at.renew(), { code: 0, text: /dns\.pem: renewed \(/ })
  t.equal(at.certificate().subjectAltName, 'DNS:dns.example')
  t.equal(statSync(join(at.dir, 'tls/dns.key')).mode & 0o777, 0o600)
  t.equal(statSync(join(at.dir, 'state/acme-account.key')).mode & 0o777, 0o600)
  t.match(await at.renew(), { code: 0, text: /dns\.pem: not due \(valid until / })

  await startInterdict(t, at)
  const before = await servedSerial(at.tls)
  t.equal(before, at.certificate().serialNumber)
  const queries = join(at.dir, 'queries.txt')
  writeFileSync(queries, 'www.example A\n')
  const load = ['-m', 'dot', '-s', '127.0.0.1', '-p', String(at.tls), '-d', queries]
  const loaded = run('dnsperf', [...load, '-c', '20', '-q', '100', '-Q', '2000', '-l', '8'])
  t.match(await at.renew('--force'), { code: 0, text: /renewed \(--force\)/ })
  const written = Date.now()
  await eventually('the new certificate', 5, async () => (await servedSerial(at.tls)) !== before)
  t.comment(`in force ${Date.now() - written} ms after the command had ended`)
  t.equal(await servedSerial(at.tls), at.certificate().serialNumber)
  const { stdout } = await loaded
  t.match(stdout, /Queries lost: +0 /)
  t.notMatch(stdout, /[Rr]econnections: +[1-9]/)
})

t.test('a revoked certificate is renewed, since Pebble says so (RFC 9773)', async t => {
  const pebble = await startPebble(t)
  const at = await gatewaySite(t, httpSettings(pebble))
  t.match(await at.renew(), { code: 0, text: /renewed/ })
  t.match(await at.renew(), { code: 0, text: /not due/ })
  const before = at.certificate()
  acmeHttp(readFileSync(pebble.ca, 'utf8'))
  const accountKey = readFileSync(join(at.dir, 'state/acme-account.key'), 'utf8')
  const client = new acme.Client({ directoryUrl: pebble.directory, accountKey })
  await client.createAccount({ contact: ['mailto:ops@example.org'] })
  await client.revokeCertificate(before.toString())
  t.match(await at.renew(), { code: 0, text: /renewed \(the ACME server asks for it\)/ })
  t.not(at.certificate().serialNumber, before.serialNumber)
  t.match(await at.renew(), { code: 0, text: /not due/ })
})

t.test('several names and addresses, by http-01; one file for certificate and key', async t => {
  const pebble = await startPebble(t)
  const more = `names: [dns.example, other.example, 127.0.0.1]
  certificate: one.pem
  key: one.pem`
  const at = await gatewaySite(t, httpSettings(pebble, more))
  t.match(await at.renew(), { code: 0, text: /one\.pem: renewed/ })
  const text = readFileSync(join(at.dir, 'one.pem'), 'utf8')
  t.match(text, /BEGIN CERTIFICATE[^]*BEGIN (?:EC )?PRIVATE KEY/)
  t.match(
    new X509Certificate(text).subjectAltName,
    /^(?=.*DNS:dns\.example)(?=.*DNS:other\.example)(?=.*IP Address:127\.0\.0\.1)/
  )
})

t.test('dns-01, by a program that writes the record', async t => {
  const pebble = await startPebble(t)
  const dir = folder(t)
  const hook = join(dir, 'hook')
  const script = `#!${process.execPath}
const [, , action, host, value] = process.argv
require('fs').appendFileSync('${join(dir, 'calls')}', action + ' ' + host + '\\n')
const path = action === 'present' ? 'set-txt' : 'clear-txt'
fetch('${pebble.management}/' + path, { method: 'POST', body: JSON.stringify({ host, value }) })
`
  writeFileSync(hook, script)
  chmodSync(hook, 0o700)
  const more = `challenge: dns-01
  dns-hook: ${hook}
  names: ['dns.example']`
  const at = await gatewaySite(t, httpSettings(pebble, more))
  t.match(await at.renew(), { code: 0, text: /renewed/ })
  t.equal(
    readFileSync(join(dir, 'calls'), 'utf8'),
    'present _acme-challenge.dns.example.\ncleanup _acme-challenge.dns.example.\n'
  )
})

t.test('after a failure the certificate is the previous one', async t => {
  const pebble = await startPebble(t)
  const at = await gatewaySite(t, httpSettings(pebble))
  t.match(await at.renew(), { code: 0 })
  const { serialNumber } = at.certificate()
  const key = readFileSync(join(at.dir, 'tls/dns.key'), 'utf8')
  const failing = async (settings: string, expected: RegExp): Promise<void> => {
    const text = readFileSync(join(at.dir, 'interdict.yaml'), 'utf8')
    at.write('interdict.yaml', text.replace(/acme:[^]*/, `acme:\n${settings}`))
    // Pebble reuses an authorization of the same account one time in 100, even if PEBBLE_AUTHZREUSE is 0.
    rmSync(join(at.dir, 'state/acme-account.key'))
    const { code, text: printed } = await at.renew('--force')
    t.equal(code, 1)
    t.match(printed, expected)
    t.equal(at.certificate().serialNumber, serialNumber)
    t.equal(readFileSync(join(at.dir, 'tls/dns.key'), 'utf8'), key)
  }
  const wrongPort = { ...pebble, httpPort: await freePort() }
  await failing(httpSettings(wrongPort), /control over dns\.example: .*\(ACME_CHALLENGE\)/)
  await failing(
    httpSettings(pebble, 'names: [blocked.example]'),
    /did not issue a certificate: .*\(ACME_SERVER\)/
  )
  await failing(
    httpSettings(pebble).replace('accept-terms: true', ''),
    /has terms of service: read data:.*\(ACME_TERMS\)/
  )
  const down = { ...pebble, directory: `https://127.0.0.1:${await freePort()}/dir` }
  await failing(httpSettings(down), /connection refused.*\(ACME_SERVER\)/)
  await failing(httpSettings(pebble).replace(/ca-file.*/, ''), /certificate.*\(ACME_SERVER\)/)
  const busy = createServer().listen(pebble.httpPort, '127.0.0.1')
  t.teardown(() => busy.close())
  await failing(httpSettings(pebble), /address already in use.*\(ACME_LISTEN\)/)
  t.type((busy.address() as AddressInfo).port, 'number')
  const failingHook = `challenge: dns-01\n  dns-hook: /bin/false`
  await failing(httpSettings(pebble, failingHook), /\/bin\/false present .*\(ACME_HOOK\)/)
})

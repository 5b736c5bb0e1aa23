/**
 * DNS over TLS between real programs: kdig, dig, OpenSSL and dnsperf as clients, and a certificate that changes under load. Run by `npm run test:interop`.
 */
import { execFile, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { certify, serveEncrypted } from './encrypted-site.js'
import { install } from '../../tools/install.js'
import { eventually, interdict, textOf } from './processes.js'

install('kdig', 'nsd', 'dnsperf', 'dig', 'openssl')
t.setTimeout(300_000)

const run = promisify(execFile)
/** What `openssl s_client` prints; its exit code does not matter. */
function client(port: number, ...args: string[]): Promise<string> {
  return new Promise(resolve => {
    const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args])
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => (output += data.toString()))
    child.on('close', () => resolve(output))
    child.stdin.end()
  })
}

t.test('kdig and openssl', async t => {
  const { encrypted: tls, dir } = await serveEncrypted(t, 'dot')
  const at = ['@127.0.0.1', '-p', String(tls), '+tls-hostname=dns.example']
  const verified = [...at, `+tls-ca=${join(dir, 'cert.pem')}`]
  const { stdout } = await run('kdig', [...verified, '+padding', 'www.example'])
  t.match(stdout, /TLS session \(TLS1\.3\)/)
  t.match(stdout, /192\.0\.2\.10/)
  t.match(stdout, /468 B/, 'padded to a block')
  t.match((await run('kdig', [...verified, 'banned.example'])).stdout, /status: NXDOMAIN/)
  t.match(await client(tls, '-alpn', 'dot'), /ALPN protocol: dot/)
  t.match(await client(tls, '-alpn', 'h2'), /no application protocol/i)
  t.match(await client(tls, '-tls1_2'), /Protocol *(version)?: TLSv1\.2/)
  t.notMatch(await client(tls, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'), /Cipher *: ECDHE/)
  const session = join(dir, 'session')
  await client(tls, '-tls1_2', '-sess_out', session)
  t.match(await client(tls, '-tls1_2', '-sess_in', session), /^Reused, TLSv1\.2/m)
  const pinged = await interdict('ping', '-c', join(dir, 'interdict.yaml'))
  t.match(pinged, { code: 0, text: new RegExp(`:${tls} answers`) })
  await eventually('the log', 10, () => {
    const log = textOf(join(dir, 'queries.jsonl'))
    return Promise.resolve(log.includes('"protocol":"dot","qname":"banned.example"'))
  })
})

t.test('dig, which verifies the certificate', async t => {
  const { encrypted: tls, dir } = await serveEncrypted(t, 'dot')
  const verified = ['+tls', '+tls-hostname=dns.example', `+tls-ca=${join(dir, 'cert.pem')}`]
  const at = ['@127.0.0.1', '-p', String(tls), ...verified, '+tries=1', '+time=5']
  t.match((await run('dig', [...at, 'www.example'])).stdout, /192\.0\.2\.10/)
  t.match((await run('dig', [...at, 'banned.example'])).stdout, /status: NXDOMAIN/)
})

t.test('a certificate changes under load without a lost query or connection', async t => {
  const at = await serveEncrypted(t, 'dot')
  const queries = join(at.dir, 'queries.txt')
  writeFileSync(queries, 'www.example A\nbanned.example A\n')
  const load = ['-m', 'dot', '-s', '127.0.0.1', '-p', String(at.encrypted), '-d', queries]
  const asking = run('dnsperf', [...load, '-c', '20', '-q', '100', '-Q', '2000', '-l', '6'])
  for (const name of ['two.example', 'three.example']) {
    certify(at, name)
    await eventually(`the certificate of ${name}`, 5, async () =>
      new RegExp(`CN ?= ?${name}`).test(await client(at.encrypted))
    )
  }
  const { stdout } = await asking
  t.match(stdout, /Queries lost: +0 /)
  t.notMatch(stdout, /[Rr]econnections: +[1-9]/)
})

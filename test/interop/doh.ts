/**
 * DNS over HTTPS between real programs: kdig, curl, dnsperf, h2load and Chromium as clients, and a certificate that
 * changes under load. Run by `npm run test:interop`.
 */
import { execFile } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import { launch } from 'puppeteer-core'
import t, { type Test } from 'tap'
import { certify, serveEncrypted, type EncryptedSite } from './encrypted-site.js'
import { install } from '../../tools/install.js'
import { eventually, folder, textOf, type Site } from './processes.js'

install('kdig', 'nsd', 'dnsperf', 'curl', 'h2load', 'chromium')
t.setTimeout(300_000)

const run = promisify(execFile)

interface Served extends EncryptedSite {
  readonly url: string
}

async function serve(t: Test): Promise<Served> {
  const at = await serveEncrypted(t, 'doh')
  return { ...at, url: `https://127.0.0.1:${at.encrypted}/dns-query` }
}

/** What the server presents now. */
function certificateOf(port: number): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2']
    })
    socket.once('error', reject).once('secureConnect', () => {
      resolve(socket.getPeerX509Certificate()!)
      socket.destroy()
    })
  })
}

const logOf = ({ dir }: Site): string => textOf(join(dir, 'queries.jsonl'))

t.test('kdig', async t => {
  const at = await serve(t)
  const to = ['@127.0.0.1', '-p', String(at.encrypted), '+tls-hostname=dns.example']
  const verified = [...to, `+tls-ca=${join(at.dir, 'cert.pem')}`]
  for (const method of ['+https', '+https-get']) {
    const { stdout } = await run('kdig', [...verified, '+https', method, '+padding', 'www.example'])
    t.match(stdout, new RegExp(`HTTP/2-${method === '+https' ? 'POST' : 'GET'}.*status: 200`))
    t.match(stdout, /192\.0\.2\.10/)
    t.match(stdout, /468 B/, 'padded to a block')
  }
  t.match((await run('kdig', [...verified, '+https', 'banned.example'])).stdout, /status: NXDOMAIN/)
  await eventually('the log', 10, () => {
    return Promise.resolve(logOf(at).includes('"protocol":"doh","qname":"banned.example"'))
  })
})

t.test('dig', async t => {
  const at = await serve(t)
  const tls = ['+tls-hostname=dns.example', `+tls-ca=${join(at.dir, 'cert.pem')}`]
  const to = ['@127.0.0.1', '-p', String(at.encrypted), ...tls, '+tries=1', '+time=5']
  for (const method of ['+https', '+https-get', '+https-post']) {
    const { stdout } = await run('dig', [...to, method, 'www.example'])
    t.match(stdout, /192\.0\.2\.10/, method)
    t.match((await run('dig', [...to, method, 'banned.example'])).stdout, /NXDOMAIN/, method)
  }
})

t.test('curl', async t => {
  const at = await serve(t)
  const ca = ['--cacert', join(at.dir, 'cert.pem')]
  const resolve = async (name: string): Promise<string> => {
    const args = ['-v', '--connect-timeout', '1', '--doh-url', at.url, ...ca, `http://${name}/`]
    // Nobody answers at the address.
    const failed = await run('curl', args).catch((error: unknown) => error)
    return (failed as { stderr: string }).stderr
  }
  t.match(await resolve('www.example'), /192\.0\.2\.10:80/)
  t.match(await resolve('banned.example'), /[Cc]ould(n't| not) resolve host/)
  const query = Buffer.from('0000010000010000000000000377777707657861', 'hex')
  const code = async (path: string, ...args: readonly string[]): Promise<string> => {
    const url = `https://127.0.0.1:${at.encrypted}${path}`
    const { stdout } = await run('curl', [
      '-s',
      '-o',
      '/dev/null',
      '-w',
      '%{http_version} %{http_code}',
      ...ca,
      ...args,
      url
    ])
    return stdout
  }
  t.equal(await code('/'), '2 404')
  t.equal(await code('/dns-query'), '2 400')
  t.equal(await code('/dns-query', '-X', 'PUT'), '2 405')
  t.equal(await code('/dns-query', '-d', 'x'), '2 415')
  t.equal(await code(`/dns-query?dns=${query.toString('base64url')}`), '2 200')
  t.equal(await code('/dns-query', '--http1.1'), '1.1 505')
})

t.test('dnsperf', async t => {
  const at = await serve(t)
  const queries = join(at.dir, 'queries.txt')
  writeFileSync(queries, 'www.example A\nbanned.example A\n')
  for (const method of ['GET', 'POST']) {
    const load = [
      '-m',
      'doh',
      '-s',
      '127.0.0.1',
      '-p',
      String(at.encrypted),
      '-d',
      queries,
      '-n',
      '500'
    ]
    const options = ['-O', `doh-uri=${at.url}`, '-O', `doh-method=${method}`]
    const { stdout } = await run('dnsperf', [...load, '-c', '4', '-q', '4', '-t', '30', ...options])
    t.match(stdout, /Queries completed: +1000 /, method)
    t.match(stdout, /Queries lost: +0 /, method)
  }
})

t.test('h2load, while the certificate changes: no request and no connection is lost', async t => {
  const at = await serve(t)
  const query = join(at.dir, 'query')
  writeFileSync(
    query,
    Buffer.from('000001000001000000000000037777770765786d706c650000010001', 'hex')
  )
  const type = ['-H', 'content-type: application/dns-message', '-d', query]
  const load = ['-c', '16', '-m', '32', '-t', '1', '--duration', '5', ...type, at.url]
  const asking = run('h2load', load)
  for (const name of ['two.example', 'three.example']) {
    certify(at, name)
    await eventually(`the certificate of ${name}`, 10, async () => {
      return (await certificateOf(at.encrypted)).subjectAltName?.includes(name) === true
    })
  }
  const { stdout } = await asking
  const [, done, succeeded, failed, errored] =
    /requests: .* started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored/.exec(stdout) ??
    []
  t.ok(Number(done) > 1000, stdout)
  t.strictSame([succeeded, failed, errored], [done, '0', '0'])
})

t.test('Chromium with secure DNS, which asks for structured errors', async t => {
  const at = await serve(t)
  const profile = folder(t)
  const netLog = join(profile, 'net-log.json')
  const dns = { dns_over_https: { mode: 'secure', templates: at.url } }
  mkdirSync(profile, { recursive: true })
  writeFileSync(join(profile, 'Local State'), JSON.stringify(dns))
  const { publicKey } = await certificateOf(at.encrypted)
  const spki = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
  const browser = await launch({
    executablePath: '/usr/bin/chromium',
    userDataDir: profile,
    args: [
      ...['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update'],
      // chrome://flags/#structured-dns-errors
      ...['--enable-features=UseStructuredDnsErrors', `--log-net-log=${netLog}`],
      '--net-log-capture-mode=Everything',
      `--ignore-certificate-errors-spki-list=${spki}`
    ]
  })
  t.teardown(() => browser.close())
  const page = await browser.newPage()
  const open = async (name: string): Promise<string> => {
    // Nobody answers at the address; a name that is not there is known at once.
    const going = page.goto(`http://${name}/`, { timeout: 3000 })
    return going.then(
      () => 'opened',
      (error: unknown) => (error as Error).message
    )
  }
  t.match(await open('banned.example'), /ERR_NAME_NOT_RESOLVED/)
  await open('www.example')
  await eventually('the log', 10, () => {
    const log = logOf(at)
    const has = (name: string): boolean => log.includes(`"protocol":"doh","qname":"${name}"`)
    return Promise.resolve(has('banned.example') && has('www.example'))
  })
  await browser.close()
  // An empty extended error (option 15) asks; the answer says `Blocked` (15) and explains it in JSON.
  t.ok(netLogHas(netLog, '000f00020000'))
  t.ok(netLogHas(netLog, Buffer.from('\x00\x0f{"j":"').toString('hex')))
})

/** Whether octets passed a socket, or were in a DNS message, according to Chromium's log. @param hex of the octets */
function netLogHas(file: string, hex: string): boolean {
  const { events } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly events: readonly { readonly params?: Readonly<Record<string, unknown>> }[]
  }
  return events.some(({ params = {} }) => {
    const { bytes = params.response_buffer } = params
    return typeof bytes === 'string' && Buffer.from(bytes, 'base64').includes(hex, 0, 'hex')
  })
}

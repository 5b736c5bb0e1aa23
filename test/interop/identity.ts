/**
 * Clients identified by certificate and server name, with real programs: kdig and OpenSSL present certificates of an
 * authority that OpenSSL keeps, with its revocation list. Then very many connections at once. Run by
 * `npm run test:interop`.
 */
import { execFile, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { PROGRAM } from '../cli/run.js'
import { framedQuery } from '../daemon/dns-client.js'
import { makeCertificate } from '../tls/certificates.js'
import { install } from '../../tools/install.js'
import { eventually, freePort, site, startInterdict, textOf, type Site } from './processes.js'

install('kdig', 'openssl')
t.setTimeout(500_000)

const run = promisify(execFile)
const HOST = 'dns.example'
/** Connections of the last test, all open at the same time. */
const CONNECTIONS = Number(process.env.IDENTITIES ?? 1000)
/** Handshakes in progress. */
const AT_ONCE = 40

interface Served extends Site {
  readonly tls: number
}

const bans = (name: string): string => `[{ names: [${name}], authority: A, reference: R }]`

function rules(clients: readonly string[], crl: boolean): string {
  return `client-authorities: { mdm: { certificate: mdm.pem${crl ? ', crl: mdm.crl' : ''} } }
networks:
  lan: { prefixes: [127.0.0.0/8], bans: ${bans('lan.example')} }
  phones: { extends: lan, bans: ${bans('phones.example')} }
  kiosks: { extends: lan, bans: ${bans('kiosks.example')} }
clients:
${clients.map(client => `  ${client}\n`).join('')}`
}

const PHONES = "phones: { network: phones, certificate: { authority: mdm, uri: 'urn:phone:*' } }"

/** @param authority PEM */
async function serve(
  t: Test,
  authority: string,
  clients: readonly string[],
  more: string
): Promise<Served> {
  const tls = await freePort()
  const settings = `listen:
  - 127.0.0.1:PORT
  - { address: 127.0.0.1:${tls}, protocol: dot, certificate: cert.pem, key: key.pem, name: ${HOST} ${more} }
workers: 2
upstreams: { servers: [], use-resolv-conf: false }
log: { queries: { file: queries.jsonl, which: all } }
tcp: { max-connections: 12000, max-connections-per-client: 12000, idle: 10m }
tls: { handshake-timeout: 1m }
`
  const at = await site(t, settings, rules(clients, false))
  const { certificate, key } = makeCertificate({ names: [HOST, `*.${HOST}`] })
  writeFileSync(join(at.dir, 'cert.pem'), certificate)
  writeFileSync(join(at.dir, 'key.pem'), key, { mode: 0o600 })
  writeFileSync(join(at.dir, 'rules/mdm.pem'), authority)
  await startInterdict(t, at)
  return { ...at, tls }
}

/** An authority kept by OpenSSL, as a small site would. */
class Authority {
  constructor(private readonly dir: string) {
    mkdirSync(dir)
    writeFileSync(join(dir, 'index.txt'), '')
    writeFileSync(
      join(dir, 'ca.cnf'),
      `[ca]\ndefault_ca = own\n[own]\ndir = ${dir}\ndatabase = ${dir}/index.txt\nnew_certs_dir = ${dir}
certificate = ${dir}/mdm.pem\nprivate_key = ${dir}/mdm.key\ndefault_md = sha256\npolicy = any\nrand_serial = yes
default_days = 30\ndefault_crl_days = 7\ncopy_extensions = copy\nunique_subject = no\n[any]\ncommonName = supplied\n`
    )
  }

  file(name: string): string {
    return join(this.dir, name)
  }

  async create(): Promise<string> {
    await this.request('mdm', ['-x509', '-subj', '/CN=MDM', '-days', '30'])
    return readFileSync(this.file('mdm.pem'), 'utf8')
  }

  /** Makes `NAME.pem` and `NAME.key` of a phone. */
  async issue(name: string): Promise<void> {
    const names = ['-addext', `subjectAltName=URI:urn:phone:${name}`]
    const usage = ['-addext', 'extendedKeyUsage=clientAuth', '-addext', 'basicConstraints=CA:FALSE']
    await this.request(name, ['-subj', `/CN=${name}`, ...names, ...usage])
    const files = ['-in', this.file(`${name}.pem`), '-out', this.file(`${name}.crt`)]
    await run('openssl', ['ca', '-batch', '-config', this.file('ca.cnf'), '-notext', ...files])
    copyFileSync(this.file(`${name}.crt`), this.file(`${name}.pem`))
  }

  /** @returns its revocation list */
  async revoke(name: string): Promise<string> {
    const config = ['-config', this.file('ca.cnf')]
    await run('openssl', ['ca', ...config, '-revoke', this.file(`${name}.pem`)])
    await run('openssl', ['ca', ...config, '-gencrl', '-out', this.file('mdm.crl')])
    return readFileSync(this.file('mdm.crl'), 'utf8')
  }

  private async request(name: string, more: readonly string[]): Promise<void> {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    const files = ['-keyout', this.file(`${name}.key`), '-out', this.file(`${name}.pem`)]
    await run('openssl', ['req', ...key, ...files, ...more])
  }
}

t.test('kdig and OpenSSL with certificates, one of which is revoked', async t => {
  const authority = new Authority(join(t.testdir(), 'ca'))
  const pem = await authority.create()
  for (const phone of ['one', 'two']) await authority.issue(phone)
  const at = await serve(t, pem, [PHONES], ', unknown-clients: refuse')
  const ask = async (name: string, ...more: string[]): Promise<string> => {
    const where = [
      '@127.0.0.1',
      '-p',
      String(at.tls),
      '+tls',
      '+retry=0',
      '+timeout=10',
      ...more,
      name
    ]
    const { stdout } = await run('kdig', where).catch(
      (error: unknown) => error as { stdout: string }
    )
    return /status: (\w+)/.exec(stdout)?.[1] ?? 'none'
  }
  const as = (phone: string): string[] => [
    `+tls-certfile=${authority.file(`${phone}.pem`)}`,
    `+tls-keyfile=${authority.file(`${phone}.key`)}`
  ]
  t.equal(await ask('phones.example', ...as('one')), 'NXDOMAIN')
  t.equal(await ask('phones.example', ...as('two')), 'NXDOMAIN')
  t.equal(await ask('phones.example'), 'SERVFAIL', 'no certificate: as the address')
  await eventually('the log', 20, () => {
    const log = textOf(join(at.dir, 'queries.jsonl'))
    return Promise.resolve(
      log.includes('"device":"phones/one"') && log.includes('"device":"phones/two"')
    )
  })

  const session = join(at.dir, 'session')
  const openssl = (...more: string[]) => sClient(at.tls, authority, 'one', ...more)
  const first = openssl('-sess_out', session)
  await first.says(/Verify return code|SSL handshake has read/)
  // The ticket comes with the first answer.
  first.write(framedQuery('banned.example'))
  await eventually('a ticket', 30, () =>
    Promise.resolve(textOf(session).includes('END SSL SESSION'))
  )
  const open = openssl()
  await open.says(/SSL handshake has read/)
  writeFileSync(join(at.dir, 'rules/mdm.crl'), await authority.revoke('one'))
  const since = performance.now()
  at.write('rules/networks.yaml', rules([PHONES], true))
  await open.ended
  t.comment(`cut ${Math.round(performance.now() - since)} ms after the rules were written`)
  t.equal(await ask('phones.example', ...as('one')), 'none', 'revoked')
  t.equal(await ask('phones.example', ...as('two')), 'NXDOMAIN')
  await first.ended
  const resumed = openssl('-sess_in', session)
  await resumed.ended
  t.match(resumed.output, /Reused|New, TLS/, 'the handshake itself succeeds')
})

/** `openssl s_client`, which stays connected until the server closes. */
function sClient(port: number, authority: Authority, phone: string, ...more: string[]) {
  const own = ['-cert', authority.file(`${phone}.pem`), '-key', authority.file(`${phone}.key`)]
  const where = ['s_client', '-connect', `127.0.0.1:${port}`, '-alpn', 'dot', ...own, ...more]
  const child = spawn('openssl', where)
  const client = {
    output: '',
    write: (octets: Uint8Array): void => void child.stdin.write(octets),
    ended: new Promise<void>(resolve => child.once('close', () => resolve())),
    says: (text: RegExp): Promise<void> =>
      eventually(`s_client says ${String(text)}`, 30, () =>
        Promise.resolve(text.test(client.output))
      )
  }
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (client.output += data.toString()))
  child.stdin.on('error', () => undefined)
  t.teardown(() => child.kill('SIGKILL'))
  return client
}

t.test('a device proves with interdict probe what it is recognized as', async t => {
  const authority = makeCertificate({ subject: 'MDM', names: [] })
  const uris = ['urn:phone:7']
  const phone = makeCertificate({ names: [], uris, isAuthority: false, issuer: authority })
  const kiosk = 'kiosk: { network: kiosks, sni: kiosk-3 }'
  const at = await serve(t, authority.certificate, [PHONES, kiosk], '')
  const [certificate, key] = [join(at.dir, 'phone.pem'), join(at.dir, 'phone.key')]
  writeFileSync(certificate, phone.certificate)
  writeFileSync(key, phone.key)
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(at.dir, 'cert.pem') }
  const probe = async (client: string, name: string, ...more: string[]): Promise<string> => {
    const server = `tls://127.0.0.1:${at.tls}#${name}`
    const rules = ['--from', '127.0.0.1', '--rules', join(at.dir, 'rules'), '--names', '1']
    const words = ['probe', ...rules, '--timeout', '20000', '--client', client, '--server', server]
    const { stdout } = await run(process.execPath, [PROGRAM, ...words, ...more], { env }).catch(
      (error: unknown) => error as { stdout: string }
    )
    return stdout.split('\n', 1)[0]!
  }
  const own = ['--client-certificate', certificate, '--client-key', key]
  const good = 'every answer is right'
  t.match(await probe('kiosk', `kiosk-3.${HOST}`), new RegExp(`client of kiosks: ${good}`))
  t.match(await probe('phones/7', HOST, ...own), new RegExp(`client of phones: ${good}`))
  t.match(
    await probe('kiosk', HOST),
    /client of kiosks: 3 wrong answers/,
    'without its server name'
  )
})

/** What a connection presents, and the names that are blocked for it. */
interface Kind {
  readonly options: () => object
  readonly blocked: string
}

t.test(`${CONNECTIONS} connections with mixed identities`, async t => {
  const authority = makeCertificate({ subject: 'MDM', names: [] })
  const stranger = makeCertificate({ subject: 'other', names: [] })
  const certified = ['1', '2'].map(name => {
    const uris = [`urn:phone:${name}`]
    return makeCertificate({
      names: [],
      uris,
      subject: name,
      isAuthority: false,
      issuer: authority
    })
  })
  const foreign = makeCertificate({ names: [], isAuthority: false, issuer: stranger })
  const kiosks = Array.from(
    { length: 200 },
    (_, i) => `kiosk-${i}: { network: kiosks, sni: kiosk-${i} }`
  )
  const at = await serve(t, authority.certificate, [PHONES, ...kiosks], '')
  const withKey = ({ certificate: cert, key }: typeof foreign) => ({ cert, key })
  let kiosk = 0
  const kinds: readonly Kind[] = [
    { options: () => withKey(certified[0]!), blocked: 'phones' },
    { options: () => withKey(certified[1]!), blocked: 'phones' },
    { options: () => ({ servername: `kiosk-${kiosk++ % 200}.${HOST}` }), blocked: 'kiosks' },
    { options: () => ({ servername: `kiosk-${kiosk++ % 200}.${HOST}` }), blocked: 'kiosks' },
    { options: () => ({ servername: `nobody.${HOST}` }), blocked: '' },
    { options: () => withKey(foreign), blocked: '' },
    { options: () => ({}), blocked: '' }
  ]
  const clients: { readonly kind: Kind; readonly client: Client }[] = []
  let wrong = 0
  let next = 0
  const began = performance.now()
  const work = async (): Promise<void> => {
    while (next < CONNECTIONS) {
      const kind = kinds[next++ % kinds.length]!
      const client = new Client(at.tls, kind.options())
      clients.push({ kind, client })
      for (const name of ['phones', 'kiosks', 'lan']) {
        const isBlocked = await client.isBlocked(`${name}.example`)
        if (isBlocked !== (name === kind.blocked || name === 'lan')) wrong++
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const opened = performance.now()
  t.teardown(() => clients.forEach(({ client }) => client.socket.destroy()))
  t.equal(wrong, 0, 'each is in the right network')
  t.equal(clients.filter(({ client }) => client.isClosed).length, 0)

  // One phone is revoked, and half of the kiosks are deleted.
  const revoked =
    "phone-1: { network: phones, certificate: { authority: mdm, uri: 'urn:phone:1' }, revoked: true }"
  at.write('rules/networks.yaml', rules([PHONES, revoked, ...kiosks.slice(0, 100)], false))
  const since = performance.now()
  const mustEnd = clients.filter(({ kind, client }) => {
    if (kind === kinds[0]) return true
    return kind.blocked === 'kiosks' && Number(/-(\d+)\./.exec(client.name)![1]) >= 100
  })
  await eventually('revoked connections are closed', 60, () =>
    Promise.resolve(mustEnd.every(({ client }) => client.isClosed))
  )
  const times = mustEnd
    .map(({ client }) => Math.round(client.closedAt - since))
    .sort((a, b) => a - b)
  const others = clients.filter(one => !mustEnd.includes(one))
  t.equal(others.filter(({ client }) => client.isClosed).length, 0, 'all others stay open')
  const some = others.filter((_, i) => i % 50 === 0)
  for (const { kind, client } of some) {
    if (kind.blocked === '') continue
    t.equal(await client.isBlocked(`${kind.blocked}.example`), true)
  }
  t.comment(
    `${clients.length} connections in ${Math.round((opened - began) / 1000)} s; ` +
      `${mustEnd.length} closed ${times[0]!} to ${times.at(-1)!} ms (half: ${times[times.length >> 1]!}) ` +
      `after the rules were written, ${others.length} stay`
  )
})

class Client {
  readonly socket: TLSSocket
  readonly name: string
  isClosed = false
  closedAt = 0
  private received = Buffer.alloc(0)
  private onChange = (): void => undefined

  constructor(port: number, options: { servername?: string }) {
    this.name = options.servername ?? ''
    this.socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
    this.socket.on('data', chunk => {
      this.received = Buffer.concat([this.received, chunk])
      this.onChange()
    })
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      this.isClosed = true
      this.closedAt = performance.now()
      this.onChange()
    })
  }

  /** Whether a name is blocked; undefined: the connection was closed. */
  async isBlocked(name: string): Promise<boolean | undefined> {
    this.socket.write(framedQuery(name))
    const isWhole = (): boolean =>
      this.received.length >= 2 && this.received.length >= 2 + this.received.readUInt16BE()
    while (!isWhole() && !this.isClosed)
      await new Promise<void>(resolve => (this.onChange = () => resolve()))
    if (!isWhole()) return undefined
    const rcode = this.received[5]! & 15
    this.received = this.received.subarray(2 + this.received.readUInt16BE())
    return rcode === 3
  }
}

/**
 * Interdict between validators and a signed zone, and in front of other servers than NSD: what is
 * not banned validates through us. Run by `npm run test:interop`.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { certify } from './encrypted-servers.js'
import { install, NAME_SERVERS } from '../../tools/install.js'
import { bindBehind, bindWith, unboundBehind, unboundWith, type Validator } from './peers.js'
import {
  answers,
  dig,
  eventually,
  folder,
  freePort,
  site,
  startInterdict,
  type Site
} from './processes.js'
import { startSigned, type Signed } from './signed.js'

install(...NAME_SERVERS)
t.setTimeout(300_000)

const run = promisify(execFile)

const RULES = `
networks:
  phones:
    prefixes: [127.0.0.0/8]
    bans:
      - apps: [tiktok]
        authority: Belgian federal government
        reference: National Security Council, 10 March 2023
        ede: censored
      - id: clip
        names: [clip.signed.example]
        authority: Security office
        reference: a name in a signed zone
`

/** @param upstream port of a server in clear, or an entry of `upstreams.servers` */
async function before(t: Test, upstream: number | string): Promise<Site> {
  const server = typeof upstream === 'number' ? `'127.0.0.1:${upstream}'` : upstream
  const at = await site(
    t,
    `listen: ['127.0.0.1:PORT']
workers: 1
rules: rules
upstreams: { servers: [${server}] }
log: { queries: { which: none } }
`,
    RULES
  )
  await startInterdict(t, at)
  return at
}

const ask = (port: number, ...args: string[]): Promise<string> =>
  dig(['@127.0.0.1', '-p', String(port), '+dnssec', ...args])

const validators: {
  it: string
  start: (t: Test, port: number, anchors: readonly string[]) => Promise<Validator>
}[] = [
  { it: 'unbound', start: unboundBehind },
  { it: 'BIND', start: bindBehind }
]

const seen: { it: string; args: string[]; status: string; secure: boolean; text?: RegExp }[] = [
  {
    it: 'an address',
    args: ['www.signed.example', 'A'],
    status: 'NOERROR',
    secure: true,
    text: /192\.0\.2\.20/
  },
  {
    it: 'any letter case',
    args: ['WwW.SiGnEd.eXaMpLe', 'A'],
    status: 'NOERROR',
    secure: true,
    text: /192\.0\.2\.20/
  },
  {
    it: 'a service binding',
    args: ['www.signed.example', 'HTTPS'],
    status: 'NOERROR',
    secure: true,
    text: /alpn="h2"/
  },
  {
    it: 'a chain',
    args: ['alias.signed.example', 'A'],
    status: 'NOERROR',
    secure: true,
    text: /192\.0\.2\.20/
  },
  {
    it: 'a wildcard, with the proof that nothing is closer',
    args: ['any.wild.signed.example', 'TXT'],
    status: 'NOERROR',
    secure: true,
    text: /found by a wildcard/
  },
  {
    it: 'what comes only over TCP',
    args: ['big.signed.example', 'TXT'],
    status: 'NOERROR',
    secure: true,
    text: /record 29 /
  },
  {
    it: 'that a type is not there',
    args: ['www.signed.example', 'MX'],
    status: 'NOERROR',
    secure: true
  },
  {
    it: 'that a name is not there',
    args: ['no.signed.example', 'A'],
    status: 'NXDOMAIN',
    secure: true
  },
  {
    it: 'nothing of a zone whose signatures are wrong',
    args: ['www.broken.example', 'A'],
    status: 'SERVFAIL',
    secure: false
  },
  {
    it: 'and that all the same, if it does not check',
    args: ['www.broken.example', 'A', '+cd'],
    status: 'NOERROR',
    secure: false,
    text: /192\.0\.2\.66/
  },
  { it: 'a ban', args: ['www.tiktok.com', 'A'], status: 'NXDOMAIN', secure: false },
  {
    it: 'a ban inside a signed zone as what it is, an answer without proof',
    args: ['clip.signed.example', 'A'],
    status: 'SERVFAIL',
    secure: false
  }
]

for (const { it, start } of validators) {
  t.test(`${it}, which validates, behind Interdict sees`, async t => {
    const { port, anchors } = await startSigned(t)
    const at = await before(t, port)
    const validator = await start(t, at.port, anchors)
    await eventually(`${it} answers`, 20, async () =>
      (await ask(validator.port, 'www.signed.example')).includes('192.0.2.20')
    )
    // The second time everything comes from our cache: a fresh validator has none of its own.
    const again = await start(t, at.port, anchors)
    await answers(it, again.port, 'www.signed.example', '192.0.2.20')
    for (const server of [validator, again]) await seesAll(t, server.port)
  })
}

async function seesAll(t: Test, port: number): Promise<void> {
  for (const { it, args, status, secure, text } of seen) {
    const said = await ask(port, ...args)
    t.match(said, new RegExp(`status: ${status}`), it)
    t.equal(/flags:[^;]* ad[ ;]/.test(said), secure, `${it}: ${secure ? '' : 'not '}secure`)
    if (text !== undefined) t.match(said, text, `${it}: the data`)
  }
}

t.test('delv validates by itself, asking Interdict for all the links of the chain', async t => {
  const signed = await startSigned(t)
  const at = await before(t, signed.port)
  const delv = await delvWith(t, at, signed)
  t.match(await delv('www.signed.example'), /fully validated[^]*192\.0\.2\.20/)
  t.match(await delv('no.signed.example'), /negative response, fully validated/)
  t.match(await delv('any.wild.signed.example', 'TXT'), /fully validated[^]*by a wildcard/)
})

/** delv with the signed zone as its root of trust. */
async function delvWith(
  t: Test,
  { port }: Site,
  { anchors }: Signed
): Promise<(...args: string[]) => Promise<string>> {
  const [zone, , , flags, protocol, algorithm, key] = anchors[0]!.split(' ')
  const file = join(folder(t), 'anchors')
  writeFileSync(
    file,
    `trust-anchors { "${zone}" static-key ${flags} ${protocol} ${algorithm} "${key}"; };\n`
  )
  const fixed = ['@127.0.0.1', '-p', String(port), '-a', file, `+root=${zone}`]
  return async (...args) => {
    const { stdout, stderr } = await run('delv', [...fixed, ...args])
    return stdout + stderr
  }
}

t.test('the flags of DNSSEC are passed through, to whom they mean something', async t => {
  const { port } = await startSigned(t)
  const at = await before(t, port)
  const signed = await dig(['@127.0.0.1', '-p', String(at.port), '+dnssec', 'www.signed.example'])
  t.match(signed, /RRSIG/, 'signatures for clients that ask for them')
  t.notMatch(signed, /flags:[^;]* ad[ ;]/, 'what nobody checked is not called authentic')
  const plain = await dig(['@127.0.0.1', '-p', String(at.port), 'www.signed.example'])
  t.notMatch(plain, /RRSIG/, 'and for nobody else')
  t.match(plain, /192\.0\.2\.20/)
  const drill = await run('drill', [
    '-D',
    '-p',
    String(at.port),
    'www.signed.example',
    '@127.0.0.1'
  ])
  t.match(drill.stdout, /RRSIG/)
  const kdig = await run('kdig', [
    '@127.0.0.1',
    '-p',
    String(at.port),
    '+dnssec',
    'big.signed.example',
    'TXT'
  ])
  t.match(kdig.stdout, /record 29 /, 'kdig comes again over TCP')
})

t.test('the AD bit of a validating upstream over TLS, whose name is verified', async t => {
  const signed = await startSigned(t)
  const { ca, certificate, key } = certify(t)
  const tls = await freePort()
  const validator = await unboundBehind(
    t,
    signed.port,
    signed.anchors,
    `  interface: 127.0.0.1@${tls}
  tls-port: ${tls}
  tls-service-pem: "${certificate}"
  tls-service-key: "${key}"
`
  )
  await answers('unbound', validator.port, 'www.signed.example', '192.0.2.20')
  const at = await before(
    t,
    `{ address: 127.0.0.1, port: ${tls}, protocol: dot, name: dns.example, ca: ${ca} }`
  )
  const isAuthentic = async (...args: string[]): Promise<boolean> =>
    /flags:[^;]* ad[ ;]/.test(await dig(['@127.0.0.1', '-p', String(at.port), ...args]))
  for (const round of ['forwarded', 'cached']) {
    t.ok(await isAuthentic('+adflag', 'www.signed.example'), `${round}: AD in the query`)
    t.ok(await isAuthentic('+dnssec', '+noadflag', 'www.signed.example'), `${round}: DO`)
    t.notOk(await isAuthentic('+noadflag', 'www.signed.example'), `${round}: neither`)
    t.ok(await isAuthentic('+dnssec', 'no.signed.example'), `${round}: a name that does not exist`)
  }
  t.notOk(await isAuthentic('+dnssec', 'clip.signed.example'), 'a ban')
  t.notOk(await isAuthentic('+dnssec', '+cd', 'www.broken.example'), 'wrong signatures')
  t.match(await ask(at.port, 'www.broken.example'), /SERVFAIL/)
})

const EXAMPLE = resolve('test/interop/zones/example.zone')

const upstreams: { it: string; start: (t: Test) => Promise<Validator> }[] = [
  { it: 'BIND', start: t => bindWith(t, { example: EXAMPLE }) },
  { it: 'unbound', start: t => unboundWith(t, 'example', EXAMPLE) }
]

const asked: { args: string[]; text: RegExp }[] = [
  { args: ['www.example', 'A'], text: /\sA\s+192\.0\.2\.10/ },
  { args: ['WWW.Example', 'AAAA'], text: /2001:db8::10/ },
  { args: ['www.example', 'TXT'], text: /"plain"/ },
  { args: ['mail.example', 'MX'], text: /10 www\.example\./ },
  { args: ['_sip._tcp.example', 'SRV'], text: /1 2 5060 www\.example\./ },
  { args: ['zero.example', 'A'], text: /192\.0\.2\.13/ },
  { args: ['x.wild.example', 'A'], text: /192\.0\.2\.12/ },
  { args: ['clean.example', 'A'], text: /CNAME\s+www\.example\.[^]*192\.0\.2\.10/ },
  { args: ['self.example', 'HTTPS'], text: /ipv4hint=192\.0\.2\.10/ },
  { args: ['odd.example', 'TYPE65280'], text: /\\# 4 0A000001/ },
  { args: ['big.example', 'TXT'], text: /record 40 of forty/ },
  { args: ['big.example', 'TXT', '+tcp'], text: /record 40 of forty/ },
  { args: ['no.example', 'A'], text: /NXDOMAIN[^]*SOA/ },
  { args: ['www.example', 'MX'], text: /NOERROR[^]*ANSWER: 0[^]*SOA/ },
  { args: ['alias.example', 'A'], text: /NXDOMAIN[^]*EDE: 16/ },
  { args: ['chain1.example', 'AAAA'], text: /NXDOMAIN/ },
  { args: ['www.tiktok.com', 'A'], text: /NXDOMAIN/ }
]

for (const { it, start } of upstreams) {
  t.test(`${it} as the upstream: every kind of record, and bans all the same`, async t => {
    const upstream = await start(t)
    await answers(it, upstream.port, 'www.example', '192.0.2.10')
    const at = await before(t, upstream.port)
    for (const round of ['fresh', 'held']) {
      for (const { args, text } of asked) {
        t.match(
          await dig(['@127.0.0.1', '-p', String(at.port), ...args]),
          text,
          `${round}: ${args.join(' ')}`
        )
      }
    }
  })
}

/**
 * Interdict between real programs: NSD in front, dig, kdig, drill and dnsperf behind it, rule files
 * edited and processes killed meanwhile. Run by `npm run test:interop`; needs Debian packages, which
 * it installs.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { Flood, rcodeOf } from './flood.js'
import { install, NAME_SERVERS } from '../../tools/install.js'
import {
  dig,
  eventually,
  freePort,
  interdict,
  site,
  startInterdict,
  startNsd,
  type Running,
  type Site
} from './processes.js'

install(...NAME_SERVERS)
t.setTimeout(300_000)

const run = promisify(execFile)
const NXDOMAIN = 3

const BANNED = `
networks:
  phones:
    prefixes: [127.0.0.0/8]
    bans:
      - apps: [tiktok]
        authority: Belgian federal government
        reference: National Security Council, 10 March 2023
        ede: censored
      - id: bad-addresses
        addresses: [203.0.113.0/24]
        authority: Security office
        reference: list of addresses
  desk:
    prefixes: [127.0.0.2/32]
`

const settings = (upstream: number, more = ''): string => `
listen: ['127.0.0.1:PORT']
workers: 2
rules: rules
upstreams: { servers: ['127.0.0.1:${upstream}'] }
log: { queries: { file: queries.jsonl } }
${more}
`

async function together(
  t: Test,
  networks = BANNED,
  more = ''
): Promise<{ nsd: Running; nsdPort: number; server: Running; at: Site }> {
  const nsdPort = await freePort()
  const nsd = await startNsd(t, nsdPort)
  const at = await site(t, settings(nsdPort, more), networks)
  const server = await startInterdict(t, at)
  return { nsd, nsdPort, server, at }
}

const ask = (at: Site, ...args: string[]): Promise<string> =>
  dig(['@127.0.0.1', '-p', String(at.port), ...args])

t.test('dig sees bans, whatever the type, the case and the transport', async t => {
  const { at } = await together(t)
  for (const type of ['A', 'AAAA', 'HTTPS', 'TXT', 'MX', 'ANY', 'TYPE65280']) {
    for (const how of ['+notcp', '+tcp']) {
      const text = await ask(at, 'WwW.TikTok.COM', type, how)
      t.match(text, /status: NXDOMAIN/, `${type} ${how}`)
      t.match(text, /EDE: 16 \(Censored\)/, `${type} ${how} says why`)
      t.match(text, /WwW\.TikTok\.COM/, `${type} ${how} keeps the case of the question`)
      t.match(text, /SOA/, `${type} ${how} has an SOA`)
    }
  }
  t.match(await ask(at, 'nottiktok.com', '+short'), /^192\.0\.2\.99$/m)
})

t.test('forwards what NSD knows, of every kind', async t => {
  const { at } = await together(t)
  const short = (...args: string[]): Promise<string> => ask(at, '+short', ...args)
  t.equal((await short('www.example', 'A')).trim(), '192.0.2.10')
  t.equal((await short('www.example', 'AAAA')).trim(), '2001:db8::10')
  t.match(await short('mail.example', 'MX'), /10 www\.example/)
  t.match(await short('_sip._tcp.example', 'SRV'), /1 2 5060 www\.example/)
  t.match(await short('odd.example', 'TYPE65280'), /\\# 4 0A000001/)
  t.match(await short('anything.wild.example'), /192\.0\.2\.12/)
  t.match(await short('clean.example'), /www\.example\.\n192\.0\.2\.10/)
  t.match(await ask(at, 'missing.example'), /status: NXDOMAIN[\s\S]*SOA/)
  t.match(await ask(at, 'www.example', 'MX'), /status: NOERROR[\s\S]*ANSWER: 0/)
  t.match(await ask(at, 'zero.example', '+noall', '+answer'), /\s0\s+IN\s+A\s+192\.0\.2\.13/)
})

t.test('an answer that does not fit: TC over UDP, whole over TCP, from cache too', async t => {
  const { at } = await together(t)
  for (const round of ['fresh', 'held']) {
    t.match(await ask(at, 'big.example', 'TXT', '+ignore'), /flags: qr tc rd/, `${round}: TC`)
    t.match(await ask(at, 'big.example', 'TXT'), /ANSWER: 40,/, `${round}: dig goes on over TCP`)
  }
})

t.test('an answer into a banned place is banned, the first and the cached one', async t => {
  const { at } = await together(t)
  const cases = [
    ['alias.example', 'A', /status: NXDOMAIN/],
    ['chain1.example', 'AAAA', /status: NXDOMAIN/],
    ['www.tree.example', 'A', /status: NXDOMAIN/],
    ['svc.example', 'HTTPS', /status: NOERROR[\s\S]*ANSWER: 0/],
    ['hint.example', 'HTTPS', /status: NOERROR[\s\S]*ANSWER: 0/],
    ['address.example', 'A', /status: NXDOMAIN|ANSWER: 0/],
    ['mixed.example', 'A', /ANSWER: 0/]
  ] as const
  for (const round of ['first', 'cached']) {
    for (const [name, type, wanted] of cases) {
      const text = await ask(at, name, type)
      t.match(text, wanted, `${name} ${type}, ${round}`)
      t.match(text, /EDE: 1[56]/, `${name} ${type}, ${round}, says why`)
    }
  }
  t.match(await ask(at, 'self.example', 'HTTPS', '+short'), /192\.0\.2\.10/, 'a clean one is not')
})

t.test('two networks with different bans on one name, in turns, never mix', async t => {
  const { at } = await together(t)
  const phone = await Flood.from('127.0.0.1', at.port)
  const desk = await Flood.from('127.0.0.2', at.port)
  for (let i = 0; i < 1000; i++) {
    const name = i % 2 === 0 ? 'www.tiktok.com' : 'alias.example'
    phone.send(name)
    desk.send(name)
    await phone.settle(5000)
    await desk.settle(5000)
  }
  const rcodes = (flood: Flood): number[] => [
    ...new Set(flood.exchanges.map(one => (one.reply === undefined ? -1 : rcodeOf(one.reply))))
  ]
  t.strictSame(rcodes(phone), [NXDOMAIN], 'phones: always banned')
  t.strictSame(rcodes(desk), [0], 'desk: always answered')
  phone.close()
  desk.close()
})

t.test('the upstream is killed and comes back', async t => {
  const { nsd, nsdPort, at } = await together(t)
  // Workers share the cache, so each has the answer from now on.
  t.match(await ask(at, 'www.example', '+short'), /192\.0\.2\.10/)
  nsd.signal('SIGKILL')
  await nsd.ended
  const started = Date.now()
  const dead = await ask(at, 'mail.example', 'A', '+time=6')
  t.match(dead, /status: SERVFAIL/)
  t.match(dead, /EDE: 2[23]/)
  t.ok(Date.now() - started < 6000, 'within the time that it promises')
  t.match(await ask(at, 'www.tiktok.com'), /status: NXDOMAIN/, 'bans go on')
  t.match(await ask(at, 'www.example', '+short'), /192\.0\.2\.10/, 'what is held goes on')
  await startNsd(t, nsdPort)
  let i = 0
  await eventually('answers come again', 15, async () =>
    (await ask(at, `back${i++}.wild.example`, '+short')).includes('192.0.2.12')
  )
  t.pass('recovered by itself')
})

const OLD = /tiktok\.com/

/** What clients saw while the rules were changed: nothing but the old and the new. */
async function whileFlooded(t: Test, at: Site, change: () => Promise<void>): Promise<Flood> {
  const flood = await Flood.from('127.0.0.1', at.port)
  // Also when the change fails: an open socket would keep this process from ending.
  t.teardown(() => flood.close())
  flood.start(['www.tiktok.com', 'www.example', 'tiktok.com', 'extra.example'], 5)
  await sleep(300)
  await change()
  await sleep(1000)
  flood.stop()
  await flood.settle(3000)
  t.equal(flood.unanswered.length, 0, `all of ${flood.exchanges.length} answered`)
  return flood
}

t.test('rule files are edited under load: every answer is old or new, within a second', async t => {
  const { at, server } = await together(t)
  const app = readFileSync(join(at.dir, 'rules/apps/tiktok.yaml'), 'utf8')
  t.match(app, OLD)
  const edits: { it: string; make: () => void; says: RegExp }[] = [
    {
      it: 'in place: a name more',
      make: () =>
        at.write('rules/apps/tiktok.yaml', app.replace('names:\n', 'names:\n  - extra.example\n')),
      says: /"generation":2|generation=2/
    },
    {
      it: 'renamed over: as before',
      make: () => {
        at.write('rules/apps/new', app)
        renameSync(join(at.dir, 'rules/apps/new'), join(at.dir, 'rules/apps/tiktok.yaml'))
      },
      says: /"generation":3|generation=3/
    }
  ]
  for (const { it, make, says } of edits) {
    const flood = await whileFlooded(t, at, async () => {
      const started = performance.now()
      make()
      await server.says(says, 10)
      t.ok(performance.now() - started < 1000, `${it}: in force within a second`)
    })
    const extra = flood.exchanges.filter(one => one.name === 'extra.example').map(one => one.reply!)
    t.ok(
      extra.every(reply => [0, NXDOMAIN].includes(rcodeOf(reply))),
      `${it}: old or new`
    )
    const banned = flood.exchanges.filter(one => one.name.includes('tiktok'))
    t.ok(
      banned.every(one => rcodeOf(one.reply!) === NXDOMAIN),
      `${it}: the ban held throughout`
    )
  }
})

t.test('a broken rule file changes nothing, and the error names file, line and column', async t => {
  const { at, server } = await together(t)
  const flood = await whileFlooded(t, at, async () => {
    at.write('rules/networks.yaml', BANNED.replace('ede: censored', 'ede: censured'))
    await server.says(/networks\.yaml:9:\d+: /, 10)
    await server.says(/previous rules remain active/, 10)
  })
  const banned = flood.exchanges.filter(one => one.name.includes('tiktok'))
  t.ok(
    banned.every(one => rcodeOf(one.reply!) === NXDOMAIN),
    'the ban held'
  )
  const checked = await interdict('check', '-c', join(at.dir, 'interdict.yaml'))
  t.equal(checked.code, 1)
  t.match(checked.text, /networks\.yaml:9:\d+: networks\.phones\.bans.*censured/)
  at.write('rules/networks.yaml', BANNED.replace('apps: [tiktok]', 'names: [www.example]'))
  await server.says(/"generation":2|generation=2/, 10)
  t.match(await ask(at, 'www.example'), /status: NXDOMAIN/, 'mended, the new rules are in force')
})

t.test('a folder swapped by a symbolic link, as Kubernetes does it', async t => {
  const nsdPort = await freePort()
  await startNsd(t, nsdPort)
  const at = await site(t, settings(nsdPort).replace('rules: rules', 'rules: mount'), BANNED)
  const mount = join(at.dir, 'mount')
  mkdirSync(join(mount, '..one'), { recursive: true })
  mkdirSync(join(mount, '..two'))
  writeFileSync(
    join(mount, '..one/networks.yaml'),
    'networks: { all: { prefixes: [127.0.0.0/8] } }\n'
  )
  writeFileSync(
    join(mount, '..two/networks.yaml'),
    'networks: { all: { prefixes: [127.0.0.0/8], block: [www.example] } }\n'
  )
  symlinkSync('..one', join(mount, '..data'))
  symlinkSync('..data/networks.yaml', join(mount, 'networks.yaml'))
  const server = await startInterdict(t, at)
  t.match(await ask(at, 'www.example', '+short'), /192\.0\.2\.10/)
  symlinkSync('..two', join(mount, '..tmp'))
  renameSync(join(mount, '..tmp'), join(mount, '..data'))
  await server.says(/"generation":2|generation=2/, 10)
  t.match(await ask(at, 'www.example'), /status: NXDOMAIN/)
})

t.test('SIGHUP reads the rules again at once', async t => {
  const { server } = await together(t)
  server.signal('SIGHUP')
  await server.says(/unchanged/, 10)
  t.pass('said so')
})

t.test('SIGTERM under load loses no query that was sent before', async t => {
  const { server, at } = await together(t)
  const flood = await Flood.from('127.0.0.1', at.port)
  flood.start(['www.tiktok.com', 'www.example', 'tiktok.com'], 20)
  await sleep(500)
  const misses = Array.from({ length: 50 }, (_, i) => `m${i}.wild.example`)
  for (const name of misses) flood.send(name)
  flood.stop()
  const sent = flood.exchanges.length
  // What has been handed to the kernel is in the server's socket: loopback has no wire.
  await sleep(2)
  server.signal('SIGTERM')
  t.equal(await server.ended, 0, 'exit code 0')
  await flood.settle(1000)
  t.equal(flood.unanswered.length, 0, `all ${sent} answered`)
  const log = readFileSync(join(at.dir, 'queries.jsonl'), 'utf8').trim().split('\n')
  const blocked = flood.exchanges.filter(one => one.name.includes('tiktok')).length
  t.equal(log.length, blocked, 'and every blocked one of them is in the log')
  flood.close()
})

t.test('explain: a ban, an exception, a monitored ban, an expired ban, a CNAME', async t => {
  const nsdPort = await freePort()
  await startNsd(t, nsdPort)
  const at = await site(
    t,
    settings(nsdPort),
    `
networks:
  phones:
    prefixes: [10.20.0.0/16]
    bans:
      - { id: be-federal, apps: [tiktok], authority: Belgian federal government, reference: National Security Council, from: 2023-03-13 }
      - { id: trial, names: [www.example], authority: Security office, reference: trial, mode: monitor }
      - { id: past, names: [mail.example], authority: Security office, reference: old, from: 2023-01-01, until: 2023-06-30 }
    exceptions:
      - { id: press, apps: [tiktok], prefixes: [10.20.7.0/28], purpose: press, approved-by: head of security, from: 2026-01-01, until: 2035-12-31 }
exceptions: { max-days: 3660 }
`
  )
  const explain = async (...args: string[]): Promise<string> =>
    (await interdict('explain', '-c', join(at.dir, 'interdict.yaml'), ...args)).text
  const banned = await explain('www.tiktok.com', '--from', '10.20.1.1')
  t.match(banned, /be-federal/)
  t.match(banned, /Belgian federal government/)
  t.match(banned, /apps\/tiktok\.yaml:\d+/)
  t.match(banned, /networks\.yaml:6/)
  t.match(banned, /NXDOMAIN/)
  t.match(await explain('www.tiktok.com', '--from', '10.20.7.1'), /press[\s\S]*be-federal/)
  t.match(await explain('www.example', '--from', '10.20.1.1'), /monitor/)
  t.match(await explain('mail.example', '--from', '10.20.1.1', '--no-upstream'), /expired|ended/)
  t.match(
    await explain('mail.example', '--from', '10.20.1.1', '--at', '2023-03-01'),
    /past[\s\S]*NXDOMAIN/
  )
  t.match(
    await explain('alias.example', '--from', '10.20.1.1'),
    /www\.tiktok\.com[\s\S]*be-federal/
  )
  const json = JSON.parse(
    await explain('www.tiktok.com', '--from', '10.20.1.1', '--json')
  ) as Record<string, unknown>
  t.match(json, { verdict: 'blocked', rule: { id: 'be-federal' } })
})

t.test('kdig, drill and delv understand what it says', async t => {
  const { at } = await together(t)
  const port = String(at.port)
  const kdig = await run('kdig', ['@127.0.0.1', '-p', port, '+edns', 'www.tiktok.com'])
  t.match(kdig.stdout, /NXDOMAIN/)
  t.match(kdig.stdout, /Censored/)
  const drill = await run('drill', ['-p', port, 'www.example', '@127.0.0.1'])
  t.match(drill.stdout, /192\.0\.2\.10/)
  const delv = await run('delv', ['@127.0.0.1', '-p', port, '+noroot', '-i', 'www.example'])
  t.match(delv.stdout, /192\.0\.2\.10/)
})

for (const transport of ['batch', 'portable']) {
  t.test(
    `dnsperf over the ${transport} transport, rules edited meanwhile, nothing lost`,
    async t => {
      const { at, server } = await together(t, BANNED, `transport: ${transport}`)
      at.write('queries', 'www.tiktok.com A\nwww.example A\nnottiktok.com A\nmail.example MX\n')
      const perf = run('dnsperf', [
        '-s',
        '127.0.0.1',
        '-p',
        String(at.port),
        '-d',
        join(at.dir, 'queries'),
        '-l',
        '4',
        '-Q',
        '20000'
      ])
      await sleep(1500)
      at.write(
        'rules/networks.yaml',
        BANNED.replace('apps: [tiktok]', 'names: [www.example, www.tiktok.com]')
      )
      await server.says(/"generation":2|generation=2/, 10)
      const { stdout } = await perf
      const lost = /Queries lost:\s+(\d+)/.exec(stdout)?.[1]
      t.equal(
        lost,
        '0',
        stdout
          .split('\n')
          .filter(line => /Queries (sent|lost|per)/.test(line))
          .join('; ')
      )
      t.notMatch(stdout, /SERVFAIL/)
    }
  )
}

import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { placesFor } from '../../src/base/files/places.js'
import { run } from '../../src/cli/run.js'
import { EXAMPLES } from '../../src/cli/output/rules/example-names.js'
import { showTrial, trialQuery } from '../../src/cli/output/rules/trial-query.js'
import { interdict, Output } from './run.js'

function emptyFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-init-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

t.test('the defaults are valid without a warning, and serve and ban as they say', async t => {
  const folder = join(emptyFolder(t), 'new')
  const made = await interdict('init', folder, '--yes', '--ban', 'tiktok')
  t.match(made, { code: 0, err: '' })
  t.match(made.out, 'network local bans tiktok')
  t.match(made.out, 'dig @127.0.0.1 -p 5300 www.tiktok.com')
  const config = join(folder, 'interdict.yaml')
  const checked = await interdict('check', '-c', config)
  t.match(checked, { code: 0, out: /^1 network, 4 rules, [\d,]+ names: no errors\n/ })
  t.notMatch(checked.out, /warning/i)
  const explained = async (name: string): Promise<string> => {
    const words = ['explain', name, '--from', '10.1.2.3', '--no-upstream', '-c', config]
    return (await interdict(...words)).out
  }
  t.match(await explained('www.tiktok.com'), /blocked/i)
  t.match(await explained('dns.google'), /blocked/i)
  t.notMatch(await explained('example.com'), /blocked/i)
})

t.test('what the options say', async t => {
  const folder = emptyFolder(t)
  const words = ['--network', 'office', '--prefix', '192.0.2.0/24', '2001:db8::/32', '--ban']
  const more = ['--upstream', '198.51.100.1', '--listen', '192.0.2.1:53']
  const made = await interdict('init', folder, ...words, 'wechat', 'deepseek', ...more)
  t.equal(made.code, 0)
  t.notMatch(made.out, 'tiktok', 'a name that is not banned is not tried as an example of it')
  const settings = readFileSync(join(folder, 'interdict.yaml'), 'utf8')
  t.match(settings, 'listen: ["192.0.2.1:53"]\n')
  t.match(settings, 'upstreams: { servers: ["198.51.100.1"] }\n')
  const networks = readFileSync(join(folder, 'rules/networks.yaml'), 'utf8')
  t.match(networks, '      - "192.0.2.0/24"\n      - "2001:db8::/32"\n')
  t.match(networks, '- id: office-wechat\n')
  t.match(networks, '- id: office-deepseek\n')
  t.match(await interdict('check', '-c', join(folder, 'interdict.yaml')), { code: 0 })
})

t.test('on a terminal it asks, and asks again after an invalid answer', async t => {
  const folder = emptyFolder(t)
  const answers = ['office', '10.0.0.1/8', '10.0.0.0/8, 2001:db8::/32', '', 'ticktok', 'tiktok', '']
  const asked: string[] = []
  const [stdout, stderr] = [new Output(100), new Output(100)]
  const ask = (question: string): Promise<string> => {
    asked.push(question)
    return Promise.resolve(answers[asked.length - 1]!)
  }
  const io = {
    stdout,
    stderr,
    env: {},
    ask,
    onSignal: () => () => undefined,
    exit: () => undefined
  }
  t.equal(await run(['init', folder], io), 0)
  t.equal(asked.length, answers.length)
  t.match(asked[0], '[local]: ')
  t.equal(stderr.text.split('\n')[0], '10.0.0.1/8 is not a prefix such as 192.0.2.0/24')
  t.match(
    stderr.text.split('\n')[1],
    /^ticktok is not an app of the catalogue; did you mean 'tiktok'/
  )
  t.match(readFileSync(join(folder, 'rules/networks.yaml'), 'utf8'), 'apps: [tiktok, ')
})

const wrong = [
  { it: 'nothing to ask', words: [], says: 'not on a terminal: give --network, or --yes' },
  { it: 'a name of two words', words: ['--network', 'a b'], says: '--network: a b is not' },
  { it: 'an unknown app', words: ['--yes', '--ban', 'TikTok'], says: "did you mean 'tiktok'?" },
  {
    it: 'another app',
    words: ['--yes', '--ban', 'nosuch'],
    says: 'nosuch is not an app of the catalogue'
  },
  {
    it: 'no prefix',
    words: ['--yes', '--prefix', '10.0.0.1/8'],
    says: '--prefix: 10.0.0.1/8 is not'
  },
  {
    it: 'no endpoint of a dashboard',
    words: ['--yes', '--dashboard', '8053'],
    says: '--dashboard: 8053 is not'
  },
  { it: 'no resolver', words: ['--yes', '--upstream', 'dns.example'], says: '--upstream: dns.ex' },
  { it: 'no endpoint', words: ['--yes', '--listen', '127.0.0.1'], says: '--listen: 127.0.0.1 is' }
]
for (const { it, words, says } of wrong) {
  t.test(`refuses ${it}, and writes nothing`, async t => {
    const folder = emptyFolder(t)
    t.match(await interdict('init', folder, ...words), { code: 2, out: '', err: says })
    t.strictSame(readdirSync(folder), [])
  })
}

t.test('with the dashboard: its URL, a login, and where the log is', async t => {
  const folder = emptyFolder(t)
  const made = await interdict('init', folder, '--yes', '--dashboard', '127.0.0.1:8053')
  t.match(made, { code: 0, err: '' })
  t.match(made.out, `Query log: ${join(folder, 'log/queries.jsonl')}\n`)
  t.match(made.out, 'Dashboard, once the gateway runs: http://127.0.0.1:8053/\n')
  const config = join(folder, 'interdict.yaml')
  t.match(readFileSync(config, 'utf8'), 'admin: { http: "127.0.0.1:8053" }')
  const [, token] = /^Log in with: (\S{20,})$/m.exec(made.out) ?? []
  t.type(token, 'string')
  const listed = await interdict('token', 'list', '-c', config)
  t.match(listed.out, /admin\s+read, operate, policy/)
  t.notMatch(
    readFileSync(join(folder, 'state/tokens.json'), 'utf8'),
    token!,
    'only its hash is kept'
  )
  t.match(await interdict('check', '-c', config), { code: 0 })
})

t.test('overwrites nothing', async t => {
  for (const name of ['interdict.yaml', 'rules']) {
    const folder = emptyFolder(t)
    writeFileSync(join(folder, name), 'mine')
    const ran = await interdict('init', folder, '--yes')
    t.match(ran, { code: 1, err: `already has ${name}; nothing was written (INIT_EXISTS)` })
    t.strictSame(readdirSync(folder), [name])
    t.equal(readFileSync(join(folder, name), 'utf8'), 'mine')
  }
})

t.test('a folder that cannot be written: nothing is left', async t => {
  const file = join(emptyFolder(t), 'file')
  writeFileSync(file, '')
  t.match(await interdict('init', file, '--yes'), { code: 1, err: '(INIT_WRITE)' })
  const nowhere = '/proc/no/such/folder'
  t.match(await interdict('init', nowhere, '--yes'), { code: 1, err: '(INIT_WRITE)' })
  t.notOk(existsSync(join(file, 'rules')))
})

t.test('a gateway of the system writes where the system has logs and state', async t => {
  for (const folder of ['/etc', '/etc/interdict', '/etc/x/..//interdict/']) {
    const { log, state, keys } = placesFor(folder)
    for (const path of [log, state, keys]) t.match(path, /^\/var\//, folder)
  }
  for (const folder of ['.', '/srv/etc', '/etcetera']) {
    t.notMatch(placesFor(folder).log, /^\//, folder)
  }
})

t.test('the query to try works for the networks that were given', async t => {
  const tried = async (...words: readonly string[]): Promise<string> => {
    const made = await interdict('init', emptyFolder(t), '--yes', ...words)
    return made.out.slice(made.out.indexOf('Next:'))
  }
  t.match(await tried('--prefix', '127.0.0.0/8'), /dig @127\.0\.0\.1 -p 5300 example\.com/)
  t.match(await tried('--prefix', '::1/128'), /dig @::1 -p 5300 example\.com/)
  const outside = await tried('--prefix', '203.0.113.77')
  t.match(outside, /interdict explain example\.com --from 203\.0\.113\.77 -c /)
  t.match(outside, /This machine is in no network of these rules/)
  t.notMatch(outside, /dig/)
})

t.test('a query from this machine is one that is served', async t => {
  const own = ['127.0.0.1', '192.0.2.7', '::1', 'fe80::1', '2001:db8::7']
  const any = [{ address: '0.0.0.0', port: 53 }]
  const query = (served: string, listeners = any) => {
    const found = trialQuery(listeners, address => address === served, own)
    return found && showTrial(found, 'x.example')
  }
  t.equal(query('127.0.0.1'), 'dig @127.0.0.1 -p 53 x.example')
  t.equal(query('192.0.2.7'), 'dig @192.0.2.7 -p 53 x.example')
  t.equal(query('2001:db8::7'), undefined, 'no listener of this family')
  const loopback = [{ address: '127.0.0.1', port: 5300 }]
  t.equal(query('192.0.2.7', loopback), 'dig @127.0.0.1 -p 5300 -b 192.0.2.7 x.example')
  const both = [...loopback, { address: '::', port: 53 }]
  t.equal(query('2001:db8::7', both), 'dig @2001:db8::7 -p 53 x.example')
  t.equal(query('fe80::1', both), undefined)
})

t.test('writes the files of a guide, with sample logs', async t => {
  for (const name of EXAMPLES) {
    const folder = join(emptyFolder(t), name)
    t.match(await interdict('init', folder, '--example', name), { code: 0, err: '' })
    const logs = readdirSync(join(folder, name === 'reports' ? 'log' : 'logs'))
    t.ok(logs.length > 0, `${name}: ${logs.join()}`)
    t.ok(existsSync(join(folder, 'rules/networks.yaml')), name)
    t.match(await interdict('init', folder, '--example', name), { code: 1, err: 'INIT_EXISTS' })
  }
})

t.test('an example takes no other option, and is one that exists', async t => {
  const folder = emptyFolder(t)
  t.match(await interdict('init', folder, '--example', 'report'), {
    code: 2,
    err: "no example 'report'; did you mean 'reports'?"
  })
  t.match(await interdict('init', folder, '--example', 'replay', '--ban', 'tiktok'), {
    code: 2,
    err: '--example writes files of its own: leave out --ban'
  })
  writeFileSync(join(folder, 'logs'), 'mine')
  t.match(await interdict('init', folder, '--example', 'replay'), { code: 1, err: 'has logs' })
  t.strictSame(readdirSync(folder), ['logs'])
})

t.test('--pair writes secrets, and settings of keepalived and BIRD', async t => {
  const folder = join(emptyFolder(t), 'pair')
  const addresses = ['192.0.2.53/24', '2001:db8::53/64']
  const words = ['--pair', ...addresses, '--interface', 'eth7', '--prefix', '10.0.0.0/8', '--yes']
  const made = await interdict('init', folder, ...words)
  t.match(made, { code: 0, err: '' })
  const text = (path: string): string => readFileSync(join(folder, path), 'utf8')
  t.match(text('interdict.yaml'), 'listen: ["0.0.0.0:53", "[::]:53"]')
  t.match(await interdict('check', '-c', join(folder, 'interdict.yaml')), { code: 0 })
  t.match(text('secrets/cookies'), /^[0-9a-f]{32}\n$/)
  t.equal(statSync(join(folder, 'secrets/tickets')).size, 64)
  for (const name of ['cookies', 'tickets'])
    t.equal(statSync(join(folder, 'secrets', name)).mode & 0o777, 0o640)
  const [first, second] = [text('pair/keepalived-1.conf'), text('pair/keepalived-2.conf')]
  t.match(first, /interface eth7\n[^]*virtual_ipaddress \{\n +192\.0\.2\.53\/24\n +\}/)
  t.match(first, /virtual_ipaddress_excluded \{\n +2001:db8::53\/64\n/)
  t.match(first, `script "${join(folder, 'pair/ready')}"`)
  // The second has the address if the first alone is not ready: 150 - 60 < 100, and the first if neither is.
  const priorities = [first, second].map(text => Number(/priority (\d+)/.exec(text)![1]))
  const weight = Number(/weight (-\d+)/.exec(first)![1])
  t.ok(priorities[0]! > priorities[1]! && priorities[0]! + weight < priorities[1]!)
  t.match(text('pair/anycast'), 'ip address "$1" 2001:db8::53/128 dev lo')
  for (const script of ['ready', 'anycast'])
    t.equal(statSync(join(folder, 'pair', script)).mode & 0o111, 0o111, script)
  t.match(await interdict('init', folder, ...words), { code: 1, err: /INIT_EXISTS/ })
})

for (const [words, expected] of [
  [['--interface', 'eth0'], '--interface needs --pair'],
  [['--pair', '192.0.2.53'], '192.0.2.53 is not an address with a prefix length'],
  [['--pair', '192.0.2.53/33'], 'prefix length'],
  [['--pair', '203.0.113.53/32'], 'give --interface'],
  [['--pair', '192.0.2.53/24', '--interface', 'a b'], 'is not a name such as eth0']
] as const)
  t.test(`${words.join(' ')} is an error`, async t => {
    t.match(await interdict('init', emptyFolder(t), '--yes', ...words), { code: 2, err: expected })
  })

import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { createServer } from 'node:tls'
import type { Command } from 'commander'
import t from 'tap'
import { createProgram, run } from '../../src/cli/run.js'
import { makeCertificate } from '../tls/certificates.js'
import { HttpsUpstream, respond } from '../upstream/https-upstream.js'
import { FILES, interdict, Output, writeSite, spawned } from './run.js'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

t.test('the packed program prints its version, and sets the exit code', async t => {
  for (const word of ['--version', '-V']) {
    t.strictSame(await spawned(word), { code: 0, out: `${version}\n`, err: '' })
  }
  const unreadable = await spawned('check', '-c', 'no-such-file.yaml')
  t.match(unreadable, { code: 1, out: /no-such-file\.yaml.*\(CONFIG_UNREADABLE\)/, err: '' })
  t.match(await spawned('check', '--fast'), { code: 2, out: '', err: /--fast/ })
  const serve = await spawned('serve', '-c', 'no-such-file.yaml')
  t.match(serve, { code: 1, out: '', err: /no-such-file\.yaml.*\(CONFIG_UNREADABLE\)/ })
})

const helped = [
  [],
  ['serve'],
  ['check'],
  ['explain'],
  ['bans'],
  ['diff'],
  ['tail'],
  ['ping'],
  ['status'],
  ['flush']
]
for (const command of helped) {
  t.test(`--help of ${command[0] ?? 'all'}`, async t => {
    const { code, out, err } = await interdict(...command, '--help')
    t.strictSame([code, err], [0, ''])
    t.match(out, /^Usage: interdict/)
    t.match(out, /-c, --config <file>/, 'with the options that every command has')
  })
}

const wrong = [
  { it: 'no command', words: [] },
  { it: 'an unknown command', words: ['ban'] },
  { it: 'an unknown option', words: ['check', '--fast'] },
  { it: 'an invalid time to check at', words: ['check', '--at', 'noon'] },
  { it: 'a missing name', words: ['explain', '--from', '10.20.1.1'] },
  { it: 'a missing client', words: ['explain', 'clip.example'] },
  {
    it: 'an invalid query type',
    words: ['explain', 'clip.example', '--from', '10.20.1.1', '-t', 'AAAAA']
  },
  { it: 'an invalid address', words: ['explain', 'clip.example', '--from', '10.20.1.999'] },
  { it: 'an invalid name', words: ['explain', 'clip..example', '--from', '10.20.1.1'] },
  { it: 'two names', words: ['explain', 'a.example', 'b.example', '--from', '10.20.1.1'] },
  { it: 'an invalid number of lines', words: ['tail', '-n', 'few'] },
  { it: 'an unknown verdict', words: ['tail', '--verdict', 'banned'] },
  { it: 'an invalid name to show', words: ['tail', '--name', 'a..example'] },
  { it: 'a name for status', words: ['status', 'a.example'] },
  { it: 'an invalid timeout of status', words: ['status', '--timeout', '0'] },
  { it: 'nothing to flush', words: ['flush'] },
  { it: 'a name with --all', words: ['flush', 'a.example', '--all'] },
  { it: '--subtree with --all', words: ['flush', '--subtree', '--all'] },
  { it: 'an invalid name to flush', words: ['flush', 'a..example'] },
  { it: 'an invalid timeout of flush', words: ['flush', '--all', '--timeout', '0'] },
  { it: 'an invalid timeout of ping', words: ['ping', '--timeout', 'long'] },
  { it: 'an unknown command after help', words: ['help', 'nosuch'] },
  {
    it: 'an invalid time',
    words: ['explain', 'clip.example', '--from', '10.20.1.1', '--at', 'noon']
  }
]
for (const { it, words } of wrong) {
  t.test(`ends with 2 after ${it}`, async t => {
    const { code, out, err } = await interdict(...words)
    t.strictSame([code, out], [2, ''])
    t.not(err.trim(), '', 'with a reason')
  })
}

t.test('help shows the help of any command, and names an unknown one', async t => {
  const usage = async (...words: string[]): Promise<string> => {
    const { code, out, err } = await interdict(...words)
    t.strictSame([code, err], [0, ''])
    return out.split('\n')[0]!
  }
  t.equal(await usage('help'), 'Usage: interdict [options] [command]')
  t.equal(await usage('help', 'bundle'), 'Usage: interdict bundle [options] [command]')
  t.equal(await usage('help', 'bundle', 'sign'), 'Usage: interdict bundle sign [options] <file>')
  t.equal(await usage('bundle', 'help', 'sign'), 'Usage: interdict bundle sign [options] <file>')
  for (const words of [
    ['help', 'nosuch'],
    ['bundle', 'help', 'nosuch'],
    ['help', 'bundle', 'nosuch'],
    ['help', 'flush', 'nosuch']
  ]) {
    t.match(await interdict(...words), {
      code: 2,
      out: '',
      err: /^error: unknown command 'nosuch'\n/
    })
  }
  t.match(await interdict('help', 'statsu'), { err: /'statsu'; did you mean 'status'\?/ })
})

const others = [
  ['validate', '"interdict check" validates'],
  ['test', '"interdict check" runs the policy tests'],
  ['stop', 'systemctl stop interdict'],
  ['reload', 'SIGHUP'],
  ['dashboard', 'admin.http'],
  ['exceptions', '"interdict bans" lists exceptions']
] as const
for (const [name, hint] of others) {
  t.test(`${name} is not a command, and leads to what does its work`, async t => {
    const { code, out, err } = await interdict(name)
    t.strictSame([code, out], [2, ''])
    t.match(err, `unknown command '${name}'`)
    t.match(err, hint)
  })
}

t.test('options of one name have one meaning in all commands', async t => {
  const [values, shorts] = [new Map<string, string>(), new Map<string, string>()]
  const same = (known: Map<string, string>, key: string, value: string, of: Command): void => {
    t.equal(value, known.get(key) ?? value, `${key} of ${of.name()}`)
    known.set(key, value)
  }
  const walk = (command: Command): void => {
    for (const { flags, short, long } of command.options) {
      if (short !== undefined) same(shorts, short, long!, command)
      // init takes apps to ban; everywhere else a ban has an id.
      if (command.name() === 'init' && long === '--ban') continue
      // These list what there is; everywhere else a list has an id.
      if (['rollback', 'onboard'].includes(command.name()) && long === '--list') continue
      // A token has a name; everywhere else names are those of lookups.
      if (command.parent?.name() === 'token' && long === '--name') continue
      // A rule is in force from a time; a client asks from an address.
      if (command.name() === 'add' && long === '--from') continue
      // A report is by a key; a pause is by a person.
      if (command.name() === 'pause' && long === '--by') continue
      // One value or several.
      const value = /[<[].*/.exec(flags)?.[0].replace(/(e?s)?(\.\.\.)?>$/, '>') ?? ''
      same(values, long!, value, command)
    }
    command.commands.forEach(walk)
  }
  walk(createProgram())
  t.match([...shorts], [['-V', '--version']])
})

t.test('commands that are easily confused are below one heading', t => {
  const help = createProgram().helpInformation()
  const group = (heading: string): readonly string[] => {
    const [, lines = ''] = help.split(`\n${heading}\n`)
    return [...lines.split('\n\n')[0]!.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name!)
  }
  t.strictSame(group('Query log:'), ['query', 'tail', 'pseudonym', 'who', 'log', 'verify-log'])
  t.strictSame(group('Reports and evidence:'), ['report', 'evidence', 'replay', 'reports'])
  t.strictSame(group('Add to the rules:'), ['ban', 'exception', 'list', 'record'])
  t.strictSame(group('Encrypted DNS:'), ['client-token', 'onboard', 'certificate'])
  t.end()
})

t.test('every command that prints facts can print JSON', async t => {
  const withoutFacts = [
    'interdict init',
    'serve',
    'landing',
    'observe',
    'egress',
    'hub init',
    'hub run',
    'completion',
    'help'
  ]
  const leaves = (command: Command): readonly Command[] =>
    command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)
  for (const command of leaves(createProgram())) {
    const hasJson = command.options.some(({ long }) => long === '--json')
    const name = command.name()
    const path = `${command.parent?.name()} ${name}`
    t.equal(hasJson, !withoutFacts.some(one => one === name || one === path), path)
  }
  t.match(await interdict('query', '--json', '--format', 'csv'), { code: 2, err: /not both/ })
})

t.test('a terminal that does not know its width has that of COLUMNS', async t => {
  const width = async (columns: number | undefined, COLUMNS: string, isTTY = true) => {
    const stdout = Object.assign(new Output(columns), { isTTY })
    const io = { stdout, stderr: new Output(), env: { COLUMNS }, onSignal: () => () => undefined }
    await run(['--help'], { ...io, exit: () => undefined })
    return Math.max(...stdout.text.split('\n').map(({ length }) => length))
  }
  const [usual, wide] = [await width(80, ''), await width(200, '')]
  t.ok(wide > usual)
  t.equal(await width(undefined, '200'), wide)
  t.equal(await width(0, '200'), wide, 'a serial console')
  t.equal(await width(80, '200'), usual, 'the terminal knows better')
  t.equal(await width(undefined, '200', false), usual, 'a pipe')
  for (const wrong of ['', '0', 'wide', '-200'])
    t.equal(await width(undefined, wrong), usual, wrong)
})

t.test('a missing settings file is one line of error', async t => {
  for (const command of [
    ['check'],
    ['serve'],
    ['bans'],
    ['ping'],
    ['status'],
    ['flush', '--all'],
    ['explain', 'a.example', '-f', '10.0.0.1']
  ]) {
    const { code, out, err } = await interdict(...command, '-c', 'no-such-file.yaml')
    t.equal(code, 1)
    // Errors are the result of check, so they go to standard output.
    t.match(command[0] === 'check' ? out : err, /no-such-file\.yaml.*\(CONFIG_UNREADABLE\)/)
  }
})

t.test('check summarizes valid rules', async t => {
  const { code, out } = await interdict('check', '-c', writeSite(t, FILES))
  t.equal(code, 0)
  t.match(out, /1 network, 7 rules, 6 names: no errors, 1 warning\n/)
  t.match(out, /warning: .*networks\.yaml:13:\d+: .*\(RULES_BAN_ENDED\)/)
})

t.test('check suggests what a misspelt key means', async t => {
  const networks = FILES['rules/networks.yaml']
    .replace('authority: Belgian', 'autority: Belgian')
    .replace('apps: [clip]', 'apps: [clop]')
    .replace('10.20.7.0/28', '10.21.7.0/28')
  const { code, out, err } = await interdict(
    'check',
    '-c',
    writeSite(t, { ...FILES, 'rules/networks.yaml': networks })
  )
  t.equal(code, 1)
  t.match(out + err, /networks\.yaml:8:\d+: .*autority.*authority/, 'with what was meant')
})

t.test('check reports the file of an error', async t => {
  const files = { ...FILES, 'rules/apps/clip.yaml': 'app: clap\nnames: [" "]\n' }
  const { code, out, err } = await interdict('check', '-c', writeSite(t, files))
  t.equal(code, 1)
  t.match(out + err, /clip\.yaml:\d+:\d+: /)
})

t.test('check reads the cookie secrets file as well', async t => {
  const settings = `${FILES['interdict.yaml']}cookies: { secret-file: secrets }\n`
  const secret = '0123456789abcdef0123456789abcdef'
  const apps = { 'rules/apps/clip.yaml': 'app: clap\nnames: [" "]\n' }
  const files = { ...FILES, 'interdict.yaml': settings, secrets: `${secret}\n  ${secret}0 # new\n` }
  const one = await interdict('check', '-c', writeSite(t, files))
  t.equal(one.code, 1)
  t.match(one.out, /secrets:2:3: .*\(COOKIE_SECRET\)\n1 error, 1 warning\n/)
  t.notMatch(one.out, secret, 'without showing the secret')
  const both = await interdict('check', '-c', writeSite(t, { ...files, ...apps }))
  t.match(both.out, /\(COOKIE_SECRET\)/)
  t.match(both.out, /clip\.yaml:\d+:\d+: /)
  const good = await interdict('check', '-c', writeSite(t, { ...files, secrets: secret }))
  t.equal(good.code, 0)
  const none = await interdict(
    'check',
    '-c',
    writeSite(t, { ...FILES, 'interdict.yaml': settings })
  )
  t.equal(none.code, 1)
  t.match(none.out, /\(COOKIE_SECRETS_UNREADABLE\)/)
})

t.test('ping reports every address that does not answer', async t => {
  const settings = `${FILES['interdict.yaml']}listen: ['127.0.0.1:1', '[::1]:1']\n`
  const config = writeSite(t, { ...FILES, 'interdict.yaml': settings })
  const { code, out } = await interdict('ping', '-c', config, '--timeout', '200')
  t.equal(code, 1)
  t.match(out, /127\.0\.0\.1:1 .*\n\[::1\]:1 /)
})

t.test('ping asks listeners over TLS and HTTPS, whatever their certificates', async t => {
  const { certificate: cert, key } = makeCertificate()
  const replyTo = (query: Buffer, at: number): Buffer => {
    query[at + 2]! |= 0x80
    return query
  }
  const dot = createServer({ cert, key }, socket => {
    socket.on('error', () => undefined)
    socket.on('data', (frame: Buffer) => socket.write(replyTo(frame, 2)))
  })
  await new Promise<void>(done => dot.listen(0, '127.0.0.1', done))
  t.teardown(() => dot.close())
  const doh = await HttpsUpstream.open(t, { cert, key }, query =>
    respond(query, replyTo(query.message, 0))
  )
  const listener = (port: number, more: string): string =>
    `{ address: '127.0.0.1:${port}', ${more}, certificate: c.pem, key: k.pem }`
  const settings = `${FILES['interdict.yaml']}
listen:
  - ${listener((dot.address() as AddressInfo).port, 'protocol: dot')}
  - ${listener(doh.port, 'protocol: doh, path: /private')}
`
  const config = writeSite(t, { ...FILES, 'interdict.yaml': settings })
  const ran = await interdict('ping', '-c', config, '--timeout', '20000')
  t.match(ran, { code: 0, out: /:\d+ answers\n.*:\d+ answers\n$/ })
  t.match(doh.queries, [{ headers: { ':path': '/private' } }])

  // Those that are set to refuse do so after the handshake, over HTTPS with 403.
  const refusing = createServer({ cert, key }, socket => void socket.end())
  await new Promise<void>(done => refusing.listen(0, '127.0.0.1', done))
  t.teardown(() => refusing.close())
  doh.behaviour = query => respond(query, Buffer.alloc(0), { ':status': 403 })
  const anonymous = 'anonymous-clients: refuse, protocol:'
  const writeListeners = (...more: string[]): string => {
    const ports = [(refusing.address() as AddressInfo).port, doh.port]
    const listen = ports.map((port, i) => listener(port, more[i]!)).join(', ')
    return writeSite(t, {
      ...FILES,
      'interdict.yaml': `${FILES['interdict.yaml']}listen: [${listen}]\n`
    })
  }
  const strict = writeListeners(`${anonymous} dot`, `${anonymous} doh, path: /private`)
  const refused = await interdict('ping', '-c', strict, '--timeout', '20000')
  const line = /:\d+ refuses clients without identity\n/g
  t.match(refused, { code: 0, out: line })
  t.equal(refused.out.match(line)?.length, 2)
  const json = await interdict('ping', '-c', strict, '--timeout', '20000', '--json')
  const endpoint = { answers: null, refused: true }
  t.match(JSON.parse(json.out), { ok: true, endpoints: [endpoint, endpoint] })
  const open = writeListeners('protocol: dot', 'protocol: doh, path: /private')
  const dead = await interdict('ping', '-c', open, '--timeout', '20000')
  t.match(dead, { code: 1, out: /does not answer\n.*does not answer\n$/ })

  // It takes connections, but says nothing.
  doh.behaviour = () => undefined
  const silent = await interdict('ping', '-c', config, '--timeout', '1000')
  t.match(silent, { code: 1, out: /does not answer\n$/ })
})

t.test(
  'check reports folders that cannot be written, for a gateway but not for a draft',
  async t => {
    const settings = `${FILES['interdict.yaml']}
state: { folder: apps.txt/state }
admin: { socket: apps.txt/admin.sock }
log: { queries: { file: apps.txt/log/queries.jsonl } }
`
    const config = writeSite(t, { ...FILES, 'interdict.yaml': settings, 'apps.txt': '' })
    const { code, out } = await interdict('check', '-c', config)
    t.equal(code, 1)
    for (const what of ['log.queries.file', 'state.folder', 'admin.socket']) {
      t.match(out, new RegExp(`^${what}: cannot write to .*: .*\\(CONFIG_UNWRITABLE\\)$`, 'm'))
    }
    t.match(await interdict('check', `${dirname(config)}/rules`, '-c', config), { code: 0 })
  }
)

t.test('a service log that cannot be opened is one line of error', async t => {
  const settings = `${FILES['interdict.yaml']}listen: ['127.0.0.1:0']\nlog: { service: { file: interdict.yaml/log } }\n`
  const { code, err } = await interdict(
    'serve',
    '-c',
    writeSite(t, { ...FILES, 'interdict.yaml': settings })
  )
  t.equal(code, 1)
  t.match(err, /cannot open service log .*interdict\.yaml\/log: .*\(CLI_SERVICE_LOG\)/)
})

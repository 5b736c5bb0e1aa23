import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { join, resolve } from 'node:path'
import { serialize } from 'node:v8'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import type { ApiServices } from '../../src/admin/api/api-services.js'
import type { Config } from '../../src/gateway/config/config.js'
import { failure } from '../../src/base/errors/error.js'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { COMMAND_LIMITS, CommandRunner } from '../../src/gateway/processes/commands.js'
import { NO_CODE_FROM_STRINGS, readerOptions } from '../../src/base/threads/isolation.js'
import { CommandSlots } from '../../src/gateway/processes/command-slots.js'
import { checkResult, decodeJob, encodeReply } from '../../src/gateway/processes/messages.js'
import { checkRun } from '../../src/gateway/reports/report-scheduler.js'
import { interdict, PROGRAM } from '../cli/run.js'

const check = (result: unknown) => checkResult('rules file', result)

const DIST = resolve('dist/src/gateway/processes')

/** The behaviour of the process when a file of the version with this name is requested. */
const MAIN = `
import { readFileSync, writeFileSync, writeSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { getPriority } from 'node:os'
import { deserialize } from 'node:v8'
import { openGatewayLink } from '${DIST}/gateway-link.js'
const { settings, file, memory, name, request } = deserialize(readFileSync(0))
const send = message => process.stdout.write(JSON.stringify(message))
const show = text => send({ result: { path: '', text } })
const position = { file: 'networks.yaml', line: 7, column: 3 }
const ACTS = {
  echo: () => show(JSON.stringify([settings.file, file ?? null, memory, name, request])),
  nice: () => { while (getPriority() < 5) ; show(String(getPriority())) },
  progress: () => { writeSync(3, '0.25\\nx\\n0.5'); writeSync(3, '\\n'); setTimeout(show, 50, '') },
  error: () => send({ error: { code: 'DOCUMENT_INVALID', message: 'networks.yaml:7:3: no (X)', position } }),
  hang: () => setInterval(() => {}, 1000),
  linked: () => { openGatewayLink(); writeFileSync(request.path, String(process.pid)) },
  crash: () => { console.error('at first\\nno such thing (LOG_FOLLOW)'); process.exitCode = 1 },
  killed: () => process.kill(process.pid, 'SIGKILL'),
  late: () => { show(''); process.exitCode = 3 },
  silent: () => {},
  rubbish: () => console.log('reading the log: 5%'),
  cut: () => process.stdout.write('{"result":{"path":"","text":"'),
  before: () => { console.log('progress'); show('') },
  other: () => send({ results: {} }),
  nothing: () => send(null),
  mistaken: () => send({ result: { path: '', text: 5 } }),
  uncoded: () => send({ error: { code: 'not a code', message: '' } }),
  long: () => show('x'.repeat(2000)),
  code: () => { try { show(String(Function('return 1')())) } catch (error) { show(error.name) } },
  write: () => { try { writeFileSync(request.path, ''); show('wrote') } catch (error) { show(error.code) } },
  child: () => { try { execFileSync('true'); show('ran') } catch (error) { show(error.code) } }
}
ACTS[request.version]()
`

interface Rig {
  readonly program: string
  readonly settings: string
  readonly act: (
    name: string,
    signal?: AbortSignal,
    limits?: Partial<typeof COMMAND_LIMITS>
  ) => Promise<string>
}

function acting(t: Test): Rig {
  const folder = t.testdir({
    real: { 'program.js': '', 'command-main.js': MAIN, 'package.json': '{ "type": "module" }' }
  })
  // As package managers install a program.
  const program = join(folder, 'program')
  symlinkSync('real/program.js', program)
  const settings = join(folder, 'interdict.yaml')
  const config = (): Config => ({ file: settings }) as Config
  const all = { ...COMMAND_LIMITS, output: 1_000 }
  const runner = new CommandRunner(program, config, all)
  const { signal: never } = new AbortController()
  const act: Rig['act'] = async (version, signal = never, limits) => {
    const own =
      limits === undefined ? runner : new CommandRunner(program, config, { ...all, ...limits })
    return (await own.run('rules file', { version, path: 'x' }, check, signal)).text
  }
  return { program, settings, act }
}

t.test('a process gets the request, the settings in force and its limits', async t => {
  const { settings, act } = acting(t)
  const sent = (file: string | null) => [
    ...[settings, file, 256 * 2 ** 20, 'rules file', { version: 'echo', path: 'x' }]
  ]
  t.strictSame(JSON.parse(await act('echo')), sent(null))
  writeFileSync(settings, '')
  t.strictSame(JSON.parse(await act('echo')), sent(settings))
  const nice = Number(await act('nice'))
  t.equal(nice, Math.max(5, getPriority()), 'people wait for it: a real share of a busy core')
})

t.test('an error arrives as it is', async t => {
  const { act } = acting(t)
  await t.rejects(act('error'), {
    name: 'InterdictError',
    code: 'DOCUMENT_INVALID',
    message: 'networks.yaml:7:3: no (X)',
    position: { file: 'networks.yaml', line: 7, column: 3 }
  })
})

t.test(
  'a process that only reads compiles no code from strings, starts no process and writes nothing',
  async t => {
    const { act } = acting(t)
    t.equal(await act('code'), 'EvalError')
    const hasPermissions = process.allowedNodeEnvironmentFlags.has('--permission')
    t.equal(await act('child'), hasPermissions ? 'ERR_ACCESS_DENIED' : 'ran')
    t.equal(await act('write'), hasPermissions ? 'ERR_ACCESS_DENIED' : 'wrote')
    t.strictSame(readerOptions(new Set()), [NO_CODE_FROM_STRINGS], 'Node 20 has no permissions')
  }
)

t.test('a process that fails otherwise', async t => {
  const { act } = acting(t)
  const cases: readonly (readonly [act: string, message: RegExp])[] = [
    ['crash', /: no such thing \(LOG_FOLLOW\)$/],
    ['killed', /SIGKILL/],
    ['late', /: 3$/],
    ['silent', /not JSON/],
    ['rubbish', /not JSON/],
    ['cut', /not JSON/],
    ['before', /not JSON/],
    ['other', /invalid reply/],
    ['nothing', /invalid reply/],
    ['mistaken', /invalid result of "rules file": text: /],
    ['uncoded', /invalid reply/],
    ['long', /1000 bytes/]
  ]
  for (const [name, message] of cases)
    await t.rejects(act(name), { code: 'API_COMMAND', message }, name)
})

t.test('a process that hangs, or that nobody waits for', async t => {
  const { act } = acting(t)
  const aborted = new AbortController()
  const message = /disconnected/
  const hanging = [1, 2].map(() =>
    t.rejects(act('hang', aborted.signal), { code: 'API_COMMAND', message })
  )
  await t.rejects(act('echo', undefined, { concurrent: 0, waiting: 0 }), { code: 'API_BUSY' })
  aborted.abort(failure('API_COMMAND', 'the client has disconnected'))
  await Promise.all(hanging)
  await t.rejects(act('hang', aborted.signal), { message }, 'before it started')
  await t.rejects(act('hang', undefined, { time: 50 }), { code: 'API_COMMAND_TIME' })
})

t.test('some run at once, others wait for them to end', async t => {
  const { signal } = new AbortController()
  const slots = new CommandSlots(2, 2)
  const order: string[] = []
  const take = (name: string, until = signal) =>
    slots.take(until, () => order.push(`${name} waits`)).then(() => order.push(name))
  const leaving = new AbortController()
  await Promise.all([take('a'), take('b')])
  const left = take('c', leaving.signal)
  const waiting = take('d')
  await t.rejects(take('e'), { code: 'API_BUSY' })
  leaving.abort(failure('API_COMMAND', 'left'))
  await t.rejects(left, { message: /left/ })
  await t.rejects(take('f', leaving.signal), { message: /left/ })
  slots.release()
  await waiting
  t.strictSame(order, ['a', 'b', 'c waits', 'd waits', 'd'])
  slots.release()
  slots.release()
  await Promise.all([take('g'), take('h')])
})

t.test('the progress that a process reports', async t => {
  const { program, settings } = acting(t)
  const runner = new CommandRunner(program, () => ({ file: settings }) as Config)
  const seen: unknown[] = []
  const { signal } = new AbortController()
  const request = { version: 'progress', path: 'x' }
  await runner.run('rules file', request, check, signal, progress => seen.push(progress))
  const at = (done: number | null) => ({ command: 'rules file', isRunning: true, done })
  t.strictSame(seen, [at(null), at(0.25), at(0.5)])
})

t.test('processes end when the gateway ends', async t => {
  const { program, settings } = acting(t)
  const pidFile = join(t.testdirName, 'pid')
  const main = `
    const { workerData: { program, file, path, dist } } = require('node:worker_threads')
    import(dist + '/commands.js').then(({ CommandRunner }) =>
      new CommandRunner(program, () => ({ file })).run(
        'rules restore', { version: 'linked', path }, x => x, new AbortController().signal))`
  const workerData = { program, file: settings, path: pidFile, dist: DIST }
  const thread = new Worker(main, { eval: true, workerData })
  const pid = await eventually(() => Number(readFileSync(pidFile, 'utf8') || NaN))
  const isRunning = (): boolean => {
    // A zombie has no command line.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  }
  t.ok(isRunning())
  await thread.terminate()
  const hasEnded = (): boolean => {
    try {
      return !isRunning()
    } catch {
      return true
    }
  }
  t.ok(await eventually(hasEnded))
})

/** The first value that is neither an error, NaN nor false. */
async function eventually<Value>(read: () => Value): Promise<Value> {
  for (let tries = 0; ; tries++) {
    try {
      const value = read()
      if (value) return value
    } catch (error) {
      if (tries > 1_000) throw error
    }
    if (tries > 1_000) throw new Error('never')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

t.test('a program that does not exist', async t => {
  const { signal } = new AbortController()
  const file = join(t.testdir(), 'none', 'interdict.yaml')
  const config = (): Config => ({ file }) as Config
  for (const program of [PROGRAM, join(file, 'interdict.js')]) {
    const runner = new CommandRunner(program, config)
    await t.rejects(runner.run('rules file', { version: 'a', path: '' }, check, signal), {
      code: 'API_COMMAND'
    })
  }
})

t.test('messages that do not match their schema are rejected', t => {
  const job = { settings: {}, memory: 1, name: 'bans', request: { within: 1 } }
  t.match(decodeJob(serialize(job)), { ...job, request: { within: 1, files: false } })
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ name: 'serve' }, /name: /],
    [{ settings: 'rules: /' }, /settings: /],
    [{ memory: '1' }, /memory: /],
    [{ argv: [] }, /argv: /],
    [{ request: undefined }, /invalid request "bans"/],
    [{ request: { within: '1' } }, /invalid request "bans": within: /],
    [{ request: { within: -1 } }, /within: /],
    [{ request: { within: 1, json: true } }, /json: /],
    [{ name: 'query', request: { where: 'true', sql: 'SELECT 1' } }, /invalid request "query"/]
  ]
  for (const [more, message] of wrong)
    t.throws(() => decodeJob(serialize({ ...job, ...more })), { code: 'API_COMMAND', message })
  t.throws(() => decodeJob(Buffer.from('bans --json')), { code: 'API_COMMAND' })
  t.throws(() => decodeJob(Buffer.alloc(0)), { code: 'API_COMMAND' })
  const reply = encodeReply({ result: [{ n: 2n ** 60n, at: new Date(0), s: '"\n' }] })
  const row = { n: String(2n ** 60n), at: '1970-01-01T00:00:00.000Z', s: '"\n' }
  t.strictSame(checkResult('query', (JSON.parse(reply) as { result: unknown }).result), [row])
  t.end()
})

t.test('the control thread checks a result without schemas', t => {
  const run = { name: 'weekly', next: '2026-01-01T00:00:00Z', made: null, error: null }
  const rest = { event: null, file: null, mailed: 0 }
  const good = { ...run, ...rest }
  const failed = { ...good, event: 'failed', error: { code: 'X', message: 'y' } }
  for (const reports of [[], [good, failed, { ...good, event: 'made', file: 'f', made: 'x' }]]) {
    t.strictSame(checkRun({ reports }), { reports })
    t.strictSame(checkResult('reports run', { reports }), { reports })
  }
  const wrong = [
    ...[null, 1, [], {}, { reports: null }, { reports: [null] }, { reports: [run] }],
    ...[
      { name: 1 },
      { next: null },
      { made: 1 },
      { event: 'late' },
      { mailed: '1' },
      { file: 1 }
    ].map(more => ({ reports: [{ ...good, ...more }] })),
    ...[{ code: 1, message: '' }, 'text', {}].map(error => ({ reports: [{ ...good, error }] }))
  ]
  for (const result of wrong) {
    t.throws(() => checkRun(result), { code: 'API_COMMAND' }, JSON.stringify(result))
    t.throws(() => checkResult('reports run', result), { code: 'API_COMMAND' })
  }
  t.throws(() => checkRun({ reports: [{ ...good, next: 'soon' }] }), { code: 'API_COMMAND' })
  t.end()
})

const NETWORKS = `
networks:
  all:
    prefixes: [10.0.0.0/8]
    block: [ads.example]
    bans:
      - { id: b, names: [bad.example], authority: A, reference: R, from: 2026-01-01, until: 2027-01-01 }
`
const line = (qname: string): string =>
  `${JSON.stringify({ v: 1, time: '2026-01-01T00:00:00.000Z', generation: 1, protocol: 'udp', qname, qtype: 'A', verdict: 'blocked', network: 'all', client: "o'neill", us: 1 })}\n`

/** The program itself, with rules and a log. */
function real(t: Test, networks = NETWORKS) {
  const folder = t.testdir({
    'interdict.yaml': 'rules: rules\nlog: { queries: { file: log/queries.jsonl } }\n',
    rules: { 'networks.yaml': networks },
    other: { 'networks.yaml': networks.replace('ads.', 'more.') },
    log: { 'queries.jsonl': line(`it's "one".example`) + line('bad.example') }
  })
  const file = join(folder, 'interdict.yaml')
  const read = readConfig('rules: rules\nlog: { queries: { file: log/queries.jsonl } }\n', file)
  if (!read.ok) throw new Error('settings')
  const runner = new CommandRunner(resolve(PROGRAM), () => read.config)
  const run: ApiServices['command'] = (name, request, signal) =>
    runner.run(name, request, result => checkResult(name, result), signal)
  return { folder, file, run, signal: new AbortController().signal }
}

t.test('a condition with quotes arrives unchanged', async t => {
  const { run, signal } = real(t)
  const search = (where: string) => run('query', { where, latest: 5, skip: 0 }, signal)
  const where = `qname = 'it''s "one".example' AND client = 'o''neill' -- "'`
  t.match(await search(where), [{ qname: `it's "one".example` }])
  t.strictSame(await search("qname = '--json'"), [])
  await t.rejects(search("qname = 'x"), { code: 'ARCHIVE_SQL', message: /qname = 'x/ })
})

t.test('results are those that commands print as JSON, in the same order', async t => {
  const { folder, file, run, signal } = real(t)
  const compare = async (name: string, result: Promise<unknown>, ...words: string[]) => {
    const { out, err } = await interdict(...words, '--json', '-c', file)
    t.equal(JSON.stringify(await result, undefined, 2), out.trimEnd(), `${name}: ${err}`)
  }
  const at = '2026-06-01T00:00:00Z'
  const path = (name: string): string => join(folder, name)
  const [old, other] = [path('rules'), path('other')]
  const bans = { at, within: 5 }
  await compare('bans', run('bans', bans, signal), 'bans', '-a', at, '-w', '5')
  await compare('check', run('check', { rules: other }, signal), 'check', other)
  const diff = run('diff', { old, new: other, at }, signal)
  await compare('diff', diff, 'diff', old, other, '-a', at)
  const replay = run('replay', { logs: [path('log')], rules: other }, signal)
  await compare('replay', replay, 'replay', path('log'), '-r', other)
  await compare('report', run('report', { by: 'client' }, signal), 'report', '--by', 'client')
  const question = { name: 'bad.example', type: 'A', from: '10.0.0.1', at, upstream: false }
  const words = ['explain', 'bad.example', '-f', '10.0.0.1', '-a', at, '--no-upstream']
  await compare('explain', run('explain', question, signal), ...words)
  await compare('history', run('rules history', { limit: 3 }, signal), 'rules', 'history')
  const output = path('rules.bundle')
  const created = run('bundle create', { folder: old, output, days: 1 }, signal)
  await created
  await compare('bundle', created, 'bundle', 'show', output)
})

t.test('errors of the program arrive with code and position', async t => {
  const { run, signal, folder } = real(t, 'networks: { all: { prefixes: [10.0.0.1/8], ban: 5 } }')
  const message = /networks\.yaml:1:\d+: .* \(and 1 more\)$/
  await t.rejects(run('bans', { within: 1 }, signal), {
    ...{ code: 'DOCUMENT_INVALID', message },
    position: { file: /networks\.yaml$/, line: 1 }
  })
  const output = join(folder, 'x')
  const create = { folder: join(folder, 'rules'), output, days: 1 }
  await t.rejects(run('bundle create', create, signal), { code: 'DOCUMENT_INVALID' })
  await t.rejects(run('rules show', { version: 'abcd' }, signal), { code: 'HISTORY_NONE' })
  await t.rejects(run('report', { question: 'ban' }, signal), {
    ...{ code: 'API_REQUEST', message: /give the id of a ban/ }
  })
  await t.rejects(run('bans', { within: -1 }, signal), {
    ...{ code: 'API_COMMAND', message: /invalid request "bans": within: / }
  })
})

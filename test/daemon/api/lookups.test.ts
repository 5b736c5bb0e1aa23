import { appendFileSync, writeFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { createServer, get as httpGet, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import type { Config } from '../../../src/gateway/config/config.js'
import { CommandRunner, COMMAND_LIMITS } from '../../../src/gateway/processes/commands.js'
import { lookup, searchOf } from '../../../src/admin/api/log-questions.js'
import { eventually } from '../site.js'
import { apiRig } from './rig.js'

const line = (qname: string, more: object = {}): string =>
  `${JSON.stringify({ v: 1, time: '2026-01-01T00:00:00.000Z', generation: 1, protocol: 'udp', qname, qtype: 'A', verdict: 'blocked', network: 'staff', us: 1, ...more })}\n`

async function streaming(t: Test) {
  const folder = t.testdir({ 'queries.jsonl': line('old.example') })
  const path = join(folder, 'queries.jsonl')
  const read = readConfig('log: { queries: { file: queries.jsonl } }', join(folder, 'x.yaml'))
  if (!read.ok) throw new Error('settings')
  const rig = await apiRig(t, { services: { config: read.config } })
  const server = createServer((request, response) => rig.app.routing(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const open = (token: string, query = ''): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      const url = `http://127.0.0.1:${port}/api/v1/lookups/stream${query}`
      httpGet(url, { headers, agent: false }, resolve).on('error', reject)
    })
  return { rig, open, add: (text: string) => appendFileSync(path, text) }
}

/** All that a stream has sent so far. */
function gather(response: IncomingMessage): { text: string; ended: boolean } {
  const all = { text: '', ended: false }
  response.setEncoding('utf8').on('data', (part: string) => (all.text += part))
  response.on('end', () => (all.ended = true)).on('error', () => undefined)
  return all
}

t.test('a stream of lookups', async t => {
  const { rig, open, add } = await streaming(t)
  const token = rig.token('r', ['read'])
  const response = await open(token, '?network=staff&lines=5&name=example')
  t.match(response, { statusCode: 200, headers: { 'content-type': 'text/event-stream' } })
  const all = gather(response)
  await eventually('a recent one', () => all.text.includes('old.example'))
  add(line('new.example') + line('other.test') + line('c.example', { network: 'guests' }) + 'x\n')
  await eventually('a new one', () => all.text.includes('new.example'))
  t.notMatch(all.text, /other\.test|guests/)
  t.match(all.text, /^event: lookup\ndata: \{"v":1,[^\n]*"qname":"old\.example"[^\n]*\}\n\n/)

  // More than is parsed at once.
  add(Array.from({ length: 3_000 }, () => line('many.example')).join(''))
  await eventually('some are dropped', () =>
    /event: dropped\ndata: \{"lookups":\d+\}/.test(all.text)
  )

  rig.revoke('r')
  await eventually('the end', () => all.ended)
  t.match(all.text, /event: end\ndata: .*revoked/)
})

t.test('at most eight streams', async t => {
  const { rig, open } = await streaming(t)
  const token = rig.token('r', ['read'])
  const responses: IncomingMessage[] = []
  for (let i = 0; i < 8; i++) responses.push(await open(token))
  t.ok(responses.every(({ statusCode }) => statusCode === 200))
  const refused = await open(token)
  t.equal(refused.statusCode, 503)
  refused.resume()
  responses[0]!.destroy()
  await eventually('one may follow', async () => {
    rig.clock.time += 1000
    const response = await open(token)
    response.destroy()
    return response.statusCode === 200
  })
  for (const response of responses) response.destroy()
  t.equal((await open(token, '?name=a..b')).statusCode, 400)
})

const search = (query: object): string[] => searchOf(lookup.parse(query))
const where = (query: object): string => search(query)[2]!

t.test('searches of the log are quoted', async t => {
  t.strictSame(search({}), ['--latest=101', '--skip=0'])
  t.strictSame(
    search({
      ...{ network: "a' OR 1=1 --", client: '10.0.0.1', type: 'aaaa', limit: '2', offset: '4' },
      ...{ since: '2026-01-01T00:00:00Z', until: '2026-01-02T01:00:00+01:00' }
    }),
    [
      '--latest=3',
      '--skip=4',
      "--where=network = 'a'' OR 1=1 --'" +
        " AND (client = '10.0.0.1' OR device = '10.0.0.1' OR starts_with(device, '10.0.0.1/'))" +
        " AND qtype = 'AAAA'" +
        " AND time >= TIMESTAMP '2026-01-01 00:00:00' AND time < TIMESTAMP '2026-01-02 00:00:00'"
    ]
  )
  t.equal(where({ name: '=A.example' }), "--where=qname = 'a.example'")
  t.equal(where({ name: '*.a.example' }), "--where=ends_with(qname, '.a.example')")
  t.match(where({ name: 'a.example' }), "(qname = 'a.example' OR ends_with(")
  for (const wrong of [{ type: "A'" }, { verdict: 'x' }, { name: 'a..b' }, { sql: 'SELECT 1' }])
    t.notOk(lookup.safeParse(wrong).success)
})

t.test('pages of a search, and reports', async t => {
  const asked: (readonly string[])[] = []
  const rows = [{ time: 't', qname: 'a', verdict: 'blocked', app: null }, { qname: 'b' }]
  const command = (words: readonly string[]): Promise<unknown> => {
    asked.push(words)
    return Promise.resolve(words[0] === 'query' ? rows : { title: 'x' })
  }
  const rig = await apiRig(t, { services: { command } })
  const token = rig.token('r', ['read'])
  const page = await rig.send({ url: '/api/v1/lookups?limit=1', token })
  t.strictSame(page.json(), {
    offset: 0,
    more: true,
    items: [{ time: 't', qname: 'a', verdict: 'blocked' }]
  })
  const url = '/api/v1/reports/ban?id=video&since=7d&top=5&by=client'
  t.equal((await rig.send({ url, token })).statusCode, 200)
  t.strictSame(asked.at(-1), [
    'report',
    'ban',
    'video',
    '--since=7d',
    '--by=client',
    '--top=5',
    '--json'
  ])
  for (const wrong of ['ban?id=-o', 'other', 'daily?since=--output', 'overview?top=x', 'daily?x=1'])
    t.equal((await rig.send({ url: `/api/v1/reports/${wrong}`, token })).statusCode, 400, wrong)
})

t.test('operations that are commands', async t => {
  const asked: (readonly string[])[] = []
  const command = (words: readonly string[]): Promise<unknown> => {
    asked.push(words)
    return Promise.resolve({})
  }
  const rig = await apiRig(t, { services: { command } })
  const token = rig.token('o', ['operate', 'policy'])
  const post = (path: string, payload?: object) =>
    rig.send({ method: 'POST', url: `/api/v1${path}`, token, ...(payload && { payload }) })
  await post('/lists/ads/update')
  await post('/lists/ads/confirm')
  await post('/rules/rollback', { to: 7 })
  await post('/rules/rollback', {})
  t.strictSame(asked, [
    ['lists', 'update', 'ads', '--json'],
    ['lists', 'confirm', 'ads', '--json'],
    ['rollback', '--to=7', '--user=o', '--json'],
    ['rollback', '--user=o', '--json']
  ])
  t.equal((await post('/lists/-c/update')).statusCode, 400)
  t.equal((await post('/rules/rollback', { to: 0 })).statusCode, 400)
})

t.test('commands', async t => {
  const folder = t.testdir()
  const program = join(folder, 'program.mjs')
  const settings = join(folder, 'interdict.yaml')
  writeFileSync(
    program,
    `import { readFileSync } from 'node:fs'
    import { getPriority } from 'node:os'
    import { deserialize } from 'node:v8'
    const [word] = process.argv.slice(process.argv[2] === '-c' ? 4 : 2)
    if (word === 'hang') setInterval(() => {}, 1000)
    else if (word === 'usage') { console.error('error: --since: no'); process.exitCode = 2 }
    else if (word === 'code') { console.error('no such log (LOG_FOLLOW)'); process.exitCode = 1 }
    else if (word === 'nice') { while (getPriority() < 5) ; console.log(getPriority()) }
    else if (word === 'crash') { console.error('stack'); process.exitCode = 1 }
    else {
      const { file } = deserialize(readFileSync(0))
      console.log(JSON.stringify([process.argv.slice(2), process.env.INTERDICT_QUERY_MEMORY, file]))
    }`
  )
  const config = (file: string) => () => ({ file }) as Config
  const limits = { ...COMMAND_LIMITS, output: 1_000 }
  const runner = new CommandRunner(program, config(settings), limits)
  const never = new AbortController().signal
  t.strictSame(await runner.run(['a'], never), [['a'], String(256 * 2 ** 20), settings])
  writeFileSync(settings, '')
  t.match(await runner.run(['a'], never), [['-c', settings, 'a']])
  const nice = (await runner.run(['nice'], never)) as number
  t.equal(
    nice,
    Math.max(5, getPriority()),
    'people wait for it: it gets a real share of a busy core'
  )
  await t.rejects(runner.run(['usage'], never), { code: 'API_REQUEST', message: /--since: no/ })
  await t.rejects(runner.run(['code'], never), { code: 'LOG_FOLLOW', message: 'no such log' })
  await t.rejects(runner.run(['crash'], never), { code: 'API_COMMAND', message: /stack/ })
  await t.rejects(runner.run(['x'.repeat(2_000)], never), {
    code: 'API_COMMAND',
    message: /1000 bytes/
  })

  const aborted = new AbortController()
  const message = /disconnected/
  const hanging = [1, 2].map(() =>
    t.rejects(runner.run(['hang'], aborted.signal), { code: 'API_COMMAND', message })
  )
  await t.rejects(runner.run(['a'], never), { code: 'API_BUSY' })
  aborted.abort()
  await Promise.all(hanging)
  await t.rejects(runner.run(['hang'], aborted.signal), { message }, 'before it started')

  const hasty = new CommandRunner(program, config(settings), { ...limits, time: 50 })
  await t.rejects(hasty.run(['hang'], never), { code: 'API_COMMAND_TIME' })
  const nowhere = new CommandRunner(program, config(join(folder, 'none', 'x.yaml')), limits)
  await t.rejects(nowhere.run(['a'], never), { code: 'API_COMMAND' }, 'no such folder')
})

import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer, get as httpGet, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { failure } from '../../../src/base/errors/error.js'
import { removeExports } from '../../../src/admin/api/lookup-export.js'
import type { ApiServices } from '../../../src/admin/api/api-services.js'
import { readConfig } from '../../../src/gateway/config/load-settings.js'
import { CommandRunner } from '../../../src/gateway/processes/commands.js'
import { checkResult } from '../../../src/gateway/processes/messages.js'
import { PROGRAM } from '../../cli/run.js'
import { eventually } from '../site.js'
import { apiRig } from './rig.js'

const START = Date.parse('2026-01-01T00:00:00Z')
const lookupAt = (i: number): string =>
  `${JSON.stringify({ v: 1, time: new Date(START + 1000 * i).toISOString(), generation: 1, client: '10.0.0.1', protocol: 'udp', qname: `n${i}.example`, qtype: 'A', verdict: i % 10 === 0 ? 'blocked' : 'cached', network: 'staff', us: 1 })}\n`

/** A gateway's API over a log, with exports by real processes, unless the test has its own. */
async function exporting(t: Test, lookups: number, own?: ApiServices['exported']) {
  const folder = t.testdir({})
  writeFileSync(
    join(folder, 'queries.jsonl'),
    Array.from({ length: lookups }, (_, i) => lookupAt(i)).join('')
  )
  const settings = 'log: { queries: { file: queries.jsonl } }\nstate: { folder: state }'
  const read = readConfig(settings, join(folder, 'interdict.yaml'))
  if (!read.ok) throw new Error('settings')
  const { config } = read
  const runner = new CommandRunner(PROGRAM, () => config)
  const exported: ApiServices['exported'] = (request, take, signal, onProgress) =>
    runner.run('export', request, found => checkResult('export', found), signal, onProgress, take)
  const rig = await apiRig(t, { services: { config, exported: own ?? exported } })
  const server = createServer((request, response) => rig.app.routing(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const get = (token: string, path: string, prefer = ''): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, prefer }
      const url = `http://127.0.0.1:${port}/api/v1${path}`
      httpGet(url, { headers, agent: false }, resolve).on('error', reject)
    })
  const files = (): string[] => {
    const exports = join(config.state.folder, 'exports')
    return existsSync(exports) ? readdirSync(exports) : []
  }
  return { rig, get, files, config }
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

const onLinux = { skip: process.platform === 'linux' ? false : 'needs pipes' }

t.test('an export has all lookups that match, and is recorded', onLinux, async t => {
  const { rig, get } = await exporting(t, 5_000)
  const token = rig.token('reader', ['read'])
  const csv = await get(token, '/lookups/export?verdict=blocked&since=2026-01-01T00:00:10Z')
  t.match(csv, {
    statusCode: 200,
    headers: {
      'content-type': /^text\/csv/,
      'content-disposition': 'attachment; filename="lookups.csv"',
      'cache-control': 'no-store'
    }
  })
  const lines = (await bodyOf(csv)).toString().split('\r\n')
  t.match(lines[0], /^v,time,/)
  t.match(lines[1], '2026-01-01T00:00:10.000Z')
  t.equal(lines.length, 1 + 499 + 1)
  const rows = (await bodyOf(await get(token, '/lookups/export?format=jsonl'))).toString()
  t.equal(rows.split('\n').length, 5_001)
  t.match(JSON.parse(rows.split('\n')[0]!), { qname: /^n\d+\.example$/ })
  const parquet = await bodyOf(await get(token, '/lookups/export?format=parquet'))
  t.equal(parquet.subarray(0, 4).toString(), 'PAR1')
  t.equal(parquet.subarray(-4).toString(), 'PAR1')
  const none = await bodyOf(await get(token, '/lookups/export?app=none'))
  t.equal(none.toString().split('\r\n').length, 2, 'a head')
  await eventually('both ends of each are recorded', () => rig.reads.newest.length === 8)
  const operation = 'exportLookups'
  t.match(rig.reads.newest[0], { operation, by: 'reader', rows: 0, filter: 'app=none' })
  t.match(
    rig.reads.newest.find(({ filter, rows }) => filter.startsWith('verdict') && rows === 499),
    { operation, filter: 'verdict=blocked since=2026-01-01T00:00:10Z', code: null }
  )
  t.ok(rig.reads.newest.some(({ filter, rows }) => filter === 'format=parquet' && rows === 5_000))
})

t.test('an export waits for its client, and ends with it', async t => {
  let [taken, ended] = [0, '']
  const { rig, get } = await exporting(t, 0, async (_request, take, signal) => {
    const block = Buffer.alloc(65_536, 'x'.repeat(63) + '\n')
    try {
      for (;;) {
        await take(block)
        taken++
      }
    } catch (error) {
      ended = `${(error as Error).message}; ${signal.aborted}`
      throw error
    }
  })
  const response = await get(rig.token('reader', ['read']), '/lookups/export?format=jsonl')
  t.equal(response.statusCode, 200)
  let before = -1
  await eventually('it waits, since the client reads nothing', async () => {
    const isSame = taken === before
    before = taken
    await new Promise(done => setTimeout(done, 100))
    return isSame
  })
  t.ok(taken < 1_000, `${taken} blocks`)
  response.on('error', () => undefined).destroy()
  await eventually('it has ended', () => ended.endsWith('disconnected; true'))
  await eventually('it is recorded', () => rig.reads.newest.length === 2)
  t.ok(rig.reads.newest[0]!.rows! >= 1_024, 'with the rows that were sent')
  t.strictSame(rig.log.with('export of lookups ended'), [])
})

t.test('a token that is revoked ends an export', async t => {
  const { rig, get } = await exporting(t, 0, async (_request, take) => {
    for (;;) {
      await take(Buffer.from('{}\n'))
      await new Promise(done => setTimeout(done, 20))
    }
  })
  const token = rig.token('reader', ['read'])
  const response = await get(token, '/lookups/export?format=jsonl')
  let end: unknown
  response.on('error', error => (end = error)).resume()
  rig.revoke('reader')
  await eventually('the connection breaks off', () => end !== undefined)
  t.match(rig.log.with('export of lookups ended'), [
    { fields: { by: 'reader', error: { code: 'API_COMMAND', message: /revoked/ } } }
  ])
})

t.test('what goes wrong before the first row is a problem', async t => {
  const { rig, get } = await exporting(t, 0, () =>
    Promise.reject(failure('ARCHIVE_SQL', 'no such column'))
  )
  const token = rig.token('reader', ['read'])
  const failed = await get(token, '/lookups/export')
  t.match(failed, { statusCode: 422, headers: { 'content-type': /problem\+json/ } })
  t.match(JSON.parse((await bodyOf(failed)).toString()), { code: 'ARCHIVE_SQL' })
  const wrong = await get(token, '/lookups/export?type=%27')
  t.equal(wrong.statusCode, 400)
  t.equal((await get(rig.token('operator', ['operate']), '/lookups/export')).statusCode, 403)
  wrong.resume()
})

t.test('a job makes a file, which is kept for a day', onLinux, async t => {
  const { rig, get, files, config } = await exporting(t, 300)
  const token = rig.token('reader', ['read'])
  const started = await get(token, '/lookups/export?format=jsonl', 'respond-async, wait=600')
  t.equal(started.statusCode, 202)
  const { id } = JSON.parse((await bodyOf(started)).toString()) as { readonly id: string }
  const job = JSON.parse((await bodyOf(await get(token, `/jobs/${id}`))).toString()) as object
  t.match(job, { state: 'done', result: { format: 'jsonl', rows: 300, octets: Number } })
  t.match(rig.reads.newest, [{ operation: 'exportLookups', rows: 300 }])
  const file = await get(token, `/jobs/${id}/file`)
  t.match(file.headers, { 'content-type': 'application/jsonl', 'content-length': /^\d+$/ })
  t.equal((await bodyOf(file)).toString().split('\n').length, 301)
  t.equal((await get(token, `/jobs/${id}/file`)).statusCode, 200, 'again')
  const other = rig.token('other', ['read', 'operate'])
  t.equal((await get(other, `/jobs/${id}/file`)).statusCode, 404, 'of somebody else')
  t.equal(files().length, 1)
  await rig.send({ method: 'DELETE', url: `/api/v1/jobs/${id}`, token })
  t.strictSame(files(), [], 'forgotten with its job')
  t.equal((await get(token, `/jobs/${id}/file`)).statusCode, 404)

  const again = await get(token, '/lookups/export', 'respond-async, wait=600')
  again.resume()
  t.equal(files().length, 1)
  removeExports(config.state.folder, rig.log)
  t.strictSame(files(), [], 'nothing is left for the next process')
})

t.test('a job that fails or is cancelled leaves no file', async t => {
  const { rig, get, files } = await exporting(t, 0, async (_request, take, signal) => {
    await take(Buffer.from('{}\n'))
    return new Promise((_resolve, reject) => {
      const end = (): void => reject(signal.reason as Error)
      if (signal.aborted) end()
      signal.addEventListener('abort', end)
    })
  })
  const token = rig.token('reader', ['read'])
  const started = await get(token, '/lookups/export', 'respond-async')
  t.equal(started.statusCode, 202)
  const { id } = JSON.parse((await bodyOf(started)).toString()) as { readonly id: string }
  await eventually('it writes', () => files().length === 1)
  await rig.send({ method: 'DELETE', url: `/api/v1/jobs/${id}`, token })
  await eventually('its file is removed', () => files().length === 0)
  const job = (await bodyOf(await get(token, `/jobs/${id}`))).toString()
  t.match(JSON.parse(job), { state: 'cancelled' })
})

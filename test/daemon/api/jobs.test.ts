import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { failure } from '../../../src/base/errors/error.js'
import { becomesJob } from '../../../src/admin/api/perform-in-time.js'
import { ROUTES } from '../../../src/admin/api/routes.js'
import { readPrefer } from '../../../src/admin/api/prefer.js'
import type { Job, JobWork } from '../../../src/admin/api/jobs.js'
import { Jobs } from '../../../src/admin/api/jobs.js'
import { problem } from '../../../src/admin/http/problem.js'
import type { CommandProgress } from '../../../src/gateway/processes/commands.js'
import type { Principal } from '../../../src/admin/tokens/authenticator.js'
import type { Scope } from '../../../src/admin/tokens/scopes.js'
import { apiRig, type ApiRig } from './rig.js'
import { serving, activeRules } from './services.js'
import type { ApiServices } from '../../../src/admin/api/api-services.js'

t.test('what clients prefer', t => {
  const cases: readonly (readonly [string | undefined, boolean, number, string])[] = [
    [undefined, false, 30_000, ''],
    ['wait=5', false, 5_000, 'wait=5'],
    ['Wait = "600"; foo', false, 600_000, 'wait=600'],
    ['wait=999999', false, 3_600_000, 'wait=3600'],
    ['respond-async', true, 0, 'respond-async'],
    ['foo, Respond-Async ,wait=2, wait=9', true, 2_000, 'respond-async, wait=2'],
    ['wait=-1', false, 30_000, ''],
    ['wait, respond-async=no', false, 30_000, ''],
    ['return=minimal', false, 30_000, '']
  ]
  for (const [header, async, wait, applied] of cases)
    t.strictSame(readPrefer(header), { async, wait, applied }, header ?? 'nothing')
  t.end()
})

t.test('the effect of a candidate is not given up after 30 s', t => {
  const candidate = ROUTES.find(({ id }) => id === 'checkCandidate')!
  const report = ROUTES.find(({ id }) => id === 'getReport')!
  t.equal(becomesJob(readPrefer(undefined), candidate), true, 'without a preference')
  t.equal(becomesJob(readPrefer('wait=5'), candidate), false, 'a client that wants to wait')
  t.equal(becomesJob(readPrefer(undefined), report), false)
  t.equal(becomesJob(readPrefer('respond-async'), report), true)
  t.end()
})

/** A command that the test ends. */
interface Begun {
  readonly name: string
  readonly signal: AbortSignal
  readonly report: (progress: CommandProgress) => void
  readonly end: (result: unknown) => void
}

interface JobRig {
  readonly rig: ApiRig
  readonly begun: Begun[]
  /** Starts a job. */
  readonly start: (token: string, url?: string, prefer?: string) => ReturnType<ApiRig['send']>
  readonly read: (token: string, path: string) => Promise<{ status: number; body: JobBody }>
}

interface JobBody {
  readonly id: string
  readonly state: string
  readonly result?: unknown
  readonly items: readonly JobBody[]
}

async function jobRig(t: Test): Promise<JobRig> {
  const begun: Begun[] = []
  const command = ((name, _request, signal, onProgress) =>
    new Promise<never>((resolve, reject) => {
      const end = (result: unknown): void =>
        result instanceof Error ? reject(result) : resolve(result as never)
      signal.addEventListener('abort', () => reject(signal.reason as Error))
      begun.push({ name, signal, end, report: onProgress! })
    })) as ApiServices['command']
  const services = { ...serving(t, await activeRules(t)), command }
  const rig = await apiRig(t, { services })
  const send = (method: 'GET' | 'POST', url: string, token: string, prefer?: string) =>
    rig.send({
      ...{ method, url: `/api/v1${url}`, token },
      headers: prefer === undefined ? {} : { prefer }
    })
  return {
    ...{ rig, begun },
    start: (token, url = '/lookups?client=10.0.0.7', prefer = 'respond-async') =>
      send(url.startsWith('/lists') ? 'POST' : 'GET', url, token, prefer),
    read: async (token, path) => {
      const response = await send('GET', path, token)
      return { status: response.statusCode, body: response.json() }
    }
  }
}

const remove = (rig: ApiRig, token: string, id: string) =>
  rig.send({ method: 'DELETE', url: `/api/v1/jobs/${id}`, token })

t.test('a job: accepted, waiting, running with progress, done with its result', async t => {
  const { rig, begun, start, read } = await jobRig(t)
  const token = rig.token('ann', ['read'])
  const accepted = await start(token)
  t.equal(accepted.statusCode, 202, accepted.body)
  t.equal(accepted.headers['preference-applied'], 'respond-async')
  const { id } = accepted.json<JobBody>()
  t.equal(accepted.headers.location, `/api/v1/jobs/${id}`)
  const path = `/jobs/${id}`
  const request = { operation: 'searchLookups', path: '/api/v1/lookups?client=10.0.0.7', by: 'ann' }
  t.match((await read(token, path)).body, { ...request, state: 'running', progress: null })
  const [command] = begun
  command!.report({ command: 'query', isRunning: false, done: null })
  t.match((await read(token, path)).body, { state: 'queued', started: null, ended: null })
  command!.report({ command: 'query', isRunning: true, done: 0.25 })
  t.match((await read(token, path)).body, {
    ...{ state: 'running', progress: { command: 'query', done: 0.25 } },
    started: /^2026-01-01T/
  })
  t.strictSame(rig.reads.newest, [], 'nothing was read')
  command!.end([{ qname: 'a.example', time: 'x', verdict: 'blocked' }])
  const done = await ended(read, token, path)
  t.match(done, { state: 'done', problem: null, result: { items: [{ qname: 'a.example' }] } })
  const reads = { by: 'ann', operation: 'searchLookups', filter: 'client=10.0.0.7', rows: 1 }
  t.match(rig.reads.newest, [reads])
  t.equal(rig.reads.newest.length, 1, 'once')
  t.notOk('result' in (await read(token, '/jobs')).body.items[0]!, 'a list has no results')
  t.equal((await remove(rig, token, id)).statusCode, 204)
  t.equal((await read(token, path)).status, 404)
})

async function ended(read: JobRig['read'], token: string, path: string): Promise<JobBody> {
  for (let i = 0; i < 100; i++) {
    const { body } = await read(token, path)
    if (!['queued', 'running'].includes(body.state)) return body
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  throw new Error('the job has not ended')
}

t.test('a job that fails, one with a bug, one that is cancelled', async t => {
  const { rig, begun, start, read } = await jobRig(t)
  const token = rig.token('bob', ['read', 'operate'])
  const failing = (await start(token)).json<JobBody>()
  const wrong = (await start(token)).json<JobBody>()
  const hanging = (await start(token, '/lists/ads/update')).json<JobBody>()
  begun[0]!.end(failure('ARCHIVE_SQL', 'no'))
  begun[1]!.end(new TypeError('secret'))
  t.match(await ended(read, token, `/jobs/${failing.id}`), {
    ...{ state: 'failed', problem: { status: 422, code: 'ARCHIVE_SQL', detail: /no/ } }
  })
  const bug = await ended(read, token, `/jobs/${wrong.id}`)
  t.match(bug, { state: 'failed', problem: { status: 500, code: 'FAULT' } })
  t.notMatch(JSON.stringify(bug), /secret/)
  t.match(rig.log.lines, [{ message: 'HTTP request failed' }], 'which the service log has')
  t.equal((await remove(rig, token, hanging.id)).statusCode, 204)
  t.ok(begun[2]!.signal.aborted)
  t.match(await ended(read, token, `/jobs/${hanging.id}`), {
    ...{ state: 'cancelled', problem: { code: 'API_COMMAND', detail: /cancelled by bob/ } }
  })
  const changes = rig.changes.newest.filter(({ operation }) => operation === 'updateList')
  t.match(changes, [{ by: 'bob', subject: '/api/v1/lists/ads/update', code: 'API_COMMAND' }])
  t.equal(changes.length, 1, 'recorded once, at the end')
})

t.test('the jobs of others', async t => {
  const { rig, begun, start, read } = await jobRig(t)
  const token = rig.token('ann', ['read'])
  const path = `/jobs/${(await start(token)).json<JobBody>().id}`
  begun[0]!.end([])
  await ended(read, token, path)
  const other = rig.token('eve', ['read', 'policy'])
  t.equal((await read(other, path)).status, 404)
  t.strictSame((await read(other, '/jobs')).body.items, [])
  const operator = rig.token('op', ['operate'])
  const seen = (await read(operator, path)).body
  t.match(seen, { by: 'ann', state: 'done', path: '/api/v1/lookups' })
  t.notOk('result' in seen, 'not their results')
  t.equal((await read(operator, '/jobs')).body.items.length, 1)
  t.equal((await read('', '/jobs')).status, 401)
  const id = '00000000-0000-4000-8000-000000000000'
  t.equal((await read(token, `/jobs/${id}`)).status, 404)
  t.equal((await read(token, '/jobs/x')).status, 400)
})

t.test('clients that want no job get an answer, or an error when they stop waiting', async t => {
  const { rig, begun, start, read } = await jobRig(t)
  const token = rig.token('ann', ['read'])
  const late = await start(token, undefined, 'wait=0')
  t.match(late.json(), { status: 503, code: 'API_COMMAND_TIME' })
  t.ok(begun[0]!.signal.aborted, 'the command is killed')
  const answer = start(token, undefined, 'return=minimal')
  const inTime = start(token, undefined, 'respond-async, wait=600')
  const failing = start(token, undefined, 'respond-async, wait=600')
  while (begun.length < 4) await new Promise(resolve => setTimeout(resolve, 1))
  begun[1]!.end([])
  begun[2]!.end([])
  begun[3]!.end(failure('ARCHIVE_SQL', 'no'))
  t.match((await answer).json(), { items: [] })
  const { statusCode, headers } = await inTime
  t.match({ statusCode, headers }, { statusCode: 200, headers: { etag: /"/ } })
  t.equal(headers['preference-applied'], 'respond-async, wait=600')
  t.match((await failing).json(), { status: 422, code: 'ARCHIVE_SQL' })
  t.strictSame((await read(token, '/jobs')).body.items, [], 'no job is left')
  t.equal(rig.reads.newest.length, 4, 'each is recorded once')
  const other = await start(token, '/networks', 'respond-async')
  t.equal(other.statusCode, 200, 'a route that is fast has no jobs')
})

t.test('a client that disconnects before it knows of the job', async t => {
  const { rig, begun, read } = await jobRig(t)
  const token = rig.token('ann', ['read'])
  await rig.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = rig.app.server.address() as AddressInfo
  const page = new AbortController()
  const headers = { authorization: `Bearer ${token}`, prefer: 'respond-async, wait=600' }
  const url = `http://127.0.0.1:${port}/api/v1/lookups`
  const left = fetch(url, { headers, signal: page.signal })
  while (begun.length < 1) await new Promise(resolve => setTimeout(resolve, 1))
  page.abort()
  await t.rejects(left)
  const { items } = (await read(token, '/jobs')).body
  t.match(await ended(read, token, `/jobs/${items[0]!.id}`), { state: 'cancelled' })
  t.ok(begun[0]!.signal.aborted, 'its command is killed')
})

const user = (name: string, ...scopes: Scope[]): Principal => {
  return { name, scopes: new Set(scopes), isValid: () => true }
}

/** Jobs in memory, whose expiry the test brings about. */
function memory() {
  const expiries: (() => void)[] = []
  let time = 0
  const clock = { now: () => time, wall: () => time++ }
  const jobs = new Jobs(clock, (_delay, callback) => void expiries.push(callback))
  const request = { operation: 'x', scope: 'read', url: '/x' } as const
  const start = (by: string, perform: JobWork['perform']) =>
    jobs.start(
      { ...request, by },
      { perform, problemOf: () => problem(500, 'X', ''), onEnd: () => undefined }
    )
  return { jobs, expiries, start }
}

t.test('open jobs are limited, for a user and in all', async t => {
  const { jobs, start } = memory()
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    )
  const own = Array.from({ length: 8 }, () => start('a', hang))
  t.throws(() => start('a', hang), { code: 'API_BUSY', message: /8 jobs of one user/ })
  for (const by of ['b', 'c', 'd']) for (let i = 0; i < 8; i++) start(by, hang)
  t.throws(() => start('e', hang), { code: 'API_BUSY', message: /32 jobs/ })
  jobs.cancel(own[0]!.job.id, user('a'))
  t.match(await own[0]!.ended, { state: 'cancelled' })
  start('e', hang)
})

t.test('results are kept for some time, and up to a size', async t => {
  const { jobs, start, expiries } = memory()
  const visible = (): readonly Job[] => jobs.visibleTo(user('a'))
  await start('a', async () => 'x').ended
  t.equal(visible().length, 1)
  expiries[0]!()
  t.equal(visible().length, 0, 'after its time')
  for (let i = 0; i < 70; i++) await start('a', async () => i).ended
  t.equal(visible().length, 64)
  t.match(visible()[0], { end: { result: 6 } }, 'the oldest are forgotten first')
  const large = 'x'.repeat(20 * 2 ** 20)
  await start('a', async () => large).ended
  t.equal(visible().length, 64)
  await start('a', async () => large).ended
  t.equal(visible().length, 1, 'the newest result alone')
})

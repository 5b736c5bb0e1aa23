import t from 'tap'
import {
  ApiClient,
  ApiError,
  queryOf,
  type ApiClientOptions
} from '../../src/admin/web/api/client.js'
import { EventParser } from '../../src/admin/web/api/events.js'

interface Sent {
  readonly url: string
  readonly init: RequestInit
}

/** A client whose requests get these responses, one after the other. */
function clientOf(responses: readonly (() => Response)[], options: Partial<ApiClientOptions> = {}) {
  const sent: Sent[] = []
  const events: string[] = []
  const left = [...responses]
  const client = new ApiClient({
    fetch: (url, init) => {
      sent.push({ url: url as string, init: init! })
      return new Promise(resolve => resolve(left.shift()!()))
    },
    token: () => 'secret',
    onUnauthorized: () => events.push('unauthorized'),
    onReachable: isReachable => events.push(isReachable ? 'reachable' : 'offline'),
    wait: async seconds => void events.push(`wait ${seconds}`),
    ...options
  })
  return { client, sent, events }
}

const json =
  (status: number, body: object, headers = {}) =>
  () =>
    new Response(JSON.stringify(body), { status, headers })
const none = new AbortController().signal

t.test('a request has the token, a change also says that it is from this page', async t => {
  const { client, sent } = clientOf([
    json(200, { a: 1 }),
    () => new Response(null, { status: 204 })
  ])
  t.strictSame(await client.get('/x', { a: 'b c', n: 1, none: undefined, empty: '' }), { a: 1 })
  t.equal(await client.send('PUT', '/y', { minutes: 5 }), undefined)
  t.equal(sent[0]!.url, '/api/v1/x?a=b+c&n=1')
  t.match(sent[0]!.init, { method: 'GET', headers: { Authorization: 'Bearer secret' } })
  t.notOk('X-Interdict-Request' in (sent[0]!.init.headers as object))
  t.match(sent[1]!.init, {
    ...{ method: 'PUT', body: '{"minutes":5}' },
    headers: { 'X-Interdict-Request': '1', 'Content-Type': 'application/json' }
  })
  t.equal(queryOf({ name: ['a', 'b'] }), '?name=a&name=b')
})

t.test('files are sent as they are', async t => {
  const { client, sent } = clientOf([
    json(200, {}),
    ...[1, 2].map(() => () => new Response('octets'))
  ])
  await client.send('POST', '/rules/candidate', { type: 'text/x', body: 'text' })
  t.match(sent[0]!.init, { body: 'text', headers: { 'Content-Type': 'text/x' } })
  t.equal(await (await client.download('/b', { type: 'text/x', body: '' })).text(), 'octets')
  t.equal(await client.text('/b'), 'octets')
})

t.test('problems, and what a proxy may say', async t => {
  const problem = { code: 'API_SCOPE', detail: 'scope read' }
  const { client, events } = clientOf([
    json(403, problem),
    json(401, { code: 'API_TOKEN' }),
    () => new Response('<html>', { status: 502 })
  ])
  await t.rejects(client.get('/x'), { status: 403, code: 'API_SCOPE', message: 'scope read' })
  await t.rejects(client.get('/x'), { status: 401, message: 'status 401' })
  await t.rejects(client.get('/x'), { status: 502, code: 'FAULT' })
  t.strictSame(events, ['reachable', 'reachable', 'unauthorized', 'reachable'])
})

t.test('waits while other questions to the log run', async t => {
  const busy = json(503, { code: 'API_BUSY' }, { 'retry-after': '2' })
  const { client, events } = clientOf([busy, json(503, { code: 'API_BUSY' }), json(200, { ok: 1 })])
  t.strictSame(await client.get('/lookups'), { ok: 1 })
  t.strictSame(
    events.filter(one => one.startsWith('wait')),
    ['wait 2', 'wait 1']
  )
  const always = clientOf(Array.from({ length: 61 }, () => busy))
  await t.rejects(always.client.get('/lookups'), { code: 'API_BUSY' }, 'but not forever')
  const upload = clientOf([busy, json(200, { ok: 2 })])
  t.strictSame(await upload.client.send('POST', '/candidate', {}), { ok: 2 })
  t.strictSame(
    upload.sent.map(({ init }) => init.method),
    ['POST', 'POST']
  )
  const controller = new AbortController()
  const left = clientOf([
    () => {
      controller.abort()
      return busy()
    }
  ])
  await t.rejects(left.client.get('/lookups', {}, controller.signal), { code: 'API_BUSY' })
  t.equal(left.sent.length, 1, 'nor for a page that was left')
})

t.test('a request that becomes a job', async t => {
  const job = (state: string, more = {}) => {
    const isOpen = state === 'queued' || state === 'running'
    return { id: 'j', state, ended: isOpen ? null : 'then', progress: null, ...more }
  }
  const gone = () => new Response(null, { status: 204 })
  const shown: (string | undefined)[] = []
  const onJob = (_id: string, one: { readonly job: { readonly state: string } } | undefined) =>
    void shown.push(one?.job.state)
  const { client, sent } = clientOf(
    [
      json(202, job('queued')),
      json(200, job('running')),
      json(200, job('done', { result: 5 })),
      gone
    ],
    { onJob }
  )
  t.equal(await client.get('/reports/daily'), 5)
  t.match(sent[0]!.init.headers, { Prefer: 'respond-async, wait=2' })
  t.strictSame(shown, ['queued', 'running', undefined])
  t.strictSame(
    sent.map(({ url, init }) => `${init.method} ${url.slice(7)}`),
    ['GET /reports/daily', 'GET /jobs/j', 'GET /jobs/j', 'DELETE /jobs/j']
  )
  const problem = { status: 422, code: 'ARCHIVE_SQL', detail: 'no' }
  const failing = clientOf([json(202, job('running')), json(200, job('failed', { problem })), gone])
  await t.rejects(failing.client.send('POST', '/x'), { status: 422, code: 'ARCHIVE_SQL' })
  const ended = [json(200, job('cancelled', { problem })), gone]
  const cancelled = clientOf([json(202, job('running')), ...ended])
  await t.rejects(cancelled.client.get('/x'), { code: 'CANCELLED' })
  const unknown = clientOf([json(202, job('running')), json(404, { code: 'API_NOT_FOUND' })], {
    onJob
  })
  await t.rejects(unknown.client.get('/x'), { code: 'API_NOT_FOUND' }, 'the gateway was restarted')
  t.equal(shown.at(-1), undefined)
})

t.test('a job is cancelled by its button, or when its page is left', async t => {
  const running = { id: 'j', state: 'running', ended: null, progress: null }
  const gone = () => new Response(null, { status: 204 })
  const problem = { status: 500, code: 'API_COMMAND', detail: 'cancelled by x' }
  const cancelled = json(200, { ...running, state: 'cancelled', ended: 'then', problem })
  const byButton = clientOf([json(202, running), gone, cancelled, gone], {
    onJob: (_id, shown) => shown?.cancel()
  })
  await t.rejects(byButton.client.get('/x'), { code: 'CANCELLED' })
  t.equal(byButton.sent[1]!.init.method, 'DELETE')
  const page = new AbortController()
  const left = clientOf([json(202, running), gone], { onJob: () => page.abort() })
  await t.rejects(left.client.get('/x', {}, page.signal), { code: 'ABORTED' })
  t.equal(left.sent[1]!.init.method, 'DELETE')
})

t.test('a gateway that does not respond', async t => {
  const fail = (): never => {
    throw new TypeError('fetch failed')
  }
  const { client, events } = clientOf([fail, fail])
  await t.rejects(client.get('/x'), { status: 0, code: 'OFFLINE' })
  const controller = new AbortController()
  controller.abort()
  await t.rejects(client.get('/x', {}, controller.signal), { code: 'ABORTED' })
  t.strictSame(events, ['offline'], 'a page that was left says nothing about the gateway')
})

t.test('a stream of events, until it ends or breaks', async t => {
  const stream = (parts: readonly string[], breaks: boolean) => () =>
    new Response(
      new ReadableStream({
        start: controller => {
          for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
          if (breaks) controller.error(new Error('reset'))
          else controller.close()
        }
      })
    )
  const parts = ['event: lookup\ndata: {"a"', ':1}\n\n:\n\n', 'data: x\r\ndata: y\r\n\r\n']
  const { client, events } = clientOf([stream(parts, false), stream([], true), stream([], true)])
  const seen: unknown[] = []
  await client.stream('/s', { lines: 5 }, event => seen.push(event), none)
  t.strictSame(seen, [
    { type: 'lookup', data: '{"a":1}' },
    { type: 'message', data: 'x\ny' }
  ])
  await t.rejects(
    client.stream('/s', {}, () => undefined, none),
    { code: 'OFFLINE' }
  )
  t.equal(events.at(-1), 'offline')
  const controller = new AbortController()
  const left = client.stream('/s', {}, () => undefined, controller.signal)
  controller.abort()
  await left
})

t.test('an event without data is none', async t => {
  t.strictSame(new EventParser().push('event: end\n\n'), [])
  t.ok(new ApiError(1, 'A', 'b') instanceof Error)
})

t.test('what has not changed is not transferred again', async t => {
  const tagged = (body: object, etag: string) => json(200, body, { etag })
  const unchanged = (): Response => new Response(null, { status: 304, headers: { etag: '"1"' } })
  const { client, sent, events } = clientOf([
    ...[tagged({ a: 1 }, '"1"'), unchanged, tagged({ a: 2 }, '"2"'), unchanged],
    ...[json(401, {}), tagged({ a: 3 }, '"3"')]
  ])
  const tagOf = (): unknown =>
    (sent.at(-1)!.init.headers as Record<string, string>)['If-None-Match']
  const first = await client.get('/x')
  t.equal(tagOf(), undefined)
  t.equal(await client.get('/x'), first, 'the same object: nothing is drawn again')
  t.equal(tagOf(), '"1"')
  t.strictSame(await client.get('/x'), { a: 2 })
  t.equal(tagOf(), '"1"')
  await t.rejects(client.get('/y'), { status: 304, code: 'FAULT' }, 'only what was asked for')
  await t.rejects(client.get('/x'), { status: 401, code: 'FAULT' })
  t.equal(tagOf(), '"2"')
  t.strictSame(await client.get('/x'), { a: 3 })
  t.equal(tagOf(), undefined, 'nothing is kept after the end of a session')
  t.notOk(events.includes('offline'))
})

t.test('the least recently used responses are not kept', async t => {
  const paths = Array.from({ length: 21 }, (_, i) => `/${i}`)
  const { client, sent } = clientOf(
    [...paths, '/0', '/20'].map(path => json(200, {}, { etag: `"${path}"` }))
  )
  for (const path of [...paths, '/0', '/20']) await client.get(path)
  const tags = sent.map(({ init }) => (init.headers as Record<string, string>)['If-None-Match'])
  t.strictSame(tags.slice(-2), [undefined, '"/20"'])
})

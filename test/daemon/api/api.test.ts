import fc from 'fast-check'
import t from 'tap'
import * as z from 'zod'
import { failure } from '../../../src/base/errors/error.js'
import { clientOf } from '../../../src/admin/api/gate.js'
import { defineRoute } from '../../../src/admin/api/route.js'
import type { Problem } from '../../../src/admin/http/problem.js'
import { apiRig } from './rig.js'

const echo = defineRoute({
  method: 'POST',
  path: '/echo/{id}',
  id: 'echo',
  tag: 'api',
  summary: 'Returns its input',
  scope: 'operate',
  params: z.strictObject({ id: z.string().regex(/^[a-z]+$/, 'an id') }),
  query: z.strictObject({ limit: z.coerce.number().int().max(10).optional() }),
  body: z.strictObject({ name: z.string(), more: z.unknown().optional() }),
  response: z.unknown(),
  status: 201,
  errors: { ADMIN_BUSY: 409 },
  handler: async (input, { principal }) => {
    if (input.body.name === 'fault') throw new Error('secret detail')
    if (input.body.name === 'busy') throw failure('ADMIN_BUSY', 8)
    if (input.body.name === 'other') throw failure('ADMIN_OFF')
    return { ...input, by: principal!.name }
  }
})
const upload = defineRoute({
  method: 'PUT',
  path: '/file',
  id: 'upload',
  tag: 'api',
  summary: 'Takes a file',
  scope: 'policy',
  upload: { types: ['application/octet-stream'], maxSize: 100_000 },
  handler: async () => undefined
})
const stream = (handler: Parameters<typeof defineRoute>[0]['handler']) =>
  defineRoute({
    method: 'GET',
    path: '/stream',
    id: 'stream',
    tag: 'api',
    summary: 'Writes by itself',
    scope: 'read',
    produces: 'text/event-stream',
    handler
  })

const json = (text: string, type = 'application/json') => ({
  method: 'POST' as const,
  url: '/api/v1/echo/a',
  headers: { 'content-type': type },
  payload: text
})

t.test('a valid request', async t => {
  const rig = await apiRig(t, { routes: [echo, upload] })
  const token = rig.token('ci', ['operate', 'policy'])
  const good = await rig.send({ ...json('{"name":"x"}'), url: '/api/v1/echo/a?limit=3', token })
  t.equal(good.statusCode, 201)
  t.strictSame(good.json(), {
    params: { id: 'a' },
    query: { limit: 3 },
    body: { name: 'x' },
    by: 'ci'
  })
  t.match(rig.log.with('change through'), [
    {
      level: 'info',
      fields: { by: 'ci', operation: 'echo', route: 'POST /api/v1/echo/a', status: 201 }
    }
  ])
  const put = { method: 'PUT', url: '/api/v1/file', payload: Buffer.alloc(90_000), token } as const
  const type = { 'content-type': 'Application/Octet-Stream; x=y' }
  t.match(await rig.send({ ...put, headers: type }), { statusCode: 204, body: '' })
})

const refused: readonly {
  readonly it: string
  readonly request: object
  readonly status: number
  readonly code: string
  readonly headers?: object
}[] = [
  { it: 'malformed JSON', request: json('{"name":'), status: 400, code: 'API_REQUEST' },
  { it: 'no body', request: json(''), status: 400, code: 'API_REQUEST' },
  {
    it: 'a prototype as key',
    request: json('{"name":"x","more":{"__proto__":{}}}'),
    status: 400,
    code: 'API_REQUEST'
  },
  { it: 'a missing member', request: json('{}'), status: 400, code: 'API_REQUEST' },
  {
    it: 'an unknown member',
    request: json('{"name":"x","y":1}'),
    status: 400,
    code: 'API_REQUEST'
  },
  { it: 'a body in XML', request: json('<x/>', 'text/xml'), status: 415, code: 'API_MEDIA_TYPE' },
  {
    it: 'JSON for an upload',
    request: { ...json('{}'), method: 'PUT', url: '/api/v1/file' },
    status: 415,
    code: 'API_MEDIA_TYPE'
  },
  {
    it: 'an upload of nothing',
    request: { method: 'PUT', url: '/api/v1/file' },
    status: 400,
    code: 'API_REQUEST'
  },
  {
    it: 'too large a body',
    request: json(`{"name":"${'x'.repeat(70_000)}"}`),
    status: 413,
    code: 'API_TOO_LARGE',
    headers: { connection: 'close' }
  },
  {
    it: 'too large an upload',
    request: {
      method: 'PUT',
      url: '/api/v1/file',
      payload: Buffer.alloc(100_001),
      headers: { 'content-type': 'application/octet-stream' }
    },
    status: 413,
    code: 'API_TOO_LARGE'
  },
  {
    it: 'another method',
    request: { method: 'GET', url: '/api/v1/echo/a' },
    status: 405,
    code: 'API_METHOD',
    headers: { allow: 'POST' }
  },
  {
    it: 'a preflight',
    request: {
      method: 'OPTIONS',
      url: '/api/v1/echo/a',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' }
    },
    status: 405,
    code: 'API_METHOD'
  },
  { it: 'an unknown route', request: { url: '/api/v1/x' }, status: 404, code: 'API_NOT_FOUND' },
  {
    it: 'an unknown route with a body',
    request: { ...json('{}'), url: '/api/v1/x' },
    status: 404,
    code: 'API_NOT_FOUND'
  },
  {
    it: 'a known route with a method that it has not, and a body',
    request: { ...json('{}'), method: 'PUT', url: '/api/v1/echo/a' },
    status: 405,
    code: 'API_METHOD'
  },
  {
    it: 'a path upwards',
    request: { url: '/api/v1/../../etc/passwd' },
    status: 404,
    code: 'API_NOT_FOUND'
  },
  {
    it: 'an encoded path upwards',
    request: { ...json('{"name":"x"}'), url: '/api/v1/echo/..%2f..%2fetc%2fpasswd' },
    status: 400,
    code: 'API_REQUEST'
  },
  {
    it: 'a broken escape',
    request: { ...json('{"name":"x"}'), url: '/api/v1/echo/%zz' },
    status: 400,
    code: 'API_REQUEST'
  },
  {
    it: 'an unknown parameter',
    request: { ...json('{"name":"x"}'), url: '/api/v1/echo/a?debug=1' },
    status: 400,
    code: 'API_REQUEST'
  },
  { it: 'a bug', request: json('{"name":"fault"}'), status: 500, code: 'FAULT' },
  {
    it: 'an error of the route',
    request: json('{"name":"busy"}'),
    status: 409,
    code: 'ADMIN_BUSY'
  },
  { it: 'another of our errors', request: json('{"name":"other"}'), status: 422, code: 'ADMIN_OFF' }
]

t.test('errors are problems', async t => {
  const rig = await apiRig(t, { routes: [echo, upload] })
  const token = rig.token('ci', ['operate', 'policy'])
  for (const { it, request, status, code, headers = {} } of refused) {
    const response = await rig.send({ ...request, token })
    t.match(response, { statusCode: status, headers }, it)
    t.match(response.headers['content-type'], /^application\/problem\+json/, it)
    t.match(response.json(), { type: 'about:blank', status, code }, it)
    t.notMatch(response.body, 'secret detail')
    t.notOk('access-control-allow-origin' in response.headers, it)
  }
  t.match(rig.log.with('HTTP request failed'), [{ fields: { message: /secret detail/ } }])
  const wrong = await rig.send({ ...json('{"y":1}'), url: '/api/v1/echo/9?limit=11', token })
  t.strictSame(wrong.json<Problem>().errors, [
    { path: 'path.id', problem: "expected an id, found '9'" },
    { path: 'query.limit', problem: "expected at most 10, found '11'" },
    { path: 'body.name', problem: 'missing; expected a string' },
    { path: 'body.y', problem: "unknown key 'y'; expected one of name, more" }
  ])
})

t.test('no JSON is a bug', async t => {
  const rig = await apiRig(t, { routes: [echo] })
  const token = rig.token('ci', ['operate'])
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string()), async text => {
      rig.clock.time += 1000
      const { statusCode } = await rig.send({ ...json(text), token })
      return statusCode === 400 || statusCode === 201
    }),
    { numRuns: 100 }
  )
})

t.test('limits', async t => {
  const rig = await apiRig(t, { routes: [echo] })
  const token = rig.token('ci', ['operate'])
  const from = (remoteAddress: string, bearer?: string) =>
    rig.send({ ...json('{"name":"x"}'), remoteAddress, ...(bearer && { token: bearer }) })

  let last = await from('10.0.0.1')
  for (let i = 0; i < 200; i++) last = await from('10.0.0.1')
  t.match(last, { statusCode: 429, headers: { 'retry-after': '1' } }, 'one address')
  t.match(last.json(), { code: 'API_RATE' })
  t.equal((await from('10.0.0.2')).statusCode, 401, 'not another one')

  for (let i = 0; i <= 100; i++) last = await rig.send({ ...json('{"name":"x"}'), token })
  t.match(last.json(), { code: 'API_RATE' }, 'one token from many addresses')
  rig.clock.time += 1000
  t.equal((await from('10.0.0.3', token)).statusCode, 201)

  for (let i = 0; i < 11; i++) last = await from('10.0.0.4', 'wrong')
  t.match(last.json(), { code: 'API_TOKEN' })
  t.match((await from('10.0.0.4', token)).json(), { code: 'API_LOCKED' }, 'locked out')
  t.match(rig.log.with('locked out'), [{ fields: { address: '10.0.0.4', seconds: 60 } }])
  t.equal((await from('10.0.0.5', token)).statusCode, 201, 'others are not')
  rig.clock.time += 60_000
  t.equal((await from('10.0.0.4', token)).statusCode, 201, 'not for ever')
})

t.test('addresses of one client', async t => {
  t.equal(clientOf('192.0.2.1'), '192.0.2.1')
  t.equal(clientOf('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(clientOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2')
  t.equal(clientOf('2001:db8::6'), '2001:db8:0:0')
  t.equal(clientOf(undefined), '')
})

t.test('routes that write their response', async t => {
  const good = await apiRig(t, {
    routes: [stream(async (_, { response }) => void response.end('data: 1\n\n'))]
  })
  const get = { url: '/api/v1/stream', token: good.token('r', ['read']) }
  t.match(await good.send(get), {
    statusCode: 200,
    body: 'data: 1\n\n',
    headers: { 'content-type': 'text/event-stream', 'x-content-type-options': 'nosniff' }
  })
  t.match(await good.send({ ...get, method: 'HEAD' }), { statusCode: 405 })

  const early = await apiRig(t, {
    routes: [
      stream(async () => {
        throw failure('API_NOT_FOUND', 'stream')
      })
    ]
  })
  const failed = await early.send({ ...get, token: early.token('r', ['read']) })
  t.match(failed, { statusCode: 404, headers: { 'content-type': /problem/ } })
})

t.test('an unchanged response is not sent again', async t => {
  let items = ['a'.repeat(5_000)]
  const list = defineRoute({
    ...{ method: 'GET', path: '/list', id: 'list', tag: 'api', summary: 'A list', scope: 'read' },
    response: z.object({ items: z.array(z.string()) }),
    handler: () => Promise.resolve({ items })
  })
  const rig = await apiRig(t, { routes: [list] })
  const token = rig.token('ci', ['read'])
  const get = (known?: string, method: 'GET' | 'HEAD' = 'GET') =>
    rig.send({
      ...{ method, url: '/api/v1/list', token },
      headers: known === undefined ? {} : { 'if-none-match': known }
    })
  const first = await get()
  const etag = String(first.headers.etag)
  t.match(etag, /^"[\w-]{43}"$/)
  for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const again = await get(known)
    t.match(again, { statusCode: 304, body: '', headers: { etag, 'cache-control': 'no-store' } })
    t.notOk('content-type' in again.headers)
  }
  t.equal((await get(etag, 'HEAD')).statusCode, 304)
  t.match(await get(undefined, 'HEAD'), { statusCode: 200, headers: { etag } })
  items = ['b']
  const changed = await get(etag)
  t.match(changed, { statusCode: 200, body: '{"items":["b"]}\n' })
  t.not(changed.headers.etag, etag)
  rig.revoke('ci')
  t.equal((await get(String(changed.headers.etag))).statusCode, 401, 'never without a valid token')
})

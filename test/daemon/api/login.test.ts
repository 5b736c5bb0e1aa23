import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import * as z from 'zod'
import type { OidcConfig } from '../../../src/gateway/config/oidc-config.js'
import { defineRoute } from '../../../src/admin/api/route.js'
import { ROUTES } from '../../../src/admin/api/routes.js'
import { Login, type LoginOptions } from '../../../src/admin/login/login.js'
import { providerFetch } from '../../../src/admin/login/provider-fetch.js'
import { MemoryLog } from '../serve.js'
import { makeCertificate } from '../../tls/certificates.js'
import { apiRig, type ApiRig } from './rig.js'
import { SECRET, StubProvider } from './stub-provider.js'

const API = '/api/v1'
const none = z.strictObject({})
/** One route of each scope, and none with side effects. */
const routes = [
  ...ROUTES.filter(({ tag }) => tag === 'login'),
  ...(['read', 'operate', 'policy'] as const).map(scope =>
    defineRoute({
      method: scope === 'read' ? 'GET' : 'POST',
      path: `/${scope}`,
      id: scope,
      tag: 'api',
      summary: scope,
      scope,
      response: none,
      handler: () => Promise.resolve({})
    })
  )
]

interface Rig {
  readonly api: ApiRig
  readonly stub: StubProvider
  readonly log: MemoryLog
}

async function loginRig(
  t: Test,
  change: Partial<OidcConfig> = {},
  options: LoginOptions = {}
): Promise<Rig> {
  const stub = await StubProvider.start(t)
  const log = new MemoryLog()
  const clock = { time: 0, now: () => clock.time, wall: () => Date.now() }
  const login = new Login(stub.config(change), clock, log, options)
  const api = await apiRig(t, { routes, services: { login }, authenticators: [login.sessions] })
  // Time passes for both.
  clock.now = () => api.clock.time
  return { api, stub, log }
}

/** `name=value` of the cookies that a response sets. */
function cookiesOf({ headers }: { headers: Record<string, unknown> }): string {
  const all = ([] as unknown[]).concat(headers['set-cookie'] ?? []).map(String)
  return all.map(text => text.split(';', 1)[0]!).join('; ')
}

/** Begins a login. @param query of the URL */
async function begin({ api }: Rig, query = ''): Promise<{ location: string; cookie: string }> {
  const response = await api.send({ url: `${API}/login${query}` })
  if (response.statusCode !== 302) throw new Error(response.body)
  return { location: String(response.headers.location), cookie: cookiesOf(response) }
}

/** Logs in. @returns the last response */
async function logIn(rig: Rig, query = '') {
  const { location, cookie } = await begin(rig, query)
  const url = `${API}/login/callback?${rig.stub.authorize(location).toString()}`
  return rig.api.send({ url, headers: { cookie } })
}

t.test('a person logs in, works, and logs out', async t => {
  const rig = await loginRig(t)
  const { api, stub, log } = rig
  const nobody = await api.send({ url: `${API}/me` })
  t.strictSame(nobody.json(), {
    ...{ name: null, scopes: [], sessionEnds: null },
    login: '/api/v1/login'
  })

  const { location, cookie } = await begin(rig)
  const { origin, pathname, searchParams } = new URL(location)
  t.strictSame([origin, pathname], [stub.issuer, '/authorize'])
  t.match(Object.fromEntries(searchParams), {
    ...{ client_id: 'interdict', response_type: 'code', scope: 'openid profile' },
    redirect_uri: 'http://127.0.0.1:8053/api/v1/login/callback',
    ...{ code_challenge_method: 'S256', code_challenge: /^.{43}$/ },
    ...{ state: /^.{43}$/, nonce: /^.{43}$/ }
  })
  t.notMatch(cookie, searchParams.get('state')!, 'encrypted')

  const url = `${API}/login/callback?${stub.authorize(location).toString()}`
  const back = await api.send({ url, headers: { cookie } })
  t.equal(back.statusCode, 302, back.body)
  t.equal(back.headers.location, '/api/v1/me')
  const [session, ended] = back.headers['set-cookie'] as string[]
  t.match(session, /^interdict=.{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=28800$/)
  t.match(ended, /^interdict-login=; .*; Max-Age=0$/)
  t.match(log.with('logged in'), [
    {
      level: 'info',
      fields: { name: 'alice', subject: 'id-1', scopes: ['read'], address: /^10\./ }
    }
  ])

  const headers = { cookie: `other=1; ${cookiesOf(back)}` }
  const me = await api.send({ url: `${API}/me`, headers })
  t.match(me.json(), { name: 'user:alice', scopes: ['read'], sessionEnds: /^20/ })
  t.equal((await api.send({ url: `${API}/read`, headers })).statusCode, 200)

  const own = { ...headers, origin: 'http://127.0.0.1:8053', 'x-interdict-request': '1' }
  const refused = await api.send({ method: 'POST', url: `${API}/operate`, headers: own })
  t.match(refused.json(), { status: 403, code: 'API_SCOPE' })

  const out = await api.send({ method: 'POST', url: `${API}/logout`, headers: own })
  t.strictSame(out.json(), { provider: `${stub.issuer}/logout?client_id=interdict` })
  t.match(out.headers['set-cookie'], /^interdict=; .*Max-Age=0$/)
  t.match(log.with('logged out'), [{ fields: { name: 'alice', scopes: ['read'] } }])
  const late = await api.send({ url: `${API}/read`, headers })
  t.match(late.json(), { status: 401, code: 'API_LOGIN' }, 'the cookie is of no use any more')
  const again = await api.send({ method: 'POST', url: `${API}/logout`, headers: own })
  t.equal(again.statusCode, 200, 'nobody is logged out')
  t.equal(log.with('logged out').length, 1)

  const secrets = [...stub.secrets, cookiesOf(back).split('; ')[0]!.slice('interdict='.length)]
  const logged = JSON.stringify([log.lines, api.log.lines])
  for (const secret of secrets) t.notOk(logged.includes(secret), 'no secret in the log')
})

t.test('changes by a session need proof that a page of ours sends them', async t => {
  const rig = await loginRig(t)
  const { api, stub } = rig
  stub.claims = { realm_access: { roles: 'admin' } }
  const cookie = cookiesOf(await logIn(rig))
  const change = (headers: Record<string, string>) =>
    api.send({ method: 'POST', url: `${API}/operate`, headers: { cookie, ...headers } })
  const origin = 'http://127.0.0.1:8053'
  const header = { 'x-interdict-request': '1' }
  for (const [it, headers] of Object.entries({
    nothing: {},
    'the header alone': header,
    'no header': { origin, 'sec-fetch-site': 'same-origin' },
    'another origin': { ...header, origin: 'http://127.0.0.1:8054' },
    'a null origin': { ...header, origin: 'null' },
    'another site': { ...header, origin, 'sec-fetch-site': 'cross-site' },
    'a neighbour': { ...header, 'sec-fetch-site': 'same-site' }
  })) {
    const response = await change(headers)
    t.match(response.json(), { status: 403, code: 'API_CSRF' }, it)
  }
  for (const proof of [{ origin }, { 'sec-fetch-site': 'same-origin' }])
    t.equal((await change({ ...header, ...proof })).statusCode, 200)
  t.match(api.log.lines.at(-1), { fields: { by: 'user:alice', operation: 'operate', status: 200 } })

  const token = api.token('robot', ['operate'])
  const byToken = await api.send({ method: 'POST', url: `${API}/operate`, token })
  t.equal(byToken.statusCode, 200, 'a token needs no proof of origin')
})

t.test('responses of the provider that are invalid', async t => {
  const rig = await loginRig(t)
  const { stub, log } = rig
  const now = Math.floor(Date.now() / 1000)
  const good = { claims: {}, header: {}, isForged: false, metadata: {} }
  const cases: Readonly<Record<string, Partial<typeof good>>> = {
    'another nonce': { claims: { nonce: 'x' } },
    'no nonce': { claims: { nonce: undefined } },
    'another audience': { claims: { aud: 'other' } },
    'another issuer': { claims: { iss: 'https://evil.example' } },
    expired: { claims: { iat: now - 120, exp: now - 60 } },
    'not valid yet': { claims: { nbf: now + 120 } },
    'no subject': { claims: { sub: undefined } },
    'signed by another key': { isForged: true },
    'an unknown key': { header: { kid: 'two' } },
    'not signed': { header: { alg: 'none' } },
    'signed with the public secret': { header: { alg: 'HS256' } }
  }
  for (const [it, change] of Object.entries(cases)) {
    Object.assign(stub, good, change)
    const response = await logIn(rig)
    t.match(response.json(), { status: 502, code: 'OIDC_INVALID' }, it)
    t.notOk('set-cookie' in response.headers, it)
    t.match(log.lines.at(-1), { level: 'warn', message: 'login failed', fields: { error: /./ } })
  }
  Object.assign(stub, good, { claims: { iat: now + 20, exp: now - 20 } })
  t.equal((await logIn(rig)).statusCode, 302, 'clocks may differ by half a minute')
  const logged = JSON.stringify(log.lines)
  for (const secret of stub.secrets) t.notOk(logged.includes(secret), 'no secret in the log')
})

t.test('a response in the name of another provider', async t => {
  const rig = await loginRig(t)
  const { api, stub, log } = rig
  const { location, cookie } = await begin(rig)
  // RFC 9207: mix-up of two providers.
  const query = `${stub.authorize(location).toString()}&iss=https%3A%2F%2Fevil.example`
  const requests = stub.requests.length
  const response = await api.send({ url: `${API}/login/callback?${query}`, headers: { cookie } })
  t.match(response.json(), { status: 502, code: 'OIDC_INVALID' })
  t.notOk('set-cookie' in response.headers)
  t.equal(stub.requests.length, requests, 'no provider gets the code')
  t.match(log.lines.at(-1), { message: 'login failed', fields: { error: /iss/ } })
})

t.test('logins that were not begun here', async t => {
  const rig = await loginRig(t)
  const { api, stub } = rig
  stub.isLax = true
  const refused = async (it: string, query: string, cookie?: string): Promise<void> => {
    const headers = cookie === undefined ? {} : { cookie }
    const requests = stub.requests.length
    const response = await api.send({ url: `${API}/login/callback?${query}`, headers })
    t.match(response.json(), { status: 400, code: 'OIDC_STATE' }, it)
    t.notOk('set-cookie' in response.headers, it)
    t.equal(stub.requests.length, requests, 'the provider is not asked')
  }
  const first = await begin(rig)
  const query = stub.authorize(first.location).toString()
  await refused('no cookie', query)
  await refused('a cookie of our own making', query, 'interdict-login=YWJj')
  await refused('a changed cookie', query, `${first.cookie.slice(0, -4)}AAAA`)
  const second = await begin(rig)
  await refused('the cookie of another login', query, second.cookie)
  await refused('another state', query.replace(/state=.*/, 'state=x'), first.cookie)

  const finish = () =>
    api.send({ url: `${API}/login/callback?${query}`, headers: { cookie: first.cookie } })
  const both = await Promise.all([finish(), finish()])
  t.strictSame(both.map(one => one.statusCode).sort(), [302, 400], 'only once, also at a time')
  await refused('a second time', query, first.cookie)

  const later = stub.authorize(second.location).toString()
  api.clock.time += 601_000
  await refused('too late', later, second.cookie)
  const twice = await api.send({ url: `${API}/login/callback?state=a&state=b` })
  t.match(twice.json(), { status: 400, code: 'API_REQUEST' })
})

t.test('a login that the provider refuses, and a person without a role', async t => {
  const rig = await loginRig(t)
  const { api, stub, log } = rig
  const { location, cookie } = await begin(rig)
  const state = new URL(location).searchParams.get('state')!
  const query = `error=access_denied&error_description=%3Cb%3E&state=${state}`
  const denied = await api.send({ url: `${API}/login/callback?${query}`, headers: { cookie } })
  t.match(denied.json(), { status: 403, code: 'OIDC_REFUSED' })
  t.notMatch(denied.body, '<b>')
  t.match(log.lines.at(-1), { fields: { error: /access_denied/ } })

  for (const claims of [
    { realm_access: { roles: ['guest'] } },
    { realm_access: { roles: [] } },
    { realm_access: ['viewer'] },
    { realm_access: undefined }
  ]) {
    stub.claims = claims
    const response = await logIn(rig)
    t.match(response.json(), { status: 403, code: 'OIDC_ROLE', detail: /^alice / })
    t.notOk('set-cookie' in response.headers)
    t.match(log.lines.at(-1), { level: 'warn', fields: { name: 'alice', scopes: [] } })
  }
})

t.test('a browser whose login fails is sent to the page that says why', async t => {
  const rig = await loginRig(t, {}, { home: '/' })
  const { api, stub } = rig
  const open = async (url: string, cookie = '') => {
    const headers = { cookie, accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
    const { statusCode, headers: sent } = await api.send({ url: API + url, headers })
    return [statusCode, sent.location, 'set-cookie' in sent]
  }
  t.strictSame(await open('/login/callback?state=x'), [302, '/?login=OIDC_STATE', false])
  const { location, cookie } = await begin(rig)
  const query = stub.authorize(location).toString()
  stub.claims = { realm_access: { roles: ['guest'] } }
  const refused = await open(`/login/callback?${query}`, cookie)
  t.strictSame(refused, [302, '/?login=OIDC_ROLE', false])
  t.match((await api.send({ url: `${API}/login/callback?state=x` })).json(), { code: 'OIDC_STATE' })
  api.clock.time += 600_000
  stub.respond = (_, response) => void response.writeHead(500).end()
  t.strictSame(await open('/login'), [302, '/?login=OIDC_UNAVAILABLE', false])
})

t.test('after the login: the page that was wanted, and no other place', async t => {
  const rig = await loginRig(t, {}, { home: '/' })
  const { api, stub } = rig
  const wanted = (page: string): string => `?${new URLSearchParams({ page }).toString()}`
  for (const page of ['/bans', '/log?name=a%20b&since=7d', '/?x=//other.example', '/'])
    t.equal((await logIn(rig, wanted(page))).headers.location, page)
  t.equal((await logIn(rig)).headers.location, '/')
  for (const page of [
    ...['//other.example', '/\\other.example', '/\t/other.example', 'https://other.example/'],
    ...['javascript:alert(1)', 'bans', '', '/api/v1/login', '/.//other.example', '/bans?a\r\nb: c'],
    `/bans?${'x'.repeat(1_000)}`
  ]) {
    const response = await api.send({ url: `${API}/login${wanted(page)}` })
    t.match(response.json(), { status: 400, code: 'API_REQUEST' }, JSON.stringify(page))
    t.notOk('location' in response.headers)
  }
  const { location, cookie } = await begin(rig, wanted('/bans?view=calendar'))
  stub.claims = { realm_access: { roles: ['guest'] } }
  const refused = await api.send({
    url: `${API}/login/callback?${stub.authorize(location).toString()}`,
    headers: { cookie, accept: 'text/html' }
  })
  t.equal(refused.headers.location, '/bans?view=calendar&login=OIDC_ROLE')
})

t.test('a provider that does not work', async t => {
  const rig = await loginRig(t)
  const { api, stub, log } = rig
  const token = api.token('robot', ['read'])
  const cases: Readonly<Record<string, StubProvider['respond']>> = {
    'it fails': (_, response) => void response.writeHead(500).end(),
    'it disconnects': request => void request.socket.destroy(),
    'it redirects': (_, response) =>
      void response.writeHead(302, { location: `${stub.issuer}/elsewhere` }).end(),
    'it never ends': (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write(Buffer.alloc(1_100_000, ' '))
    }
  }
  for (const [it, respond] of Object.entries(cases)) {
    api.clock.time += 5_000
    stub.respond = respond
    stub.requests.length = 0
    const response = await api.send({ url: `${API}/login` })
    t.match(response.json(), { status: 503, code: 'OIDC_UNAVAILABLE' }, it)
    t.equal(response.headers['retry-after'], '5')
    t.notOk('set-cookie' in response.headers)
    t.match(log.lines.at(-1), { message: 'login failed', fields: { issuer: stub.issuer } })
    t.equal(stub.requests.length, 2, `${it}: asked twice, and not elsewhere`)
    await api.send({ url: `${API}/login` })
    t.equal(stub.requests.length, 2, 'not asked again at once')
    t.equal((await api.send({ url: `${API}/read`, token })).statusCode, 200, 'tokens work')
  }

  stub.respond = stub.serve
  stub.metadata = { issuer: 'https://evil.example' }
  api.clock.time += 5_000
  t.equal((await api.send({ url: `${API}/login` })).statusCode, 503, 'another issuer')
  stub.metadata = { authorization_endpoint: undefined }
  api.clock.time += 5_000
  const nowhere = await api.send({ url: `${API}/login` })
  t.match(nowhere.json(), { status: 502, code: 'OIDC_INVALID' })
  stub.metadata = {}
  api.clock.time += 600_000
  const { location, cookie } = await begin(rig)
  // It fails between the two halves of a login.
  stub.respond = (_, response) => void response.writeHead(503).end()
  const url = `${API}/login/callback?${stub.authorize(location).toString()}`
  const failed = await api.send({ url, headers: { cookie } })
  t.match(failed.json(), { status: 503, code: 'OIDC_UNAVAILABLE' })
  t.match(log.lines.at(-1), { fields: { error: /HTTP status 503/ } })
  stub.respond = stub.serve
  t.equal((await logIn(rig)).statusCode, 302)
  const lines = log.lines.length
  stub.respond = cases['it fails']!
  api.clock.time += 600_000
  for (let i = 0; i < 30; i++) await api.send({ url: `${API}/login` })
  t.equal(log.lines.length, lines + 20, 'the log is not flooded')
})

t.test('a provider that does not respond', async t => {
  const { api, stub, log } = await loginRig(t, { timeout: 50 })
  stub.respond = () => undefined
  const response = await api.send({ url: `${API}/login` })
  t.match(response.json(), { status: 503, code: 'OIDC_UNAVAILABLE' })
  t.match(log.lines.at(-1), { fields: { error: /no response in time/ } })
})

t.test('a provider over TLS, with a CA of its own', async t => {
  const { certificate, key } = makeCertificate({ names: ['127.0.0.1'] })
  const server = createServer({ cert: certificate, key }, (_, response) => response.end('{}'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const get = (ca: string | undefined) =>
    providerFetch(() => ca)(url, { method: 'GET', headers: {}, body: null, redirect: 'manual' })
  t.equal(await (await get(certificate)).text(), '{}')
  await t.rejects(get(undefined), /self-signed/)
})

t.test('the secret of the client, and claims of the UserInfo endpoint', async t => {
  const clientSecretFile = join(t.testdir({ secret: `${SECRET}\n` }), 'secret')
  chmodSync(clientSecretFile, 0o600)
  const rig = await loginRig(t, { clientSecretFile, rolesClaim: 'https://x.example/roles' })
  const { stub, log } = rig
  stub.metadata = {
    userinfo_endpoint: `${stub.issuer}/userinfo`,
    token_endpoint_auth_methods_supported: ['client_secret_post']
  }
  stub.userinfo = { 'https://x.example/roles': ['admin'], preferred_username: 'mallory' }
  t.equal((await logIn(rig)).statusCode, 302)
  t.strictSame(stub.authentications, [SECRET])
  const fields = { name: 'alice', scopes: ['read', 'operate'] }
  t.match(log.lines.at(-1), { fields }, 'claims of the ID token have precedence')

  stub.userinfo = { sub: 'other', 'https://x.example/roles': ['admin'] }
  t.match((await logIn(rig)).json(), { code: 'OIDC_INVALID' }, 'of another person')

  stub.metadata = {}
  rig.api.clock.time += 600_000
  await logIn(rig)
  const encoded = Buffer.from(`interdict:${SECRET.replaceAll(' ', '+')}`).toString('base64')
  t.equal(stub.authentications.at(-1), `Basic ${encoded}`)

  writeFileSync(clientSecretFile, '')
  const response = await logIn(rig)
  t.match(response.json(), { status: 503, code: 'OIDC_UNAVAILABLE' })
  t.notMatch(response.body, 'secret of', 'the path is not shown')
  t.match(log.lines.at(-1), { fields: { error: /interdict.yaml:2:3: cannot use .*it is empty/ } })
})

t.test('without the setting there is no login', async t => {
  const rig = await apiRig(t, { routes })
  for (const [method, path] of [
    ['GET', '/login'],
    ['GET', '/login/callback?state=x'],
    ['POST', '/logout']
  ] as const) {
    const response = await rig.send({ method, url: API + path })
    t.match(response.json(), { status: 404, code: 'OIDC_OFF' }, path)
  }
  t.match((await rig.send({ url: `${API}/me` })).json(), { name: null, login: null })
  const token = rig.token('robot', ['read'])
  const me = await rig.send({ url: `${API}/me`, token })
  t.match(me.json(), { name: 'robot', scopes: ['read'], sessionEnds: null })
})

/** Login of people at a packed gateway by a real OpenID Connect provider, oidc-provider, as a browser does it. */
import { chmodSync } from 'node:fs'
import t from 'tap'
import { listenAddress, startServer } from '../cli/server-process.js'
import { banning, Site } from '../daemon/site.js'
import { startProvider } from './oidc-provider.js'
import { eventually, freePort } from './processes.js'

t.setTimeout(120_000)

/** Follows redirects and keeps cookies, for each origin. */
class Browser {
  private readonly jars = new Map<string, Map<string, string>>()

  async open(url: string, options: RequestInit = {}, hops = 15): Promise<[URL, Response]> {
    const { origin } = new URL(url)
    const jar = this.jars.get(origin) ?? new Map<string, string>()
    this.jars.set(origin, jar)
    const cookie = [...jar].map(([key, value]) => `${key}=${value}`).join('; ')
    const headers = { ...(options.headers as Record<string, string>), cookie }
    const response = await fetch(url, { ...options, headers, redirect: 'manual' })
    for (const text of response.headers.getSetCookie()) {
      const [, key, value] = /^([^=]+)=([^;]*)/.exec(text)!
      if (value === '') jar.delete(key!)
      else jar.set(key!, value!)
    }
    const location = response.headers.get('location')
    if (location === null) return [new URL(url), response]
    if (hops === 0) throw new Error(`too many redirects: ${location}`)
    await response.arrayBuffer()
    return this.open(new URL(location, url).href, {}, hops - 1)
  }

  /** Fills in forms of the provider until it sends the browser back. */
  async login(url: string, person: string, origin: string): Promise<Response> {
    let [at, response] = await this.open(url)
    for (let forms = 0; at.origin !== origin && forms < 4; forms++) {
      const page = await response.text()
      const [, action] = /<form[^>]* action="([^"]+)"/.exec(page) ?? []
      if (action === undefined) throw new Error(`no form: ${page.slice(-2000)}`)
      const prompt = /name="prompt" value="(\w+)"/.exec(page)![1]!
      const body = new URLSearchParams({ prompt, login: person, password: 'any' })
      ;[at, response] = await this.open(new URL(action, at).href, { method: 'POST', body })
    }
    return response
  }
}

t.test('people log in by oidc-provider', async t => {
  const admin = await freePort()
  const origin = `http://127.0.0.1:${admin}`
  const provider = await startProvider(t, origin)
  const { issuer } = provider

  const site = new Site(t, {
    'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [], use-resolv-conf: false }
log: { queries: { file: queries.jsonl } }
state: { folder: state }
admin:
  http: '127.0.0.1:${admin}'
  socket: admin.sock
${provider.settings({ read: ['dns-viewer'] })}`,
    'rules/networks.yaml': banning('banned.example'),
    secret: provider.secret
  })
  chmodSync(site.path('secret'), 0o600)
  const server = startServer(t, site)
  await listenAddress(server)

  const alice = new Browser()
  const page = await alice.login(`${origin}/api/v1/login`, 'alice', origin)
  t.equal(page.status, 200)
  t.match(await page.text(), /<!doctype html>/i, 'the dashboard')
  const [, me] = await alice.open(`${origin}/api/v1/me`)
  t.match(await me.json(), { name: 'user:alice', scopes: ['read'], sessionEnds: /^20/ })
  t.match(provider.challenge(), { code_challenge_method: 'S256', code_challenge: /^.{43}$/ })
  const [, status] = await alice.open(`${origin}/api/v1/status`)
  t.equal(status.status, 200)
  const [, forged] = await alice.open(`${origin}/api/v1/logout`, { method: 'POST' })
  t.match(await forged.json(), { code: 'API_CSRF' })
  const headers = { origin, 'x-interdict-request': '1' }
  const [, flush] = await alice.open(`${origin}/api/v1/rules/reload`, { method: 'POST', headers })
  t.match(await flush.json(), { status: 403, code: 'API_SCOPE' })

  const [, out] = await alice.open(`${origin}/api/v1/logout`, { method: 'POST', headers })
  const { provider: end } = (await out.json()) as { provider: string }
  t.equal((await alice.open(`${origin}/api/v1/status`))[1].status, 401)
  const [, ended] = await alice.open(end)
  t.equal(ended.status, 200, 'the provider knows the address')
  t.match(await ended.text(), /<form/)

  const bob = await new Browser().login(`${origin}/api/v1/login`, 'bob', origin)
  t.match(await bob.json(), { status: 403, code: 'OIDC_ROLE' })

  // The provider dies in the middle of a login.
  const begun = await fetch(`${origin}/api/v1/login`, { redirect: 'manual' })
  const asked = new URL(begun.headers.get('location')!).searchParams
  const cookie = begun.headers.getSetCookie()[0]!.split(';')[0]!
  provider.close()
  const query = new URLSearchParams({ code: 'x', state: asked.get('state')!, iss: issuer })
  const late = await fetch(`${origin}/api/v1/login/callback?${query.toString()}`, {
    headers: { cookie }
  })
  t.match(await late.json(), { status: 503, code: 'OIDC_UNAVAILABLE' })
  await eventually('all is logged', 10, () => {
    const wanted = ['"logged in"', '"logged out"', 'login refused', 'user:alice']
    return Promise.resolve(wanted.every(text => server.log().includes(text)))
  })
  t.notOk(server.log().includes(provider.secret))
})

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readPrefix } from '../../src/base/values/address.js'
import { HttpClient } from '../../src/wire/http/http-client.js'
import { proxyFor, type HttpProxy } from '../../src/wire/http/http-proxy.js'
import { CERTIFICATE, ListServer } from '../sources/http/rig.js'
import { makeCertificate } from '../tls/certificates.js'
import { ProxyServer } from './proxy-server.js'

const ca = readFileSync(CERTIFICATE, 'utf8')

async function get(proxy: HttpProxy | undefined, url: string): Promise<string> {
  try {
    const { outgoing, response } = new HttpClient(proxy).start(url, { ca })
    outgoing.end()
    let text = ''
    for await (const chunk of await response) text += String(chunk)
    return text
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`
  }
}

async function rig(t: Test, scheme: 'http' | 'https' = 'https') {
  const server = await ListServer.open(t, scheme)
  server.on('/list', 'content')
  return { server, url: server.url('/list'), proxy: await ProxyServer.start(t) }
}

t.test('CONNECT for https, the whole URL for http', async t => {
  for (const scheme of ['http', 'https'] as const) {
    const { server, url, proxy } = await rig(t, scheme)
    t.equal(await get(proxy.settings(), url), 'content')
    const { host } = new URL(url)
    t.strictSame(proxy.seen, [scheme === 'https' ? `CONNECT ${host}` : `GET ${url}`])
    t.equal(proxy.headers.host, host)
    t.match(server.seen, [{ path: '/list', headers: { host } }])
    t.notOk(server.seen[0]!.headers['proxy-authorization'])
  }
})

t.test('a proxy over TLS, verified by its own authority', async t => {
  const { certificate, key } = makeCertificate({ names: ['127.0.0.1'] })
  const { url } = await rig(t)
  const proxy = await ProxyServer.start(t, { cert: certificate, key })
  const caFile = join(t.testdir({ 'ca.pem': certificate }), 'ca.pem')
  t.equal(await get(proxy.settings({ caFile }), url), 'content')
  t.match(await get(proxy.settings(), url), /^PROXY_CONNECT: cannot use proxy https:.*self-signed/)
})

t.test("the server's certificate is verified through the tunnel", async t => {
  const { server, proxy } = await rig(t)
  t.match(await get(proxy.settings(), server.url('/list', 'other.example')), /ERR_TLS_CERT_ALTNAME/)
})

t.test('errors name the proxy and the reason', async t => {
  const { url, proxy } = await rig(t)
  const { host } = new URL(url)
  proxy.credentials = 'user:password'
  const rejected = `PROXY_REFUSED: proxy ${proxy.url} rejected the credentials (HTTP status 407); check proxy.credentials-file`
  t.equal(await get(proxy.settings(), url), rejected)
  t.equal(await get(proxy.settings(), url.replace('https:', 'http:')), rejected)
  proxy.credentials = undefined
  proxy.status = 403
  const refused = `PROXY_REFUSED: proxy ${proxy.url} did not connect to ${host}: HTTP status 403`
  t.equal(await get(proxy.settings(), url), refused)
  const closed = { ...proxy.settings(), url: 'http://127.0.0.1:1' }
  for (const one of [url, url.replace('https:', 'http:')]) {
    t.match(
      await get(closed, one),
      /^PROXY_CONNECT: cannot use proxy http:\/\/127\.0\.0\.1:1: connection refused/
    )
  }
  proxy.isSilent = true
  t.match(await get(proxy.settings(), url), /^PROXY_CONNECT: .*: no response within 8 s$/)
})

t.test('credentials are read for each connection', async t => {
  const { url, proxy } = await rig(t)
  const credentialsFile = join(t.testdir({ secret: 'user:old' }), 'secret')
  const through = (): Promise<string> => get(proxy.settings({ credentialsFile }), url)
  chmodSync(credentialsFile, 0o644)
  t.match(await through(), /^PROXY_FILE: .*secret: mode 644 is too open; make it 600 or 640$/)
  chmodSync(credentialsFile, 0o600)
  proxy.credentials = 'user:new'
  t.match(await through(), /^PROXY_REFUSED/)
  writeFileSync(credentialsFile, 'user:new\n')
  t.equal(await through(), 'content')
  for (const bad of ['', 'user', 'user:\x00', ':password', 'a:b\nc:d']) {
    writeFileSync(credentialsFile, bad)
    t.match(await through(), /^PROXY_FILE: .*: expected user:password on one line$/, bad)
  }
  writeFileSync(credentialsFile, 'user:new\n')
  const missing = { ...proxy.settings(), credentialsFile: '/nowhere' }
  t.match(await get(missing, url.replace('https:', 'http:')), /^PROXY_FILE: .*no such file/)
})

t.test('exceptions and this machine are reached directly', async t => {
  const { server, proxy } = await rig(t)
  t.equal(await get(proxy.settings(), server.url('/list', '127.0.0.1')), 'content')
  t.strictSame(proxy.seen, [])
  const settings = proxy.settings({
    exceptNames: ['corp.example', 'intranet'],
    exceptPrefixes: ['10.0.0.0/8', '2001:db8::/32'].map(readPrefix)
  })
  const hosts = (direct: boolean, ...all: string[]): void => {
    for (const host of all) t.equal(proxyFor(settings, host) === undefined, direct, host)
  }
  hosts(true, 'corp.example', 'WWW.Corp.Example', 'www.corp.example.', 'intranet', '10.1.2.3')
  hosts(true, '[2001:db8::1]', '2001:db8::1', 'localhost', 'a.localhost', '127.0.0.9', '[::1]')
  hosts(true, '[::ffff:10.1.2.3]')
  hosts(false, 'notcorp.example', 'example', '11.0.0.1', '[2001:db9::1]', 'corp.example.org')
  t.equal(proxyFor(undefined, 'www.example'), undefined)
})

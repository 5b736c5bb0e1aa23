import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import t, { type Test } from 'tap'
import type { InterdictError } from '../../../src/base/errors/error.js'
import { download } from '../../../src/sources/http/download.js'
import type { HttpProxy } from '../../../src/wire/http/http-proxy.js'
import { ProxyServer } from '../../http/proxy-server.js'
import { isInternal } from '../../../src/sources/http/redirect-guard.js'

/** The only address that counts as one in the Internet. */
const OUTSIDE = '127.0.0.2'
const INSIDE = '127.0.0.1'

/** A server that counts its requests. */
async function open(t: Test, address: string, answer: RequestListener) {
  const served = { requests: 0, port: 0 }
  const server = createServer((request, response) => {
    served.requests++
    answer(request, response)
  })
  server.listen(0, address)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  served.port = (server.address() as AddressInfo).port
  return served
}

/** @param names their addresses; each lookup takes the next one */
function fetching(
  url: string,
  names: Record<string, string[][]> = {},
  proxy?: HttpProxy
): Promise<string> {
  const lookup: LookupFunction = (name, { all = false }, callback) => {
    const found = names[name]
    if (found === undefined) {
      setImmediate(() => callback(new Error('no address'), []))
      return
    }
    const addresses = found.length > 1 ? found.shift()! : found[0]!
    const all4 = addresses.map(address => ({ address, family: 4 }))
    setImmediate(() => (all ? callback(null, all4) : callback(null, addresses[0]!, 4)))
  }
  const options = { lookup, proxy, ca: undefined, timeout: 10_000, maxSize: 1000 }
  return download(url, { ...options, isInternal: address => address !== OUTSIDE }).then(
    got => (got.kind === 'file' ? Buffer.from(got.octets).toString() : got.kind),
    (error: unknown) => `${(error as InterdictError).code}: ${(error as Error).message}`
  )
}

/** A server inside, and one in `address` that redirects there. */
async function rig(t: Test, address: string, target: (port: number) => string) {
  const inside = await open(t, INSIDE, (_request, response) => response.end('secret'))
  const first = await open(t, address, (_request, response) =>
    response.writeHead(302, { location: target(inside.port) }).end()
  )
  return { inside, url: (host: string) => `http://${host}:${first.port}/list.txt` }
}

const refused = /^REMOTE_REDIRECT: .*from the Internet to the internal address/

t.test('a redirect from the Internet to an internal address is refused', async t => {
  const literals = [INSIDE, '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '[::1]']
  for (const host of literals) {
    const { inside, url } = await rig(t, OUTSIDE, port => `http://${host}:${port}/`)
    t.match(await fetching(url(OUTSIDE)), refused, host)
    t.equal(inside.requests, 0, `${host}: no request`)
  }
})

t.test('a redirect from the Internet to a name with an internal address is refused', async t => {
  const { inside, url } = await rig(t, OUTSIDE, port => `http://meta.example:${port}/`)
  const outside = { 'lists.example': [[OUTSIDE]] }
  const names = { ...outside, 'meta.example': [[INSIDE]] }
  t.match(await fetching(url('lists.example'), names), refused)
  const mixed = { ...outside, 'meta.example': [[OUTSIDE, INSIDE]] }
  t.match(await fetching(url('lists.example'), mixed), refused, 'one of several')
  t.equal(inside.requests, 0)
})

t.test('a name that changes its address is connected to as it was checked', async t => {
  const { inside, url } = await rig(t, OUTSIDE, port => `http://lists.example:${port}/`)
  // First outside, for the redirect itself inside.
  const names = { 'lists.example': [[OUTSIDE], [INSIDE]] }
  t.match(await fetching(url('lists.example'), names), refused)
  t.equal(inside.requests, 0)
})

t.test('a redirect through a third server is refused as well', async t => {
  const { inside, url } = await rig(t, INSIDE, port => `http://${INSIDE}:${port}/`)
  const first = await open(t, OUTSIDE, (_request, response) =>
    response.writeHead(301, { location: url('127.0.0.1') }).end()
  )
  t.match(await fetching(`http://${OUTSIDE}:${first.port}/`), refused)
  t.equal(inside.requests, 0)
})

t.test('an internal server may redirect to an internal server', async t => {
  const { url } = await rig(t, INSIDE, port => `http://mirror.corp:${port}/`)
  t.equal(await fetching(url(INSIDE), { 'mirror.corp': [[INSIDE]] }), 'secret')
})

t.test('through a proxy, whose own address does not count', async t => {
  const proxy = await ProxyServer.start(t)
  const through = (url: string, names: Record<string, string[][]> = {}): Promise<string> =>
    fetching(url, names, proxy.settings())
  const toName = await rig(t, INSIDE, port => `http://meta.example:${port}/`)
  const outside = { 'lists.example': [[OUTSIDE]] }
  const first = toName.url('lists.example')
  t.match(await through(first, { ...outside, 'meta.example': [[INSIDE]] }), refused)
  t.match(await through(first, { 'meta.example': [[INSIDE]] }), refused, 'first not resolvable')
  t.equal(toName.inside.requests, 0)
  t.equal(await through(first, { ...outside, 'meta.example': [[OUTSIDE]] }), 'secret')
  t.equal(await through(first, outside), 'secret', 'a name that only the proxy resolves')
  const internal = { 'lists.example': [[INSIDE]], 'meta.example': [[INSIDE]] }
  t.equal(await through(first, internal), 'secret', 'from inside to inside')

  for (const host of ['10.1.2.3', '127.0.0.1', '[::1]']) {
    const toAddress = await rig(t, INSIDE, port => `http://${host}:${port}/`)
    t.match(await through(toAddress.url('lists.example'), outside), refused, host)
    t.equal(toAddress.inside.requests, 0)
  }
})

t.test('a redirect through a proxy to a host that is reached directly', async t => {
  const proxy = await ProxyServer.start(t)
  const { inside, url } = await rig(t, INSIDE, port => `http://meta.corp:${port}/`)
  const names = { 'lists.example': [[OUTSIDE]], 'meta.corp': [[INSIDE]] }
  const settings = proxy.settings({ exceptNames: ['corp'] })
  t.match(await fetching(url('lists.example'), names, settings), refused)
  t.equal(inside.requests, 0)
})

t.test('knows which addresses are internal', async t => {
  const inside = ['10.1.2.3', '169.254.169.254', '::1', 'fd00:ec2::254', 'fe80::1', '100.64.0.1']
  const embedded = ['::ffff:10.0.0.1', '64:ff9b::7f00:1', '2002:a00:1::', '0.0.0.0']
  for (const address of [...inside, ...embedded]) t.ok(isInternal(address), address)
  for (const address of ['192.0.2.1', '8.8.8.8', '2001:db8::1']) t.notOk(isInternal(address))
})

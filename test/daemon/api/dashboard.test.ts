import { request as send, type IncomingMessage } from 'node:http'
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { ASSETS } from '../../../src/admin/server/dashboard-assets.js'
import { Dashboard, type Asset } from '../../../src/admin/server/dashboard.js'
import { HttpServer, type HttpServerOptions } from '../../../src/admin/server/http-server.js'
import { CounterMetrics } from '../../../src/admin/metrics/counter-metrics.js'
import { allocateCounters } from '../../../src/resolver/context/lookup-counters.js'
import { Probes } from '../../../src/admin/metrics/probes.js'
import { MemoryLog } from '../serve.js'

const asset = (paths: readonly string[], type: string, text: string): Asset => ({
  ...{ paths, type, etag: `tag-${text.length}` },
  br: brotliCompressSync(text).toString('base64'),
  gzip: gzipSync(text).toString('base64')
})
const PAGE = '<!doctype html><title>x</title>'
const dashboard = new Dashboard(
  [asset(['/', '/log'], 'text/html', PAGE), asset(['/assets/a-1.js'], 'text/javascript', 'run()')],
  { 'x-more': '1' }
)

async function listen(t: Test, options: Partial<HttpServerOptions> = {}): Promise<number> {
  const log = new MemoryLog()
  // Not asked.
  const probes = new Probes(new CounterMetrics(allocateCounters(128)), async () => undefined)
  const server = new HttpServer({
    ...{ probes, log, tls: undefined },
    loadApi: async () => (_, response) => void response.writeHead(418).end('api'),
    loadDashboard: async () => dashboard,
    ...options
  })
  const { port } = await server.listen({ address: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  return port
}

interface Reply {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

function ask(port: number, path: string, headers = {}, method = 'GET'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers, agent: false }
    send(options, response => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => {
        const { statusCode: status, headers } = response
        resolve({ status, headers, body: Buffer.concat(parts) })
      })
    })
      .on('error', reject)
      .end()
  })
}

t.test('pages and files, compressed as the client accepts', async t => {
  const port = await listen(t)
  const plain = await ask(port, '/?x=1')
  t.equal(plain.status, 200)
  t.equal(plain.body.toString(), PAGE)
  t.notOk('content-encoding' in plain.headers)
  const br = await ask(port, '/log', { 'accept-encoding': 'gzip, deflate, br' })
  t.equal(brotliDecompressSync(br.body).toString(), PAGE)
  t.match(br.headers, { 'content-encoding': 'br', vary: 'accept-encoding', 'x-more': '1' })
  const gzip = await ask(port, '/assets/a-1.js', { 'accept-encoding': 'br;q=0, gzip;q=0.5' })
  t.equal(gunzipSync(gzip.body).toString(), 'run()')
  t.equal((await ask(port, '/', { 'accept-encoding': 'br' }, 'HEAD')).body.length, 0)
})

t.test('pages are asked for again, files are kept for ever', async t => {
  const port = await listen(t)
  const page = await ask(port, '/')
  const file = await ask(port, '/assets/a-1.js')
  t.equal(page.headers['cache-control'], 'no-cache')
  t.equal(file.headers['cache-control'], 'public, max-age=31536000, immutable')
  const again = await ask(port, '/', { 'if-none-match': `"x", ${page.headers.etag!}` })
  t.strictSame([again.status, again.body.length], [304, 0])
  const other = await ask(port, '/', {
    ...{ 'if-none-match': page.headers.etag, 'accept-encoding': 'br' }
  })
  t.equal(other.status, 200, 'another coding has another tag')
})

t.test('nothing inline, nothing from elsewhere', async t => {
  const port = await listen(t)
  const { headers } = await ask(port, '/')
  const policy = headers['content-security-policy']!
  t.match(policy, /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/)
  t.notMatch(policy, /unsafe|http:|https:|\*/)
  t.match(headers, { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
})

t.test('what is not of the dashboard is for the API', async t => {
  const port = await listen(t)
  for (const path of ['/api/v1/status', '/other', '/assets/none.js'])
    t.equal((await ask(port, path)).status, 418, path)
  t.match(await ask(port, '/', {}, 'POST'), { status: 405, headers: { allow: 'GET, HEAD' } })
  const off = await listen(t, { loadDashboard: undefined })
  t.equal((await ask(off, '/')).status, 418, 'switched off')
})

t.test('without the API there is nothing', async t => {
  const port = await listen(t, { loadApi: undefined, loadDashboard: undefined })
  t.equal((await ask(port, '/')).status, 404)
})

t.test('a dashboard that cannot be loaded is loaded again with the next request', async t => {
  let isBroken = true
  const port = await listen(t, {
    loadDashboard: () => (isBroken ? Promise.reject(new Error('no')) : Promise.resolve(dashboard))
  })
  t.equal((await ask(port, '/')).status, 500)
  isBroken = false
  t.equal((await ask(port, '/')).status, 200)
})

t.test('the files are put in place by the bundler', async t => {
  t.strictSame(ASSETS, [])
})

import t, { type Test } from 'tap'
import { newToken, writeTokens } from '../../src/admin/tokens/token-file.js'
import { freePort } from '../udp/free-port.js'
import { serving } from './serve.js'
import { eventually } from './site.js'

const line = (facts: object): string => `${JSON.stringify({ address: '127.0.0.1', ...facts })}\n`

async function started(t: Test) {
  const port = await freePort()
  const now = new Date()
  const { token, stored } = newToken('edr', ['devices'], now, new Date(now.getTime() + 1e7))
  const feeds =
    '[{ name: edr, type: json, http: true }, { name: nac, type: json, file: nac.jsonl }]'
  const { gateway, site, threads, log } = await serving(t, {
    workers: 1,
    more: `bindings: { skew: 0s, limit: 3, feeds: ${feeds} }\nadmin: { http: '127.0.0.1:${port}' }`,
    files: {
      'nac.jsonl': '',
      'rules/networks.yaml': 'networks: { lan: { prefixes: [127.0.0.0/8] } }'
    }
  })
  writeTokens(site.path('state/tokens.json'), [stored])
  const send = async (method: string, body: string | Uint8Array<ArrayBuffer>, feed = 'edr') => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/x-ndjson'
    }
    const url = `http://127.0.0.1:${port}/api/v1/bindings/${feed}`
    const response = await fetch(url, { method, headers, body })
    return { status: response.status, ...((await response.json()) as object) }
  }
  const bindings = async (): Promise<number> => (await gateway.status()).bindings!.bindings
  await eventually('the token', async () => (await send('POST', '')).status === 200)
  return { site, send, bindings, threads, log }
}

t.test(
  'takes bindings over HTTP: changes, all of them, and nothing of a request with a wrong line',
  async t => {
    const { site, send, bindings, log, threads } = await started(t)
    const two = line({ user: 'anna' }) + line({ address: '::1', mac: '02:00:5e:10:00:01' })
    t.strictSame(await send('POST', two), { status: 200, lines: 2, refused: 0, late: 0 })
    await eventually('the state', async () => (await bindings()) === 2)

    const wrong = await send('PUT', line({ user: 'ben' }) + line({ user: 1 }) + 'nonsense\n')
    t.match(wrong, { status: 422, code: 'BINDINGS_REFUSED', detail: /line 2: user .*; line 3/ })
    t.match(await send('POST', line({ address: 'x', user: 'a' })), { status: 422 })
    t.match(await send('POST', new Uint8Array([0xff])), { status: 400, code: 'API_REQUEST' })
    t.match(await send('POST', two, 'nac'), { status: 404, code: 'API_NOT_FOUND' })
    t.match(await send('POST', two, 'other'), { status: 404 })
    t.equal(await bindings(), 2)

    t.match(await send('PUT', line({ user: 'anna' })), { status: 200, lines: 1 })
    await eventually('the other ends', async () => (await bindings()) === 1)
    const many = Array.from({ length: 4 }, (_, i) => line({ address: `10.0.0.${i}`, user: 'u' }))
    t.match(await send('POST', many.join('')), { lines: 4, refused: 2 })
    t.match(await send('POST', line({ end: true })), { lines: 1 })
    await eventually('it ends', async () => (await bindings()) === 2)

    const changes = site.has('state/changes.jsonl') ? site.read('state/changes.jsonl') : ''
    t.equal(changes.match(/BINDINGS_REFUSED/g)?.length, 2, 'a refusal of each kind, once an hour')
    t.notMatch(changes, /"code":null/, 'nothing else')

    await threads.kill('bindings')
    await log.says('bindings thread died')
    await eventually('it takes bindings again', async () => {
      const { status } = await send('POST', two)
      t.ok(status === 200 || status === 503, `${status}`)
      return status === 200
    })
  }
)

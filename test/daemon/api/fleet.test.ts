import t, { type Test } from 'tap'
import { PREFIX } from '../../../src/admin/http/api-prefix.js'
import { configWith, fakeHub, gatewayView } from './hub-rig.js'
import { apiRig } from './rig.js'

async function rigWith(t: Test, hub: string | undefined) {
  const rig = await apiRig(t, { services: { config: configWith(hub) } })
  const token = rig.token('head', ['read', 'policy'])
  const get = async (path: string) => {
    const response = await rig.send({ method: 'GET', url: PREFIX + path, token })
    return { status: response.statusCode, body: response.json<Record<string, unknown>>() }
  }
  const post = async (path: string, payload?: object) => {
    const response = await rig.send({
      ...{ method: 'POST', url: PREFIX + path, token },
      ...(payload && { payload })
    })
    return { status: response.statusCode, body: response.json<Record<string, unknown>>() }
  }
  return { rig, get, post }
}

t.test('the fleet as the hub has it; changes name who made them', async t => {
  const hub = await fakeHub(t, [gatewayView(1), gatewayView(2, { state: 'behind', active: 7 })])
  const { rig, get, post } = await rigWith(t, hub.socket)
  t.match(await get('/fleet/rings'), { status: 200, body: { rings: [{ ring: 'canary' }, {}] } })
  t.match(await get('/fleet/gateways?ring=all&state=behind'), {
    body: { total: 1, gateways: [{ name: 'site-00002', contact: /^2026/, active: 7 }] }
  })
  t.match(await get('/fleet/gateways?order=problems&limit=1&offset=1&filter=SITE'), {
    body: { total: 2, offset: 1, gateways: [{ name: 'site-00001' }] }
  })
  t.match(await get('/fleet/bans/federal-tiktok/without'), { body: { without: [{ gap: /ban/ }] } })
  for (const query of ['state=x', 'limit=1001', 'offset=-1', 'order=x'])
    t.match(await get(`/fleet/gateways?${query}`), { status: 400, body: { code: 'API_REQUEST' } })
  t.equal((await post('/fleet/rings/all/promote')).status, 200)
  t.equal((await post('/fleet/rings/all/halt', { reason: 'complaints & more' })).status, 200)
  t.match(await post('/fleet/rings/x%2Fy/promote'), { status: 404, body: { code: 'HUB_RING' } })
  t.strictSame(hub.requests, [
    'GET /v1/status',
    'GET /v1/gateways?limit=100&offset=0&ring=all&state=behind&order=name',
    'GET /v1/gateways?limit=1&offset=1&filter=SITE&order=problems',
    'GET /v1/bans/federal-tiktok/without?limit=100&offset=0&order=name',
    'POST /v1/rings/all/promote?by=head',
    'POST /v1/rings/all/halt?by=head&reason=complaints+%26+more',
    'POST /v1/rings/x%2Fy/promote?by=head'
  ])
  t.match(rig.changes.newest, [
    { by: 'head', operation: 'promoteRing', code: 'HUB_RING' },
    { by: 'head', operation: 'haltRing', code: null },
    { by: 'head', operation: 'promoteRing', code: null }
  ])
})

t.test('without a hub, and one that does not answer', async t => {
  const none = await rigWith(t, undefined)
  t.match(await none.get('/fleet/gateways'), { status: 404, body: { code: 'HUB_OFF' } })
  t.match(await none.post('/fleet/rings/all/promote'), { status: 404, body: { code: 'HUB_OFF' } })
  const silent = await rigWith(t, '/none/hub.sock')
  t.match(await silent.get('/fleet/rings'), {
    status: 503,
    body: { code: 'HUB_SILENT', detail: /no hub answers on \/none\/hub.sock/ }
  })
})

import t from 'tap'
import { failure } from '../../../src/base/errors/error.js'
import { apiRig } from './rig.js'
import { answering } from './services.js'

const AT = '2026-11-12T14:02:00.250Z'
const facts = { mac: '02:00:5e:10:00:07', user: 'anna', groups: ['staff'] }
const from = Date.parse('2026-11-12T08:00:00Z')
const known = {
  status: 'known',
  device: facts,
  // An end that is not known, as the process of the command returns it.
  bindings: [{ ...facts, address: '10.20.3.4', source: 'kea', from, until: null }]
}

async function asking(t: Parameters<typeof apiRig>[0], found: unknown) {
  const asked: unknown[] = []
  const command = answering((name, request) => {
    asked.push([name, request])
    const result = { at: Date.parse(AT), found }
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(result)
  })
  const rig = await apiRig(t, { services: { command } })
  const token = rig.token('helpdesk', ['read'])
  const get = (query: string) => rig.send({ url: `/api/v1/who?${query}`, token })
  return { rig, asked, get }
}

t.test('returns the device that had an address, and records who asked', async t => {
  const { rig, asked, get } = await asking(t, known)
  const response = await get('address=::ffff:10.20.3.4&at=2026-11-12T15:02:00.250%2B01:00')
  t.strictSame(response.json(), {
    ...{ address: '10.20.3.4', at: AT, status: 'known', reason: null, device: facts },
    bindings: [{ ...facts, source: 'kea', from: '2026-11-12T08:00:00.000Z', until: null }]
  })
  const request = { address: '10.20.3.4', at: Date.parse(AT), skew: rig.config.bindings.skew }
  t.strictSame(asked, [['who', request]])
  t.match(rig.reads.newest, [{ by: 'helpdesk', operation: 'findDevice', rows: 1 }])
})

for (const reason of ['none', 'ambiguous', 'feed-down', 'no-history'] as const) {
  t.test(`says that it is unknown, and why: ${reason}`, async t => {
    const { get } = await asking(t, { status: 'unknown', reason })
    const response = await get('address=10.20.3.4')
    t.equal(response.statusCode, 200)
    t.match(response.json(), { status: 'unknown', reason, device: null, bindings: [] })
  })
}

t.test(
  'refuses what is not an address or a time, and reports a history that it cannot read',
  async t => {
    const { asked, get } = await asking(t, failure('BINDINGS_READ', '/log', 'EACCES'))
    for (const query of ['', 'address=10.20.3', 'address=10.20.3.4&at=noon', 'address=::1&skew=0'])
      t.match((await get(query)).json(), { status: 400, code: 'API_REQUEST' }, query)
    t.strictSame(asked, [])
    t.match((await get('address=10.20.3.4')).json(), { status: 500, code: 'BINDINGS_READ' })
  }
)

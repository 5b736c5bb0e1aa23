import t from 'tap'
import type { FleetGateway } from '../../src/web/api/types.js'
import { filterGateways, toneOf } from '../../src/web/fleet.js'
import { gatewayView } from '../daemon/api/hub-rig.js'

const FLEET: readonly FleetGateway[] = [
  gatewayView(3),
  gatewayView(2, { state: 'unseen', program: null, ready: null }),
  gatewayView(1),
  gatewayView(4, { state: 'behind', problems: ['PROBE_FAILING'] }),
  gatewayView(5, { state: 'silent', ready: false }),
  gatewayView(6, { ready: false }),
  gatewayView(10, { state: 'refusing' })
]
const shown = (filter: string) => filterGateways(FLEET, filter).map(({ name }) => name.slice(-2))

t.test('gateways with problems come first, then all by name', async t => {
  t.strictSame(shown(''), ['10', '05', '04', '06', '02', '01', '03'])
  t.strictSame(
    filterGateways(FLEET, '').map(one => toneOf(one)),
    ['bad', 'bad', 'warn', 'bad', 'warn', 'good', 'good']
  )
})

t.test('a filter by every word, in any field', async t => {
  t.strictSame(shown(' CANARY '), ['10'])
  t.strictSame(shown('all probe'), ['04'])
  t.strictSame(shown('site-00005 running'), [])
})

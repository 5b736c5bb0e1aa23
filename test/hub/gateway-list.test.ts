import t from 'tap'
import { selectGateways } from '../../src/fleet/hub/gateway-list.js'
import { toneOf } from '../../src/admin/web/gateway-tone.js'
import { gatewayView } from '../daemon/api/hub-rig.js'

const FLEET = [
  gatewayView(3),
  gatewayView(2, { state: 'unseen', program: null, ready: null }),
  gatewayView(1),
  gatewayView(4, { state: 'behind', problems: ['PROBE_FAILING'] }),
  gatewayView(5, { state: 'silent', ready: false }),
  gatewayView(6, { ready: false }),
  gatewayView(10, { state: 'refusing' })
]
const whole = { order: 'problems', offset: 0 } as const
const numbers = (selection: Partial<Parameters<typeof selectGateways>[1]>) =>
  selectGateways(FLEET, { ...whole, ...selection }).gateways.map(({ name }) => name.slice(-2))

t.test('gateways with problems come first, then all by name', async t => {
  t.strictSame(numbers({}), ['10', '05', '04', '06', '02', '01', '03'])
  t.strictSame(
    selectGateways(FLEET, whole).gateways.map(one => toneOf(one)),
    ['bad', 'bad', 'warn', 'bad', 'warn', 'good', 'good']
  )
  t.strictSame(numbers({ order: 'name' }), ['01', '02', '03', '04', '05', '06', '10'])
})

t.test('a filter by every word, in any field', async t => {
  t.strictSame(numbers({ filter: ' CANARY ' }), ['10'])
  t.strictSame(numbers({ filter: 'all probe' }), ['04'])
  t.strictSame(numbers({ filter: 'site-00005 running' }), [])
  t.strictSame(numbers({ filter: 'site', ring: 'all', state: 'silent' }), ['05'])
})

t.test('pages, with the number of all', async t => {
  t.strictSame(numbers({ limit: 2, offset: 1 }), ['05', '04'])
  t.strictSame(numbers({ limit: 2, offset: 6 }), ['03'])
  t.strictSame(numbers({ limit: 2, offset: 7 }), [])
  t.match(selectGateways(FLEET, { ...whole, limit: 1, offset: 2 }), { total: 7, offset: 2 })
})

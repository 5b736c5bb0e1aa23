import t from 'tap'
import type { Counters, Report } from '../../src/fleet/channel/wire.js'
import type { Forecast } from '../../src/fleet/hub/hub-state.js'
import type { Known } from '../../src/fleet/hub/inventory.js'
import { figuresOf, judge } from '../../src/fleet/hub/judge-ring.js'
import { counters, report } from '../fleet/reports.js'
import { assertTranslated } from './translated.js'

const band = {
  blocked: 0.05,
  servfail: 0.02,
  latency: 3,
  lagging: 0.05,
  unready: 0.02,
  lookups: 100
}

/** 1,000 lookups with each bundle, 10% blocked. */
const NORMAL = counters({
  lookups: 1000,
  blocked: 100,
  servfail: 10,
  responses: 1000,
  durationSum: 5000
})

const known = (change: Partial<Report>, now: Partial<Counters> = {}, name = 'gw'): Known => ({
  ...{ name, contact: 0, clockOffset: 0, by: 'nats', report: report(change) },
  previous: { serial: 9, counts: NORMAL },
  current: { serial: 10, counts: { ...NORMAL, ...now } }
})

const verdict = (
  gateways: readonly Known[],
  forecast: Forecast | null = null,
  unready: string[] = []
) => judge({ serial: 10, unready }, gateways, ({ contact }) => contact !== null, forecast, band)

const EARLIER = '2026-01-02T03:03:00.000Z'
const refused = { code: 'BUNDLE_UNSIGNED', message: 'no' }
const forecast = (newlyBlocked: number, newlyAllowed = 0): Forecast => {
  return { lookups: 1000, newlyBlocked, newlyAllowed, networks: [], clients: [], names: [] }
}

for (const [it, gateways, expected, more] of [
  ['all as before', [known({})], { kind: 'within' }],
  ['nobody reports', [{ ...known({}), contact: null }], { kind: 'waiting', why: /no gateway/ }],
  ['one lags', [known({}), known({ active: 9 })], { kind: 'waiting', why: /1 of 2 gateways/ }],
  ['few lookups', [known({}, { lookups: 99 })], { kind: 'waiting', why: '99 of 100 lookups' }],
  [
    'one refuses',
    [known({ active: 9, refused })],
    { kind: 'outside', why: /gw refuses bundle 10/ }
  ],
  [
    'one cannot fetch it',
    [known({ active: 9, refused: { ...refused, code: 'FLEET_BUNDLE' } })],
    { kind: 'waiting' }
  ],
  [
    'not ready',
    [known({ ready: false, problems: ['UPSTREAMS_DOWN'], since: EARLIER })],
    { kind: 'outside', why: /1 of 1 gateways not ready, gw: UPSTREAMS_DOWN/ }
  ],
  [
    'serving, but under other rules than ordered',
    [known({ problems: ['UPSTREAM_DOWN', 'PROBE_FAILING'], since: EARLIER })],
    { kind: 'outside', why: /gw: UPSTREAM_DOWN, PROBE_FAILING/ }
  ],
  [
    'serving, but without evidence',
    [known({ problems: ['LOG_UNWRITABLE'], since: EARLIER })],
    { kind: 'outside', why: /gw: LOG_UNWRITABLE/ }
  ],
  [
    'problems that fail no state, and one of a later version',
    [known({ problems: ['UPSTREAM_DOWN', 'OTHER'], since: EARLIER })],
    { kind: 'within' }
  ],
  ['not ready for a moment', [known({ ready: false })], { kind: 'within' }],
  ['more blocked', [known({}, { blocked: 200 })], { kind: 'outside', why: /20.0%.*10.0% ± 5.0%/ }],
  ['fewer blocked', [known({}, { blocked: 0 })], { kind: 'outside', why: /blocked 0.0%/ }],
  ['more blocked, as forecast', [known({}, { blocked: 200 })], { kind: 'within' }, forecast(100)],
  ['not as forecast', [known({})], { kind: 'outside' }, forecast(0, 90)],
  ['SERVFAIL', [known({}, { servfail: 50 })], { kind: 'outside', why: /SERVFAIL 5.0%.*3.0%/ }],
  ['slow', [known({}, { durationSum: 16_000 })], { kind: 'outside', why: /16.0 ms.*15.0 ms/ }],
  [
    'nothing to compare with',
    [{ ...known({}, { blocked: 900 }), previous: { serial: null, counts: counters() } }],
    { kind: 'within' }
  ]
] as readonly (readonly [string, readonly Known[], object, Forecast?])[]) {
  t.test(it, async t => {
    const found = verdict(gateways, more ?? null)
    t.match(found, expected)
    if ('why' in found) assertTranslated(t, found.why)
  })
}

t.test('a gateway that was not ready before does not halt a bundle', async t => {
  t.match(verdict([known({ ready: false, since: EARLIER })], null, ['gw']), { kind: 'within' })
})

t.test('figures of a ring', async t => {
  const all = [
    known({}),
    known({ ready: false, active: 9, refused }),
    { ...known({}), contact: null }
  ]
  t.match(
    figuresOf(all, 10, ({ contact }) => contact !== null),
    {
      ...{ gateways: 3, live: 2, running: 1, notReady: 1, refused: 1 },
      shares: { lookups: 1000, blocked: 0.1, servfail: 0.01, latency: 5 }
    }
  )
})

import t from 'tap'
import type { Counters, Report } from '../../src/fleet/channel/wire.js'
import type { Forecast } from '../../src/fleet/hub/hub-state.js'
import type { Known } from '../../src/fleet/hub/inventory.js'
import { figuresOf, judge, type Judged } from '../../src/fleet/hub/judge/judge-ring.js'
import { RingWatch } from '../../src/fleet/hub/judge/ring-watch.js'
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

const known = (change: Partial<Report>, name = 'gw'): Known => ({
  ...{ name, contact: 0, clockOffset: 0, by: 'nats', report: report(change) }
})

/** What the ring counted with the bundle. */
type Counts = Partial<Counters> & {
  /** False: nothing was counted before. */
  readonly before?: boolean
  /** What later rings counted meanwhile. */
  readonly control?: Partial<Counters>
}

function watchOf({ before = true, control, ...now }: Counts): RingWatch {
  const watch = new RingWatch({
    ...{ serial: 10, since: '', done: 9, members: ['gw'], later: ['all'] },
    before: new Map(),
    networksBefore: new Map()
  })
  const usual = before ? NORMAL : undefined
  const add = (gateway: string, counts: Partial<Counters>): void =>
    watch.add(
      {
        ...{ gateway, ring: '', serial: 10, isSteady: true, hasRestarted: false, networks: {} },
        counts: { ...NORMAL, ...counts }
      },
      gateway !== 'gw',
      usual
    )
  add('gw', now)
  if (control !== undefined) add('other', control)
  return watch
}

const isHeard = ({ contact }: Known): boolean => contact !== null
const contact = { isLive: isHeard, isLost: (one: Known) => !isHeard(one) }

const verdict = (
  gateways: readonly Known[],
  counts: Counts = {},
  forecast: Forecast | null = null,
  more: Partial<Judged> = {}
) =>
  judge({
    rollout: { serial: 10, unready: [], now: false },
    ...{ watch: watchOf(counts), gateways, control: [], contact, forecast, band },
    isRollback: false,
    ...more
  })

const EARLIER = '2026-01-02T03:03:00.000Z'
const refused = { code: 'BUNDLE_UNSIGNED', message: 'no' }
const forecast = (newlyBlocked: number, newlyAllowed = 0): Forecast => {
  return { lookups: 1000, newlyBlocked, newlyAllowed, networks: [], clients: [], names: [] }
}

const silent = (name: string): Known => ({ ...known({}, name), contact: null })
const members = (...names: string[]) => {
  const watch = watchOf({})
  return { watch: new RingWatch({ ...watch.start, members: names }) }
}

for (const [it, gateways, counts, expected, ahead] of [
  ['all as before', [known({})], {}, { kind: 'within' }],
  ['nobody reports', [silent('b')], {}, { kind: 'waiting', why: /no gateway/ }],
  ['one lags', [known({}), known({ active: 9 })], {}, { kind: 'waiting', why: /1 of 2 gateways/ }],
  ['few lookups', [known({})], { lookups: 99 }, { kind: 'waiting', why: '99 of 100 lookups' }],
  [
    'one refuses',
    [known({ active: 9, refused })],
    {},
    { kind: 'outside', why: /gw refuses bundle 10/ }
  ],
  [
    'one cannot fetch it',
    [known({ active: 9, refused: { ...refused, code: 'FLEET_BUNDLE' } })],
    {},
    { kind: 'waiting' }
  ],
  [
    'one has a newer bundle than a restored hub',
    [known({ active: 11, refused: { ...refused, code: 'FLEET_OLDER' } })],
    {},
    { kind: 'waiting' }
  ],
  [
    'not ready',
    [known({ ready: false, problems: ['UPSTREAMS_DOWN'], since: EARLIER })],
    {},
    { kind: 'outside', why: /1 of 1 gateways not ready, gw: UPSTREAMS_DOWN/ }
  ],
  [
    'serving, but under other rules than ordered',
    [known({ problems: ['UPSTREAM_DOWN', 'PROBE_FAILING'], since: EARLIER })],
    {},
    { kind: 'outside', why: /gw: UPSTREAM_DOWN, PROBE_FAILING/ }
  ],
  [
    'serving, but without evidence',
    [known({ problems: ['LOG_UNWRITABLE'], since: EARLIER })],
    {},
    { kind: 'outside', why: /gw: LOG_UNWRITABLE/ }
  ],
  [
    'problems that fail no state, and one of a later version',
    [known({ problems: ['UPSTREAM_DOWN', 'OTHER'], since: EARLIER })],
    {},
    { kind: 'within' }
  ],
  ['not ready for a moment', [known({ ready: false })], {}, { kind: 'within' }],
  ['more blocked', [known({})], { blocked: 200 }, { kind: 'outside', why: /20.0%.*10.0% ± 5.0%/ }],
  ['fewer blocked', [known({})], { blocked: 0 }, { kind: 'outside', why: /blocked 0.0%/ }],
  ['more blocked, as forecast', [known({})], { blocked: 200 }, { kind: 'within' }, forecast(100)],
  ['not as forecast', [known({})], {}, { kind: 'outside' }, forecast(0, 90)],
  [
    'more blocked, as in later rings',
    [known({})],
    { blocked: 200, control: { blocked: 190 } },
    { kind: 'within' }
  ],
  ['SERVFAIL', [known({})], { servfail: 50 }, { kind: 'outside', why: /SERVFAIL 5.0%.*3.0%/ }],
  [
    'SERVFAIL, as in later rings',
    [known({})],
    { servfail: 50, control: { servfail: 45 } },
    { kind: 'within' }
  ],
  ['slow', [known({})], { durationSum: 16_000 }, { kind: 'outside', why: /16.0 ms.*15.0 ms/ }],
  [
    'slow, as in later rings',
    [known({})],
    { durationSum: 16_000, control: { durationSum: 15_000 } },
    { kind: 'within' }
  ],
  [
    'nothing to compare with',
    [known({})],
    { blocked: 900, before: false },
    { kind: 'waiting', why: /nothing to compare with/ }
  ],
  [
    'only later rings to compare with',
    [known({})],
    { before: false, control: {} },
    { kind: 'within' }
  ],
  [
    'other than in later rings, which is all there is',
    [known({})],
    { blocked: 200, before: false, control: {} },
    { kind: 'outside', why: /20.0%.*10.0%/ }
  ]
] as readonly (readonly [string, readonly Known[], Counts, object, Forecast?])[]) {
  t.test(it, async t => {
    const found = verdict(gateways, counts, ahead ?? null)
    t.match(found, expected)
    if ('why' in found) assertTranslated(t, found.why)
  })
}

t.test('a person who publishes at once has decided without a comparison', async t => {
  const rollout = { serial: 10, unready: [], now: true }
  t.match(verdict([known({})], { before: false }, null, { rollout }), { kind: 'within' })
})

t.test('a rollback is not compared with the bundle that it replaces', async t => {
  t.match(verdict([known({})], { blocked: 500 }, null, { isRollback: true }), { kind: 'within' })
  const broken = [known({ ready: false, since: EARLIER })]
  t.match(verdict(broken, {}, null, { isRollback: true }), { kind: 'outside' })
})

t.test('a gateway that was not ready before does not halt a bundle', async t => {
  const rollout = { serial: 10, unready: ['gw'], now: false }
  const broken = [known({ ready: false, since: EARLIER })]
  t.match(verdict(broken, {}, null, { rollout }), { kind: 'within' })
})

t.test('a problem that later rings have as well does not halt a bundle', async t => {
  const broken = known({ ready: false, problems: ['UPSTREAMS_DOWN'], since: EARLIER })
  t.match(verdict([broken], {}, null, { control: [broken] }), { kind: 'within' })
})

t.test('gateways that fall silent hold a ring back, and halt it', async t => {
  const one = [known({}), silent('b')]
  const held = verdict(one, {}, null, members('gw', 'b'))
  t.match(held, { kind: 'waiting', why: '1 of 2 gateways run it' })
  const lenient = { ...band, lagging: 0.5 }
  const watch = new RingWatch({ ...watchOf({}).start, members: ['gw', 'b'] })
  const named = verdict(one, {}, null, { watch, band: lenient })
  t.match(named, { kind: 'waiting', why: '1 of 2 gateways silent, b first' })
  const two = [...one, silent('c')]
  const died = verdict(two, {}, null, members('gw', 'b', 'c'))
  t.match(died, { kind: 'outside', why: '2 of 3 gateways silent, b first' })
  for (const { why } of [named, died] as { why: string }[]) assertTranslated(t, why)
  t.match(verdict(two), { kind: 'within' }, 'they were silent before')
  const elsewhere = { ...members('gw', 'b', 'c'), control: [silent('d')] }
  t.match(verdict(two, {}, null, elsewhere), { kind: 'waiting' }, 'as in later rings')
})

t.test('restarts of one gateway, or of many, halt a ring', async t => {
  const watch = watchOf({})
  const restart = (gateway: string, isControl = false): void =>
    watch.add(
      {
        ...{ gateway, ring: '', serial: 10, isSteady: true, hasRestarted: true, networks: {} },
        counts: counters()
      },
      isControl,
      undefined
    )
  const gateways = Array.from({ length: 5 }, (_, i) => known({}, i === 0 ? 'gw' : `gw-${i}`))
  restart('gw')
  t.match(verdict(gateways, {}, null, { watch }), { kind: 'within' }, 'somebody updates its system')
  restart('gw-1')
  const found = verdict(gateways, {}, null, { watch })
  t.match(found, { kind: 'outside', why: '2 restarts of 5 gateways, 1 of gw' })
  assertTranslated(t, (found as { why: string }).why)
  restart('other', true)
  t.match(verdict(gateways, {}, null, { watch }), { kind: 'within' }, 'as in later rings')
})

t.test('one network that differs halts a ring, unless the forecast says so', async t => {
  const networksBefore = new Map([
    ['guests', { lookups: 1000, blocked: 20 }],
    ['small', { lookups: 50, blocked: 1 }]
  ])
  const { start } = watchOf({})
  const judged = (guests: number, ahead: Forecast | null = null) => {
    const watch = new RingWatch({ ...start, networksBefore })
    const networks = {
      guests: { lookups: 1000, blocked: guests },
      small: { lookups: 1000, blocked: 1000 }
    }
    const own = { gateway: 'gw', ring: '', serial: 10, isSteady: true, hasRestarted: false }
    watch.add({ ...own, networks, counts: NORMAL }, false, NORMAL)
    return verdict([known({})], {}, ahead, { watch })
  }
  const why = 'network guests: blocked 90.0% of lookups, expected 2.0% ± 15.0%'
  t.match(judged(900), { kind: 'outside', why })
  assertTranslated(t, why)
  t.match(judged(21), { kind: 'within' })
  const networks = [{ what: 'guests', newlyBlocked: 10, newlyAllowed: 0 }]
  t.match(judged(900, { ...forecast(0), networks }), { kind: 'within' })
})

t.test('figures of a ring', async t => {
  const all = [known({}), known({ ready: false, active: 9, refused }), silent('b')]
  const { watch } = { watch: watchOf({ blocked: 110 }) }
  t.match(figuresOf(all, 10, watch, contact), {
    ...{ gateways: 3, live: 2, running: 1, notReady: 1, refused: 1, silent: 0, restarts: 0 },
    shares: { lookups: 1000, blocked: 0.11, servfail: 0.01, latency: 5 },
    before: { lookups: 1000, blocked: 0.1 }
  })
})

import t from 'tap'
import { zoneExpiry, nextZoneRefresh } from '../../../src/sources/axfr/refresh-timers.js'
import type { ZoneRecord } from '../../../src/sources/axfr/zone-record.js'

const NOW = Date.parse('2026-11-26T12:00:00Z')
const SECOND = 1000

const record = (about: Partial<ZoneRecord>, refresh = 3600, retry = 600, expire = 86_400) => ({
  zone: 'rpz.example',
  tried: new Date(NOW).toISOString(),
  refreshed: new Date(NOW).toISOString(),
  failures: 0,
  copy: {
    ...{ serial: 1, refresh, retry, expire, minimum: 60 },
    ...{ primary: 'p1', sha256: '', entries: 1, unread: 0, taken: '' }
  },
  ...about
})

const CASES = [
  { it: 'after refresh', is: record({}), wait: 3600 },
  { it: 'after retry, once it failed', is: record({ failures: 1 }), wait: 600 },
  { it: 'after retry, however often it failed', is: record({ failures: 9 }), wait: 600 },
  { it: 'not more often than every 30 s', is: record({}, 0), wait: 30 },
  { it: 'not less often than once a day', is: record({}, 4_294_967_295), wait: 86_400 },
  { it: 'again not before 15 s', is: record({ failures: 1 }, 3600, 1), wait: 15 },
  { it: 'again within an hour', is: record({ failures: 1 }, 3600, 999_999), wait: 3600 },
  { it: 'at once without a copy', is: record({ copy: undefined }), wait: 0 },
  { it: 'at once when it was never tried', is: record({ tried: '' }), wait: 0 },
  {
    it: 'at once when the clock was set back',
    is: record({ tried: new Date(NOW + 1).toISOString() }),
    wait: 0
  },
  {
    it: 'without a copy after 10 s',
    is: record({ copy: undefined, failures: 1 }),
    wait: 10
  },
  { it: 'without a copy after 40 s', is: record({ copy: undefined, failures: 3 }), wait: 40 },
  { it: 'without a copy within an hour', is: record({ copy: undefined, failures: 99 }), wait: 3600 }
]

for (const { it, is, wait } of CASES) {
  t.test(`primaries are queried ${it}`, async t => {
    t.equal(nextZoneRefresh(is, NOW, () => 0) - NOW, wait * SECOND)
    const jittered = nextZoneRefresh(is, NOW, () => 0.5) - NOW
    t.ok(jittered <= wait * SECOND && jittered >= wait * SECOND * 0.9, 'never later')
  })
}

t.test('a copy expires if not confirmed for the expire time of its SOA', async t => {
  t.equal(zoneExpiry(record({ failures: 5 })), NOW + 86_400 * SECOND)
  t.equal(zoneExpiry(record({}, 60, 60, 5)), NOW + 3600 * SECOND, 'not within an hour')
  t.equal(zoneExpiry(record({ copy: undefined })), undefined)
})

import t from 'tap'
import { RemoteListUpdater } from '../../src/daemon/sources/remote-list-updater.js'
import type { RemoteList } from '../../src/rules/lists/remote-list.js'
import type { CopyRecord, CopyState } from '../../src/sources/http/list-copies.js'
import { FakeTime } from '../upstream/fake-time.js'
import { MemoryLog } from './serve.js'
import { Site } from './site.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = 1_000_000

t.test('a list expires after three intervals without a download, at least a day', async t => {
  const instant = (ago: number): string => new Date(NOW - ago).toISOString()
  const copy = (ago: number): CopyState => {
    return { url: 'https://lists.example/', sha256: '', entries: 1, fetched: instant(ago) }
  }
  const records: Readonly<Record<string, [refresh: number, record: Partial<CopyRecord>]>> = {
    good: [DAY, { copy: copy(9 * DAY), confirmed: instant(DAY) }],
    failing: [DAY, { copy: copy(9 * DAY), confirmed: instant(3 * DAY - 1), failures: 3 }],
    expired: [DAY, { copy: copy(9 * DAY), confirmed: instant(3 * DAY), failures: 9 }],
    hourly: [HOUR, { copy: copy(DAY - 1), failures: 9 }],
    'hourly-expired': [HOUR, { copy: copy(DAY), failures: 9 }],
    held: [DAY, { copy: copy(DAY), held: copy(HOUR), confirmed: instant(HOUR) }],
    missing: [DAY, { failures: 1 }]
  }
  const site = new Site(t, {})
  for (const [id, [, record]] of Object.entries(records)) {
    site.write(`${id}.json`, JSON.stringify({ tried: instant(0), failures: 0, ...record }))
    if (record.copy) site.write(id, 'x')
    if (record.held) site.write(`${id}.held`, 'x')
  }
  const { timers, clock } = new FakeTime()
  const updater = new RemoteListUpdater({
    startThread: () => ({ send: () => undefined, end: () => Promise.resolve() }),
    copiesFolder: site.folder,
    settings: { bootstrap: [], caFile: undefined, timeout: 1000 },
    bootstrap: { servers: [], domains: [] },
    ...{ log: new MemoryLog(), timers, clock, random: () => 0, onUpdate: () => undefined }
  })
  t.teardown(() => updater.close())
  const lists = Object.entries(records).map(([id, [refresh]]) => ({ id, refresh }) as RemoteList)
  updater.setLists({ lists, prefixesByNetwork: new Map() })
  const status = await updater.status()
  t.strictSame(
    status.map(({ list, state }) => `${list}: ${state}`),
    [
      'good: good',
      'failing: failing',
      'expired: expired',
      'hourly: failing',
      'hourly-expired: expired',
      'held: good',
      'missing: missing'
    ]
  )
  t.match(status[1], { isQuarantined: false, failures: 3, confirmed: instant(3 * DAY - 1) })
  t.match(status[5], { isQuarantined: true })
  t.match(status[6], { confirmed: null })
})

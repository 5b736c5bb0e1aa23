import t from 'tap'
import { RemoteListUpdater } from '../../src/sources/refresh/remote-list-updater.js'
import type { StartThread, ThreadHandlers } from '../../src/base/threads/thread.js'
import type { RemoteList } from '../../src/policy/rules/lists/remote-list.js'
import type { CopyRecord, CopyState } from '../../src/sources/http/list-copies.js'
import type { ListUpdate } from '../../src/sources/http/update-list.js'
import { FakeTime } from '../upstream/fake-time.js'
import { MemoryLog } from './serve.js'
import { eventually, Site } from './site.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const NOW = 1_000_000
const OTHERS = {
  settings: { bootstrap: [], caFile: undefined, timeout: 1000 },
  bootstrap: { servers: [], domains: [] },
  random: () => 0,
  onUpdate: () => undefined
}

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
    ...{ ...OTHERS, log: new MemoryLog(), timers, clock }
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

t.test('a list whose failure cannot be recorded is not downloaded over and over', async t => {
  const site = new Site(t, {})
  const time = new FakeTime()
  const { timers, clock } = time
  const started: ThreadHandlers<ListUpdate>[] = []
  const startThread: StartThread = (_file, _start, handlers) => {
    started.push(handlers as ThreadHandlers<ListUpdate>)
    return { send: () => undefined, end: () => Promise.resolve() }
  }
  const log = new MemoryLog()
  const parts = { startThread, copiesFolder: site.folder, log, timers, clock }
  const updater = new RemoteListUpdater({ ...OTHERS, ...parts })
  t.teardown(() => updater.close())
  const list = { id: 'ads', refresh: DAY } as RemoteList
  updater.setLists({ lists: [list], prefixesByNetwork: new Map() })
  const trouble = { code: 'REMOTE_STATE', message: 'cannot write' }
  for (const [round, wait] of [60_000, 120_000].entries()) {
    await eventually('a download', () => started.length === round + 1)
    started[round]!.message({ kind: 'failed', id: 'ads', trouble, isRecorded: false })
    started[round]!.exited(undefined)
    await eventually('a timer', () => time.waiting > 0)
    t.match(await updater.status(), [{ failures: round + 1 }])
    time.advance(wait - 1)
    t.equal(started.length, round + 1)
    time.advance(1)
  }
  await eventually('a third download', () => started.length === 3)
  started[2]!.message({ kind: 'failed', id: 'ads', trouble, isRecorded: true })
  t.match(await updater.status(), [{ failures: 0 }], 'the record has it')
})

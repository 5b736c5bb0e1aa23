import { lookup } from 'node:dns'
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import t from 'tap'
import type { FleetConfig } from '../../src/gateway/config/fleet-config.js'
import { LiveLookups } from '../../src/fleet/ship/live-lookups.js'
import { LogSender } from '../../src/fleet/ship/log-sender.js'
import { inMemory } from '../../src/fleet/ship/log-store.js'
import { NatsStore } from '../../src/fleet/ship/nats-store.js'
import { Pace } from '../../src/fleet/ship/pace.js'
import { NOTHING_SHIPPED, type ShipState } from '../../src/fleet/ship/ship-state.js'
import type { ServiceLog } from '../../src/base/log/service-log.js'
import { eventually } from '../daemon/site.js'
import { lines, logFolder } from '../querylog/archive/lines.js'
import { filesBelow, LoggingGateway, minuteOf, temporaryFolder } from './ship-rig.js'

const position = { file: 'interdict.yaml', line: 1, column: 1 }
const fleet: FleetConfig = {
  ...{ name: 'one', ring: 'all', nats: undefined, pull: undefined, report: 10_000, position }
}

t.test('files are sent while the gateway runs, and again after a failure', async t => {
  const gateway = new LoggingGateway(t, 'one')
  gateway.close('20261110T110000.000Z', ...minuteOf('2026-11-10', 1))
  await gateway.maintain('2026-11-10T12:00:00Z')
  const centre = join(temporaryFolder(t), 'centre')
  const told: string[] = []
  const tell = (fields: { code?: unknown }, message: string): void =>
    void told.push(`${String(fields.code)} ${message}`)
  const log = { info: tell, warn: tell, error: tell }
  let state = NOTHING_SHIPPED
  const onState = (now: ShipState): void => void (state = now)
  const logs = { to: centre, s3: undefined, rate: 2 ** 30, keepUntilConfirmed: false, live: false }
  const tools = { lookup, log, onState, interval: 1, retry: 1 }
  const sender = new LogSender(fleet, logs, gateway.layout, tools)
  const ended = sender.run()
  await eventually('the first failure', () => told.length === 1 && state.failed > 0)
  t.match(told, [/^FLEET_LOGS .*centre: no such folder; the files stay here, retrying/])
  const since = Date.parse('2026-11-10T11:00:00Z')
  t.match(state, {
    waiting: { files: 1, since },
    confirmed: 0,
    last: null,
    error: { code: 'FLEET_LOGS' }
  })
  t.ok(state.waiting.octets > 0)
  mkdirSync(centre)
  await eventually('files sent', () => told.length === 2 && state.error === null)
  t.match(state, { waiting: NOTHING_SHIPPED.waiting, confirmed: 1, last: Number })
  t.match(told[1], /log files sent/)
  t.equal(filesBelow(centre).length, 3)
  sender.close()
  await ended
})

t.test('an S3 bucket is used if the settings name one', async t => {
  const gateway = new LoggingGateway(t, 'one')
  gateway.close('20261110T110000.000Z', ...minuteOf('2026-11-10', 1))
  await gateway.maintain('2026-11-10T12:00:00Z')
  const s3 = {
    ...{ endpoint: 'http://127.0.0.1:1', region: 'r', bucket: 'logs', prefix: '' },
    ...{ credentials: join(temporaryFolder(t), 'absent'), caFile: undefined }
  }
  const told: string[] = []
  const warn = (_fields: object, message: string): void => void told.push(message)
  const log = { info: warn, warn, error: warn } as ServiceLog
  const logs = { to: 's3://logs', s3, rate: 2 ** 30, keepUntilConfirmed: false, live: false }
  const sender = new LogSender(fleet, logs, gateway.layout, { lookup, log })
  const ended = sender.run()
  await eventually('the failure', () => told.length > 0)
  t.match(told[0], /s3:\/\/logs.*absent/)
  sender.close()
  await ended
})

t.test('an upload keeps its rate, and gives way when the uplink has a queue', async t => {
  const pauses: number[] = []
  const pace = new Pace(1000, time => Promise.resolve(void pauses.push(Math.round(time))))
  for (let i = 0; i < 3; i++) await pace.after(1000, 10)
  t.strictSame(pauses, [990, 990, 990])
  await pace.after(1000, 500)
  await pace.after(1000, 500)
  t.strictSame(pauses.slice(3), [1500, 3500], 'twice as slow, and again')
  for (let i = 0; i < 40; i++) await pace.after(1000, 10)
  t.equal(pauses.at(-1), 990)
  for (let i = 0; i < 40; i++) await pace.after(1000, 500)
  t.equal(pauses.at(-1), 31_500, 'it never stops')
  await pace.after(1, 900)
  t.equal(pauses.at(-1), 31_500, 'a slow chunk waits no longer')
})

t.test('blocked lookups are sent as they are written, in batches that NATS takes', async t => {
  const path = logFolder(t, {})
  const batches: string[] = []
  const connection = { publish: (_subject: string, text: string) => void batches.push(text) }
  const told: string[] = []
  const warn = (_fields: object, message: string): void => void told.push(message)
  const log = { info: warn, warn, error: warn } as ServiceLog
  let isConnected = true
  const live = new LiveLookups(
    {
      ...{ path, log },
      connection: () => (isConnected ? (connection as unknown as NatsConnection) : undefined)
    },
    1
  )
  t.teardown(() => live.close())
  const [blocked] = minuteOf('2026-11-10', 1, 1)
  const forwarded = { ...blocked!, verdict: 'forwarded' as const }
  const long = { ...blocked!, qname: 'x'.repeat(40_000) }
  writeFileSync(path, lines(blocked!, forwarded, long, long, blocked!))
  await eventually('two batches', () => batches.length === 2)
  t.strictSame(
    batches.map(batch => batch.split('\n').length),
    [2, 2]
  )
  isConnected = false
  appendFileSync(path, lines(blocked!))
  rmSync(path)
  mkdirSync(path)
  await eventually('a log that cannot be read', () => told.length > 0)
  t.equal(batches.length, 2)
})

t.test('without a connection to NATS, files wait', async t => {
  const store = new NatsStore(() => undefined, new Pace(1))
  const read = (): AsyncIterable<Buffer> => inMemory(Buffer.alloc(0), 0)
  const file = { path: 'chains/one/a', sha256: '', size: 0, read }
  await t.rejects(store.put(file), { code: 'FLEET_LOGS', message: /not connected/ })
  await store.close()
})

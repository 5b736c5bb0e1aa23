import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FolderStore } from '../../src/fleet/ship/folder-store.js'
import type { LogStore, ShippedFile } from '../../src/fleet/ship/log-store.js'
import { CentralLog } from '../../src/lookups/central/central-log.js'
import { openDatabase } from '../../src/lookups/archive/database.js'
import { shippedPath } from '../../src/lookups/archive/shipped.js'
import { verifyFleet } from '../../src/lookups/central/verify-fleet.js'
import { overview } from '../../src/analysis/report/questions/overview.js'
import { FLEET_KEY } from '../../src/lookups/sql/report-keys.js'
import { fast, filesBelow, LoggingGateway, minuteOf, temporaryFolder } from './ship-rig.js'

const DAY = '2026-11-10'
const NOON = `${DAY}T12:00:00Z`
const NEXT = '2026-11-11T00:10:00Z'

async function count(folder: string, sql = 'SELECT count(*) AS n FROM lookups') {
  const database = await openDatabase({ memory: 2 ** 27, threads: 1 })
  try {
    await database.openFleet(new CentralLog(folder))
    return (await database.rows<{ n: number }>(sql))[0]!.n
  } finally {
    database.close()
  }
}

t.test('closed files arrive once, with tallies and chain, and are proven there', async t => {
  const centre = temporaryFolder(t)
  const [one, other] = [new LoggingGateway(t, 'one'), new LoggingGateway(t, 'other')]
  one.close('20261110T110000.000Z', ...minuteOf(DAY, 1))
  other.close('20261110T110000.000Z', ...minuteOf(DAY, 2, 5))
  for (const gateway of [one, other]) {
    t.equal((await gateway.maintain(NOON)).done, true)
    t.match(await gateway.shipTo(centre), { files: 0, confirmed: 1 })
    t.match(await gateway.shipTo(centre), { files: 0, confirmed: 0 }, 'nothing is left')
  }
  const first = filesBelow(centre)
  t.equal(first.length, 6)
  t.equal(await count(centre), 8)

  // A second file of the day, and the merged day afterwards, which has nothing new.
  one.close('20261110T120000.000Z', ...minuteOf(DAY, 9))
  await one.maintain(NEXT)
  t.match(await one.shipTo(centre), { confirmed: 1 })
  await one.maintain(NEXT)
  t.ok(filesBelow(one.layout.archiveFolder).some(file => file.includes('merged-')))
  t.match(await one.shipTo(centre), { files: 0, confirmed: 0 })
  t.equal(await count(centre), 11)

  const keys = (name: string) => [name === 'one' ? one.key : other.key]
  const verified = await verifyFleet(centre, keys)
  t.match(verified, [
    { gateway: 'one', proven: true, files: 4, gaps: [], breaks: [] },
    { gateway: 'other', proven: true, files: 2, gaps: [], breaks: [] }
  ])
  t.match(await verifyFleet(centre, () => [one.key]), [
    { gateway: 'one', proven: true },
    { gateway: 'other', proven: false, breaks: [{ kind: 'line', fault: 'signature' }] }
  ])
  t.match(await verifyFleet(centre, () => []), [{ proven: false, breaks: [{ kind: 'key' }] }])

  // A file of another gateway, an altered one, and one whose chain has a hole.
  const parquet = first.filter(file => file.endsWith('.parquet'))
  const [own, foreign] = parquet.map(file => readFileSync(join(centre, file)))
  const stranger = parquet[0]!.replace('gateway=one', 'gateway=other')
  writeFileSync(join(centre, stranger), own!)
  writeFileSync(join(centre, parquet[1]!), Buffer.concat([foreign!, Buffer.from('x')]))
  const bad = await verifyFleet(centre, keys)
  t.strictSame(bad.flatMap(({ breaks }) => breaks.map(({ kind }) => kind)).sort(), [
    'altered',
    'extra'
  ])
  rmSync(
    join(
      centre,
      first.find(file => file.startsWith('chains/one'))!
    )
  )
  t.match(await verifyFleet(centre, keys), [{ breaks: [{ kind: 'line', fault: 'order' }] }])
})

t.test(
  'reports count from tallies, before and after lookups arrive, by gateway and client',
  async t => {
    const centre = temporaryFolder(t)
    const gateways = ['one', 'other'].map(name => new LoggingGateway(t, name))
    for (const gateway of gateways) {
      gateway.close('20261110T110000.000Z', ...minuteOf(DAY, 1))
      await gateway.maintain(NOON)
    }
    await gateways[0]!.shipTo(centre)
    // Of the other, tallies alone.
    const folder = new FolderStore(centre, fast())
    const tallies: LogStore = {
      put: file => (file.path.endsWith('.parquet') ? Promise.resolve(false) : folder.put(file)),
      close: () => Promise.resolve()
    }
    t.match(await gateways[1]!.shipper(tallies).pass(), { files: 1, confirmed: 0 })
    const database = await openDatabase({ memory: 2 ** 27, threads: 1 })
    t.teardown(() => database.close())
    const log = new CentralLog(centre)
    await database.openFleet(log, 'often')
    t.strictSame(log.gateways, ['one', 'other'])
    t.strictSame([log.read, log.waiting], [[], []], 'nothing is opened before a question')
    const ask = async (by: 'gateway' | 'client' | 'hour', more = {}) => {
      const report = await overview(database, by, { timeZone: 'UTC', ...more }, 9)
      return report.tables[0]!.rows.map(([key, lookups]) => [key, lookups])
    }
    t.strictSame(await ask(FLEET_KEY), [
      ['one', 3],
      ['other', 3]
    ])
    t.strictSame(log.waiting, ['other'])
    t.match(log.read, [/one.*tally$/, /other.*tally$/])
    t.strictSame(await ask('client'), [
      ['one/10.20.3.4', 3],
      ['other/10.20.3.4', 3]
    ])
    t.strictSame(await ask(FLEET_KEY, { gateway: 'other' }), [['other', 3]])
    const half = { since: Date.parse(`${DAY}T10:01:01Z`) }
    t.strictSame(await ask(FLEET_KEY, half), [['one', 2]], 'part of a day needs lookups')
    const clients = { shown: '10.20.3.4', aliases: [{ names: ['10.20.3.4'] }], ofFleet: true }
    t.strictSame(await ask(FLEET_KEY, { clients }), [['one', 3]])
  }
)

t.test('an expired network disappears at the centre, whatever was merged meanwhile', async t => {
  const centre = temporaryFolder(t)
  const gateway = new LoggingGateway(t, 'one')
  gateway.close(
    '20261110T110000.000Z',
    ...minuteOf(DAY, 1),
    ...minuteOf(DAY, 2, 4, { network: 'guests' })
  )
  await gateway.maintain(NOON)
  await gateway.shipTo(centre)
  gateway.close('20261110T120000.000Z', ...minuteOf(DAY, 5))
  const keep = { days: 0, space: 0, networks: [{ id: 'guests', days: 1 }] }
  await gateway.maintain('2026-11-13T00:10:00Z', { keep })
  t.equal(await count(centre), 7)
  t.match(await gateway.shipTo(centre), { files: 0, confirmed: 1 })
  t.equal(await count(centre), 6)
  t.equal(filesBelow(centre).filter(file => file.includes('/1-')).length, 2)
  t.equal(filesBelow(centre).filter(file => file.includes('/0-')).length, 0, 'really removed')
  t.match(await verifyFleet(centre, () => [gateway.key]), [{ proven: true, gaps: [] }])
  // A late file of the same day is added to it.
  gateway.close('20261113T120000.000Z', ...minuteOf(DAY, 8))
  await gateway.maintain('2026-11-13T12:10:00Z', {})
  await gateway.shipTo(centre)
  t.equal(await count(centre), 9)
})

t.test('a sender that dies at any file loses and doubles nothing', async t => {
  const centre = temporaryFolder(t)
  const gateway = new LoggingGateway(t, 'one')
  for (const hour of ['10', '11'])
    gateway.close(`20261110T${hour}0000.000Z`, ...minuteOf(DAY, Number(hour)))
  await gateway.maintain(NOON)
  const folder = new FolderStore(centre, fast())
  let puts = 0
  for (let dieAt = 1; ; dieAt++) {
    puts = 0
    const dying: LogStore = {
      async put(file: ShippedFile) {
        // Before it is written, in its middle, and before that is known.
        if (++puts === dieAt && dieAt % 3 === 0) throw new Error('killed')
        const torn = {
          ...file,
          async *read(offset: number) {
            yield* file.read(offset)
            if (puts === dieAt && dieAt % 3 === 1) throw new Error('killed')
          }
        }
        const put = await folder.put(torn)
        if (puts === dieAt) throw new Error('killed')
        return put
      },
      close: () => Promise.resolve()
    }
    const died = await gateway
      .shipper(dying)
      .pass()
      .then(
        () => false,
        () => true
      )
    // Meanwhile maintenance goes on.
    if (dieAt === 4) await gateway.maintain(NEXT)
    if (!died) break
  }
  t.equal(await count(centre), 6)
  t.match(await verifyFleet(centre, () => [gateway.key]), [{ proven: true, gaps: [] }])
  t.notOk(filesBelow(centre).some(file => file.endsWith('.part')))
})

t.test('retention waits for the centre when it should', async t => {
  const centre = temporaryFolder(t)
  const gateway = new LoggingGateway(t, 'one')
  gateway.close('20261110T110000.000Z', ...minuteOf(DAY, 1))
  const options = (days: number, space = 0) => ({
    keep: { days, space, networks: [] },
    ship: { to: 'centre', keepUntilConfirmed: true }
  })
  const heldAt = async (wall: string, days: number, space?: number) => {
    const { told } = await gateway.maintain(wall, options(days, space))
    return told.filter(({ fields }) => fields.code === 'FLEET_LOGS_HELD').length
  }
  t.equal(await heldAt(NOON, 1), 0)
  t.equal(await heldAt('2026-11-14T00:10:00Z', 1), 1)
  t.equal(await heldAt('2026-11-14T00:20:00Z', 0, 1), 1)
  t.match(await gateway.shipTo(centre), { confirmed: 1 })
  t.equal(await heldAt('2026-11-14T01:10:00Z', 1), 0)
  t.notOk(filesBelow(gateway.layout.archiveFolder).some(file => file.endsWith('.parquet')))
  await gateway.shipTo(centre)
  t.equal(await count(centre), 3)

  // Without waiting, what is removed before it arrives is a gap that the chain declares.
  const other = new LoggingGateway(t, 'other')
  other.close('20261110T110000.000Z', ...minuteOf(DAY, 1))
  await other.maintain(NOON)
  await other.maintain('2026-11-14T01:10:00Z', { keep: options(1).keep })
  await other.shipTo(centre)
  t.match((await verifyFleet(centre, () => [other.key]))[1], {
    gaps: [{ removed: 'days' }],
    proven: true
  })
})

t.test('a folder that cannot be used, a file altered on the way, an unreadable state', async t => {
  const centre = temporaryFolder(t)
  const gateway = new LoggingGateway(t, 'one')
  gateway.close('20261110T110000.000Z', ...minuteOf(DAY, 1))
  await gateway.maintain(NOON)
  await t.rejects(gateway.shipTo(join(centre, 'absent')), { code: 'FLEET_LOGS' })
  writeFileSync(join(centre, `day=${DAY}`), 'a file in the way')
  await t.rejects(gateway.shipTo(centre), {
    code: 'FLEET_LOGS',
    message: /exists already|not a folder/
  })
  rmSync(join(centre, `day=${DAY}`))
  // What somebody put under the temporary name.
  const store: LogStore = new FolderStore(centre, fast())
  const spoiling: LogStore = {
    put(file) {
      const name = file.path.replace(/[^/]+$/, '.$&.part')
      mkdirSync(join(centre, name, '..'), { recursive: true })
      if (file.path.endsWith('.parquet')) appendFileSync(join(centre, name), 'rubbish')
      return store.put(file)
    },
    close: () => store.close()
  }
  await t.rejects(gateway.shipper(spoiling).pass(), { code: 'FLEET_LOGS', message: /altered/ })
  t.match(await gateway.shipTo(centre), { confirmed: 1 }, 'the next attempt starts again')
  const state = shippedPath(gateway.layout)
  writeFileSync(state, '{')
  await t.rejects(gateway.shipTo(centre), { code: 'FLEET_LOGS_STATE' })
  t.equal((await gateway.maintain(NEXT)).done, false)
  writeFileSync(state, '{}')
  await t.rejects(gateway.shipTo(centre), { code: 'FLEET_LOGS_STATE', message: /invalid/ })
  renameSync(state, `${state}.old`)
  t.match(await gateway.shipTo(centre), { confirmed: 1 })
  t.equal(await count(centre), 3, 'sent again, it is the same file')
})

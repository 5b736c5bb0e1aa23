/** An evidence pack of a fleet says of each gateway of the inventory what is not known. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { FolderStore } from '../../src/fleet/ship/folder-store.js'
import { HistorySender } from '../../src/fleet/ship/history-sender.js'
import { historyFolder } from '../../src/policy/history/history-folder.js'
import { fast, LoggingGateway, temporaryFolder, writeKeys } from '../fleet/ship-rig.js'
import { record } from '../querylog/archive/lines.js'
import { HistorySite } from './history-rig.js'
import { interdict, SETTINGS, writeSite } from './run.js'

const RULES = `networks:
  phones:
    prefixes: [10.20.0.0/16]
    bans: [{ id: be-clip, names: [clip.example], authority: Council, reference: R7 }]
`
const NETWORKS = 'rules/networks.yaml'
const day = (number: number): string => `2026-11-${String(number).padStart(2, '0')}`
const midnight = (number: number): string => `${day(number)}T00:00:00.000Z`
const [SINCE, UNTIL] = [day(10), day(13)]

/** Sends the history of a gateway whose rules were in force all the time. @returns SHA-256 of the rules */
async function sendHistory(t: Test, name: string, centre: string): Promise<string> {
  const site = new HistorySite(t, { 'interdict.yaml': SETTINGS, [NETWORKS]: RULES })
  const sha256 = await site.record(`${day(9)}T20:00:00Z`, { event: 'start' })
  const wall = () => Date.parse(`${day(13)}T01:00:00Z`)
  const sender = new HistorySender(
    historyFolder(join(site.folder, 'state')),
    name,
    'centre',
    new FolderStore(centre, fast()),
    { clock: { now: wall, wall } }
  )
  for (let pass = 0; pass < 2; pass++) t.equal(await sender.pass(), true)
  return sha256
}

/** Sends a blocked lookup of each of these days, at noon. */
async function sendLog(t: Test, name: string, centre: string, sha256: string, days: number[]) {
  const gateway = new LoggingGateway(t, name)
  for (const number of days) {
    const fields = {
      ...{ generation: 1, sha256: sha256.slice(0, 12), client: '10.20.3.4', network: 'phones' },
      ...{ qname: 'clip.example', verdict: 'blocked', ban: 'be-clip', match: 'qname' }
    } as const
    gateway.close(`202611${number + 1}T000000.000Z`, record(`${day(number)}T12:00:00Z`, fields))
    await gateway.maintain(`${day(number + 1)}T00:10:00Z`)
  }
  await gateway.shipTo(centre)
  return gateway
}

interface Page {
  readonly tiles: Record<string, number>
  readonly facts: Record<string, string | readonly string[]>
  readonly tables: Record<string, readonly Record<string, unknown>[]>
  readonly remarks: readonly string[]
}

t.test('gateways without a log in the period are listed, and not counted as enforcing', async t => {
  const centre = temporaryFolder(t)
  const histories = new Map<string, string>()
  for (const name of ['brussels', 'gent', 'spa'])
    histories.set(name, await sendHistory(t, name, centre))
  const sha256 = histories.get('brussels')!
  const logging = [
    await sendLog(t, 'brussels', centre, sha256, [10, 12]),
    await sendLog(t, 'gent', centre, sha256, [10])
  ]
  const spare = new LoggingGateway(t, 'namur')
  writeKeys(centre, [...logging, spare])
  const settings = writeSite(t, {
    'interdict.yaml': SETTINGS,
    [NETWORKS]: RULES,
    key: generateKeys().privatePem
  })
  const folder = join(settings, '..')
  const inventory = join(folder, 'inventory.json')
  const at = `${day(9)}T08:00:00.000Z`
  const gateway = (name: string, state: string, contact: string | null) => ({
    ...{ name, ring: 'all', state, contact }
  })
  const gateways = [
    gateway('brussels', 'running', midnight(13)),
    gateway('gent', 'running', midnight(13)),
    gateway('liege', 'silent', at),
    gateway('namur', 'unseen', null),
    gateway('spa', 'running', midnight(13))
  ]
  writeFileSync(inventory, JSON.stringify({ nats: {}, rings: [], gateways }))
  const pack = (name: string, ...words: string[]) =>
    interdict(
      ...['evidence', 'be-clip', '--fleet', centre, '-c', settings, '--time-zone', 'UTC'],
      ...['--since', SINCE, '--until', UNTIL, '-k', join(folder, 'key')],
      ...['-o', join(folder, name), ...words]
    )
  const textOf = (name: string, file: string): string =>
    readFileSync(join(folder, name, file), 'utf8')
  const made = await pack('pack', '--inventory', inventory)
  t.strictSame([made.code, made.err], [0, ''])
  const page = JSON.parse(textOf('pack', 'evidence.json')) as Page

  const NONE = 'nothing of its log has arrived'
  // Lookups and their tally are two files.
  t.match(page.tables.gateways, [
    { gateway: 'brussels', log: 'unaltered', files: 4, unlogged: 0, notKnown: null },
    {
      ...{ gateway: 'gent', log: 'unaltered', files: 2, unlogged: 2 },
      notKnown: 'no central log for 2026-11-11 to 2026-11-12; last report 2026-11-13 00:00'
    },
    {
      ...{ gateway: 'liege', log: 'not known', files: 0, unlogged: 3 },
      notKnown: `${NONE}; silent since 2026-11-09 08:00`
    },
    { gateway: 'namur', log: 'not known', notKnown: `${NONE}; no report since the hub started` },
    { gateway: 'spa', log: 'not known', notKnown: `${NONE}; last report 2026-11-13 00:00` }
  ])
  // Brussels was quiet on the 11th by its chain; of Gent, the history alone says what was in force from then on.
  const windows = page.tables['not-in-force']!
  const times = (from: number, cause: RegExp) => ({
    ...{ from: midnight(from), until: midnight(13), status: 'not known', cause }
  })
  const of = (gateway: string) => windows.filter(one => one.gateway === gateway)
  t.strictSame(of('brussels'), [])
  t.match(of('gent'), [times(11, /^no central log for 2026-11-11/)])
  for (const name of ['liege', 'namur', 'spa'])
    t.match(of(name), [times(10, /^nothing of its log has arrived/)], name)
  t.match(page.tiles, { lookups: 3, blockedShare: 1, minutesNotInForce: 0 })
  const minutes = (status: string) => page.tables.minutes!.find(one => one.status === status)
  t.match(minutes('in force'), { minutes: 0 })
  t.match(minutes('not known'), { minutes: 3 * 24 * 60 })
  const html = textOf('pack', 'evidence.html')
  t.match(html, '3 of 3 lookups; 3 of 5 gateways not known')
  t.match(html, 'of 3 of 5 gateways, nothing is known in the period')
  t.match(html, '2 of 5 gateways unaltered')
  t.equal(textOf('pack', 'inventory.json'), readFileSync(inventory, 'utf8'))
  t.match(textOf('pack', 'log/times.jsonl'), 'brussels')

  // Without the inventory, those with a public key are known, and the rest is declared.
  const less = await pack('less')
  t.strictSame([less.code, less.err], [0, ''])
  const other = JSON.parse(textOf('less', 'evidence.json')) as Page
  t.strictSame(
    other.tables.gateways!.map(({ gateway, reported }) => [gateway, reported]),
    ['brussels', 'gent', 'namur'].map(name => [name, null])
  )
  t.match(other.remarks.join(), /inventory of the hub was not given/)

  writeFileSync(inventory, '{"gateways": [{"name": 1}]}')
  t.match(await pack('bad', '--inventory', inventory), { code: 2, err: /is not the output of/ })
  mkdirSync(join(folder, 'log'), { recursive: true })
  t.match(
    await interdict(
      'evidence',
      'be-clip',
      '-c',
      settings,
      '--inventory',
      inventory,
      '-o',
      'x',
      '--since',
      SINCE,
      '--until',
      UNTIL,
      '-k',
      join(folder, 'key')
    ),
    { code: 2, err: /--inventory needs --fleet/ }
  )
})

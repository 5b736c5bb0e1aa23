/** The commands that read what the gateways of a fleet have recorded. */
import { readFileSync } from 'node:fs'
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

const DAY = '2026-11-10'
const at = (minute: number): string => `${DAY}T10:${String(minute).padStart(2, '0')}:00Z`
const iso = (minute: number): string => at(minute).replace('Z', '.000Z')
const BAN = '{ id: be-clip, names: [clip.example], authority: Council, reference: R7 }'
const rules = (bans: string): string => `networks:
  phones: { prefixes: [10.20.0.0/16], bans: [${bans}] }
`
const [BANNED, OPEN] = [rules(BAN), rules('')]
const NETWORKS = 'rules/networks.yaml'

/** A site whose history is sent to the centre. @param changes rules by the minute at which they came in force */
async function site(
  t: Test,
  name: string,
  centre: string,
  changes: Readonly<Record<number, string>>
) {
  const made = new HistorySite(t, { 'interdict.yaml': SETTINGS, [NETWORKS]: BANNED })
  const versions: string[] = []
  for (const [minute, text] of Object.entries(changes)) {
    made.write(NETWORKS, text)
    const first = versions.length === 0
    const generation = versions.length + 1
    versions.push(
      await made.record(at(Number(minute)), { event: first ? 'start' : 'reload', generation })
    )
  }
  const wall = () => Date.parse(at(59))
  const path = historyFolder(join(made.folder, 'state'))
  const store = new FolderStore(centre, fast())
  const sender = new HistorySender(path, name, 'centre', store, { clock: { now: wall, wall } })
  t.equal(await sender.pass(), true)
  return versions
}

t.test('history, show, diff and explain read the centre of a fleet', async t => {
  const centre = temporaryFolder(t)
  const [banned, open] = await site(t, 'brussels', centre, { 0: BANNED, 10: OPEN, 20: BANNED })
  const other = await site(t, 'liege', centre, { 5: `# Liège\n${BANNED}` })
  const run = (...words: string[]) => interdict(...words, '--fleet', centre)
  const brussels = ['--gateway', 'brussels']

  const listed = await run('rules', 'history', ...brussels, '--json')
  t.match(JSON.parse(listed.out), {
    total: 4,
    entries: [
      { event: 'gap', from: '2026-11-10T10:58:50.000Z', summary: /nothing has arrived/ },
      { sha256: banned, from: iso(20) },
      { sha256: open, from: iso(10), until: iso(20) },
      { sha256: banned, from: iso(0) }
    ]
  })
  t.match(await run('rules', 'history'), { code: 2, err: /--gateway.*brussels, liege/ })
  t.match(await run('rules', 'history', '--gateway', 'gent'), { code: 2, err: /gent.*brussels/ })
  t.match(await interdict('rules', 'history', ...brussels), { code: 2, err: /give --fleet/ })

  // Without a gateway, a version is found at whichever has it.
  const shown = await run('rules', 'show', other[0]!.slice(0, 12), 'networks.yaml')
  t.match(shown, { code: 0, out: /^# Liège/ })
  t.match(await run('rules', 'show', 'ffffffff'), { code: 1, err: /HISTORY_NONE/ })
  const diff = await run('rules', 'diff', banned!, open!)
  t.match(diff.out, /clip\.example/)
  t.match(await run('rules', 'show', `@${at(15)}`, ...brussels, '--json'), { out: RegExp(open!) })

  const explain = async (minute: number, gateway = 'brussels') => {
    const words = ['clip.example', '--from', '10.20.3.4', '--at', at(minute), '--json']
    const { out } = await run('explain', ...words, '--gateway', gateway)
    return JSON.parse(out) as object
  }
  t.match(await explain(5), { verdict: 'blocked', rules: { sha256: banned } })
  t.match(await explain(15), {
    verdict: 'forwarded',
    rules: { sha256: open },
    past: { since: iso(10) }
  })
  t.match(await explain(3, 'liege'), {
    verdict: 'unknown',
    past: { unknown: [/history begins at/] }
  })
  t.match(await explain(59), { verdict: 'unknown', past: { unknown: [/nothing has arrived/] } })
  const now = await run('explain', 'clip.example', '--from', '10.20.3.4', ...brussels)
  t.match(now, { code: 2, err: /--at/ })
})

t.test('a pack of a fleet takes rules and times from its histories, without --history', async t => {
  const centre = temporaryFolder(t)
  const [banned, open] = await site(t, 'brussels', centre, { 0: BANNED, 10: OPEN, 20: BANNED })
  const gateway = new LoggingGateway(t, 'brussels')
  const lookup = (
    minute: number,
    generation: number,
    sha256: string,
    verdict: 'blocked' | 'forwarded'
  ) =>
    record(at(minute), {
      ...{ generation, sha256: sha256.slice(0, 12), client: '10.20.3.4', network: 'phones' },
      ...{ qname: 'clip.example', verdict },
      ...(verdict === 'blocked' && { ban: 'be-clip', match: 'qname' as const })
    })
  gateway.close(
    '20261110T110000.000Z',
    lookup(1, 1, banned!, 'blocked'),
    lookup(15, 2, open!, 'forwarded'),
    lookup(30, 3, banned!, 'blocked')
  )
  await gateway.maintain(`${DAY}T12:00:00Z`)
  await gateway.shipTo(centre)
  writeKeys(centre, [gateway])
  const settings = writeSite(t, {
    'interdict.yaml': SETTINGS,
    [NETWORKS]: `# the present\n${BANNED}`,
    key: generateKeys().privatePem
  })
  const folder = join(settings, '..')
  const pack = join(folder, 'pack')
  const made = await interdict(
    ...[
      'evidence',
      'be-clip',
      '--fleet',
      centre,
      '-c',
      settings,
      '--since',
      at(1),
      '--until',
      at(30)
    ],
    ...['-k', join(folder, 'key'), '-o', pack, '--time-zone', 'UTC']
  )
  t.strictSame([made.code, made.err], [0, ''])
  const page = JSON.parse(readFileSync(join(pack, 'evidence.json'), 'utf8')) as {
    tables: Record<string, readonly Record<string, unknown>[]>
    remarks: readonly string[]
  }
  t.match(page.tables['not-in-force'], [
    { gateway: 'brussels', from: iso(10), until: iso(20), status: 'not in force' }
  ])
  t.equal(page.tables['not-in-force']!.length, 1)
  t.notMatch(page.remarks.join(), 'not at hand')
  t.match(readFileSync(join(pack, 'rules/versions.json'), 'utf8'), open!)
})

/** What was not enforced, in a pack: every figure is computed again from the raw files of log and history. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { historyFolder } from '../../src/policy/history/history-folder.js'
import { HistoryWriter } from '../../src/policy/history/history-writer.js'
import { loadSettings } from '../../src/cli/args/settings.js'
import { rulesLocation } from '../../src/gateway/compiler/rules-location.js'
import { ruleFilesAt } from '../../src/cli/args/configured-rules.js'
import { contentOf, eventOf } from '../sources/history-rig.js'
import { interdict, writeSite } from './run.js'

const NETWORKS = `networks:
  phones:
    prefixes: [10.1.0.0/16]
    bans: [{ id: be-clip, names: [clip.example], lists: [late], authority: Council, reference: R7 }]
    block: [{ id: malware, lists: [bad] }]
    exceptions:
      - { id: press, names: [=www.clip.example], prefixes: [10.1.7.0/28], purpose: reporting, approved-by: Head, from: 2026-06-01, until: 2026-06-02 }
lists:
  bad: { file: bad.txt }
  late: { url: https://lists.example/late.txt }
`
const { privatePem } = generateKeys()
const settings = writeSite(t, {
  'interdict.yaml': `rules: rules
upstreams: { use-resolv-conf: false }
state: { folder: state }
log: { queries: { file: log/queries.jsonl, which: all } }
`,
  'key.pem': privatePem,
  'rules/networks.yaml': NETWORKS,
  'rules/bad.txt': 'bad.example\n',
  'log/queries.jsonl': '',
  'state/banned-names.json': JSON.stringify({ v: 1, since: Date.parse('2026-05-01') / 1000 })
})
const site = dirname(settings)
const at = (...path: string[]): string => join(site, ...path)
const time = (clock: string): string => `2026-06-01T${clock}.000Z`
const seconds = (clock: string): number => Date.parse(time(clock)) / 1000
const MALWARE = { rule: 'malware', by: 'ann', reason: 'false alarm' }

interface Row {
  readonly kind: string
  readonly subject: string
  readonly networks: string
  readonly by: string | null
  readonly reason: string | null
  readonly from: string
  readonly until: string
  readonly minutes: number
  readonly lookups: number | null
}
interface Page {
  readonly tables: Readonly<Record<string, readonly Row[]>>
  readonly tiles: Readonly<Record<string, number>>
}

t.before(async () => {
  const { folder, copiesFolder, outside } = rulesLocation(await loadSettings({ config: settings }))
  const loaded = await loadRules(await ruleFilesAt(folder!, copiesFolder, outside))
  const sha256 = loaded.ok ? loaded.rules.sha256 : ''
  const files = { 'networks.yaml': NETWORKS }
  const history = new HistoryWriter(historyFolder(at('state')))
  const steps: [string, object][] = [
    [time('00:00:00'), { event: 'start' }],
    // It ends on its own, and begins again with another reason, which is taken back.
    [time('10:00:00'), { event: 'pause', pauses: [{ ...MALWARE, until: seconds('10:30:00') }] }],
    [
      time('12:00:00'),
      { event: 'pause', pauses: [{ ...MALWARE, reason: 'test', until: seconds('13:00:00') }] }
    ],
    [time('12:10:30'), { event: 'pause', pauses: [] }]
  ]
  for (const [when, more] of steps)
    await history.record(eventOf(when, files, { ...more, sha256 }), contentOf(files))
  const base = { v: 1, generation: 1, sha256: sha256.slice(0, 12), protocol: 'udp', qtype: 'A' }
  const line = (clock: string, more: object): string =>
    `${JSON.stringify({ ...base, time: time(clock), network: 'phones', client: '10.1.0.7', us: 1, ...more })}\n`
  const blocked = { rcode: 'NXDOMAIN', verdict: 'blocked', match: 'qname', ban: 'be-clip' }
  const paused = { paused: 'malware', rcode: 'NOERROR' }
  writeFileSync(
    at('log/queries.jsonl'),
    [
      line('09:00:00', { qname: 'clip.example', ...blocked }),
      line('10:05:00', { qname: 'bad.example', verdict: 'forwarded', ...paused }),
      line('10:06:00', { qname: 'clip.example', ...blocked, paused: 'malware' }),
      line('10:07:00', { qname: 'bad.example', verdict: 'cached', ...paused }),
      line('11:00:00', {
        ...{ qname: 'www.clip.example', verdict: 'allowed', match: 'qname', exception: 'press' },
        rcode: 'NOERROR'
      }),
      line('12:05:00', { qname: 'bad.example', verdict: 'forwarded', ...paused }),
      line('15:00:00', { qname: 'x.example', verdict: 'forwarded', ...paused, paused: 'gone' })
    ].join('')
  )
})

async function make(pack: string): Promise<Page> {
  const period = ['--since', '2026-06-01', '--until', '2026-06-02', '--time-zone', 'UTC']
  const words = ['evidence', 'be-clip', '-c', settings, '-k', at('key.pem'), '-o', at(pack)]
  const made = await interdict(...words, ...period)
  t.strictSame([made.code, made.err], [0, ''])
  return JSON.parse(readFileSync(at(pack, 'evidence.json'), 'utf8')) as Page
}

t.test('a pack lists every pause, and no headline is shown without them', async t => {
  const page = await make('one')
  const rows = page.tables['not-enforced']!
  const pauses = rows.filter(({ kind }) => kind === 'pause')
  t.strictSame(
    pauses.map(({ subject, by, reason, networks }) => [subject, by, reason, networks]),
    [
      ['malware', 'ann', 'false alarm', 'phones'],
      ['malware', 'ann', 'test', 'phones'],
      ['gone', null, null, '']
    ]
  )
  t.strictSame(
    pauses.map(({ from, until, minutes }) => [from, until, minutes]),
    [
      [time('10:00:00'), time('10:30:00'), 30],
      [time('12:00:00'), time('12:10:30'), 11],
      [time('15:00:00'), '2026-06-01T15:00:01.000Z', 1]
    ]
  )
  t.equal(page.tiles.pausedMinutes, 41)
  const html = readFileSync(at('one/evidence.html'), 'utf8')
  t.match(html, '2 of 3 lookups; 41 minutes with a block paused')
  t.match(html, '3 pauses of 2 blocks; 4 logged lookups answered meanwhile')
})

t.test('its lookups are those that the raw log has in the times of the raw history', async t => {
  const rows = (await make('two')).tables['not-enforced']!
  const log = readFileSync(at('log/queries.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as { time: string; paused?: string; verdict: string })
  for (const { kind, subject, from, until, lookups } of rows) {
    if (kind !== 'pause') continue
    const meanwhile = log.filter(one => from <= one.time && one.time < until)
    const answered = meanwhile.filter(
      one => one.paused === subject && ['forwarded', 'cached'].includes(one.verdict)
    )
    t.equal(lookups, answered.length, `${subject} from ${from}`)
  }
  const folder = join(at('state'), 'history')
  const raw = readdirSync(folder)
    .filter(name => name.endsWith('.jsonl'))
    .map(name => readFileSync(join(folder, name), 'utf8'))
    .join('')
  for (const { kind, by, reason } of rows)
    if (kind === 'pause' && by !== null) t.match(raw, `"by":"${by}","reason":"${reason}"`)
})

t.test('exceptions, and lists without a good copy, are beside them', async t => {
  const rows = (await make('three')).tables['not-enforced']!
  t.match(
    rows.find(({ kind }) => kind === 'exception'),
    { subject: 'press', by: 'Head', reason: 'reporting', networks: 'phones', lookups: 1 }
  )
  t.match(
    rows.find(({ kind }) => kind === 'list'),
    { subject: 'late', reason: /never downloaded/, minutes: 1440, lookups: null }
  )
})

t.test('monitor mode and hours are one row each, with the lookups answered in them', async t => {
  const ban = 'authority: Council, reference: R7'
  writeFileSync(
    at('rules/networks.yaml'),
    NETWORKS.replace(ban, `${ban}, schedule: { hours: "00:00-08:00" }`)
  )
  rmSync(historyFolder(at('state')), { recursive: true })
  const log = readFileSync(at('log/queries.jsonl'), 'utf8')
  const { folder, copiesFolder, outside } = rulesLocation(await loadSettings({ config: settings }))
  const loaded = await loadRules(await ruleFilesAt(folder!, copiesFolder, outside))
  const digits = loaded.ok ? loaded.rules.sha256.slice(0, 12) : ''
  writeFileSync(
    at('log/queries.jsonl'),
    log.replaceAll(/"sha256":"[^"]*"/g, `"sha256":"${digits}"`)
  )
  const page = await make('four')
  t.match(
    page.tables['not-enforced']!.find(({ kind }) => kind === 'schedule'),
    { subject: 'be-clip', networks: 'phones', reason: 'outside its hours' }
  )
  t.match(
    readFileSync(at('four/evidence.html'), 'utf8'),
    'The history of rules does not have the whole period (there is none)'
  )
  t.equal(page.tiles.pausedMinutes, 3, 'from lookups alone')
})

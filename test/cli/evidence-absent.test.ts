/** What an evidence pack says of times in which the ban was off, or of which the log does not know enough. */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { interdict, writeSite } from './run.js'

const RULES = `networks:
  phones:
    prefixes: [10.1.0.0/16]
    bans: [{ id: be-clip, names: [clip.example], authority: Council, reference: Decision 7 }]
`
const settingsOf = (which: string): string =>
  `rules: rules\nupstreams: { use-resolv-conf: false }\nlog: { queries: { which: ${which}, file: log/queries.jsonl } }\n`
const START = Date.parse('2026-06-01T10:00:00Z')
const settings = writeSite(t, {
  'interdict.yaml': settingsOf('all'),
  'rules/networks.yaml': RULES,
  'log/queries.jsonl': '',
  'state/banned-names.json': JSON.stringify({ v: 1, since: START / 1000 - 3600 }),
  'key.pem': generateKeys().privatePem
})
const at = (path: string): string => join(dirname(settings), path)
const loaded = await loadRules(at('rules'))
if (!loaded.ok) throw new Error('rules')
const [WITH, WITHOUT] = [loaded.rules.sha256.slice(0, 12), '0123456789ab']

/** A lookup every three seconds: 20 blocked, 40 forwarded under other rules, and 4 blocked again. */
const lines = Array.from({ length: 64 }, (_, i) => {
  const isOff = i >= 20 && i < 60
  const rule = { match: 'qname', ban: 'be-clip', rule: 'networks.yaml:4', pattern: 'clip.example' }
  return JSON.stringify({
    ...{ v: 1, time: new Date(START + 3000 * i).toISOString() },
    ...(isOff ? { generation: 2, sha256: WITHOUT } : { generation: i < 20 ? 1 : 3, sha256: WITH }),
    ...{ client: '10.1.0.7', network: 'phones', protocol: 'udp', qname: 'www.clip.example' },
    ...{
      qtype: 'A',
      ...(isOff ? { verdict: 'forwarded' } : { verdict: 'blocked', ...rule }),
      us: 5
    }
  })
})
writeFileSync(at('log/queries.jsonl'), `${lines.join('\n')}\n`)

interface Page {
  readonly title: string
  readonly tiles: Record<string, number | null>
  readonly tables: Record<string, readonly Record<string, unknown>[]>
  readonly remarks: readonly string[]
}

let packs = 0
async function pack(...words: string[]): Promise<{ page: Page; html: string; about: object }> {
  const folder = at(`pack${++packs}`)
  const made = await interdict(
    'evidence',
    'be-clip',
    '-c',
    settings,
    '-k',
    at('key.pem'),
    '-o',
    folder,
    ...words
  )
  t.strictSame([made.code, made.err], [0, ''])
  const text = (file: string): string => readFileSync(join(folder, file), 'utf8')
  const page = JSON.parse(text('evidence.json')) as Page
  return { page, html: text('evidence.html'), about: JSON.parse(text('pack.json')) as object }
}
const JUNE = [
  '--since',
  '2026-06-01T10:00:00Z',
  '--until',
  '2026-06-01T10:03:12Z',
  '--time-zone',
  'UTC'
]

t.test('a ban that was removed for a while: 24 of 64, when, and under which rules', async t => {
  const { page, html } = await pack(...JUNE)
  t.match(page.tiles, { lookups: 64, blockedShare: 24 / 64 })
  t.match(html, '24 of 64 lookups')
  const off = page.tables['not-in-force']!.filter(({ status }) => status === 'not in force')
  t.match(off, [
    { from: /T10:01:00/, until: /T10:02:57/, rules: WITHOUT, networks: 'phones', answered: 40 }
  ])
  t.match(
    page.tables.generations!.map(({ sha256, text }) => [sha256, text]),
    [
      [WITH, 'yes'],
      [WITHOUT, 'no']
    ]
  )
  t.match(page.remarks.join(), WITHOUT)
})

t.test('a period that is not over is preliminary, in the title', async t => {
  const year = new Date().getUTCFullYear() + 1
  const { page, html, about } = await pack(
    '--since',
    '2026-06-01T10:00:00Z',
    '--until',
    `${year}-01-01`
  )
  t.match(page.title, /preliminary, the period ends/)
  t.match(html, `<h1>${page.title}`)
  t.match(about, { ended: false })
})

t.test('since when lookups are logged whatever the verdict limits what is known', async t => {
  const file = at('state/banned-names.json')
  writeFileSync(file, JSON.stringify({ v: 1, since: START / 1000 + 60 }))
  const partly = await pack(...JUNE)
  t.match(partly.page.tiles, { lookups: 44, blockedShare: 4 / 44 })
  t.match(partly.html, '4 of 44 lookups; before 2026-06-01 10:01 not known')
  writeFileSync(file, JSON.stringify({ v: 1, since: null }))
  const unknown = await pack(...JUNE)
  t.match(unknown.page.tiles, { lookups: 64, blockedShare: null })
  t.match(unknown.html, 'not known: answered lookups were not logged')
  writeFileSync(settings, settingsOf('blocked'))
  const blocked = await pack(...JUNE)
  t.equal(blocked.page.tiles.blockedShare, null)
  t.match(blocked.page.remarks.join(), 'log.queries.which: blocked')
  t.strictSame(blocked.page.tables.outcomes, [])
  writeFileSync(settings, settingsOf('all'))
})

import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { loadSettings } from '../../src/cli/args/settings.js'
import { rulesLocation } from '../../src/gateway/compiler/rules-location.js'
import { ruleFilesAt } from '../../src/cli/args/configured-rules.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { chooseBundle } from '../../src/sources/bundle/choose-bundle.js'
import { historyFolder } from '../../src/policy/history/history-folder.js'
import { HistoryWriter } from '../../src/policy/history/history-writer.js'
import { contentOf, eventOf } from '../sources/history-rig.js'
import { interdict, writeSite } from './run.js'

const rules = (names: string, rest = '', prefix = '10.1.0.0/16'): string => `networks:
  phones:
    prefixes: [${prefix}]
    bans: [{ id: be-clip, names: [${names}], authority: Council, reference: R7 }${rest}]
`
const EXCEPTION = `    exceptions:
      - { id: press, names: [clip.example], prefixes: [10.1.7.0/28], purpose: p, approved-by: b, from: 2026-01-01, until: 2026-12-31 }
`
const OTHER = ', { id: other, names: [x.example], authority: A, reference: R }'
const { privatePem, publicKey } = generateKeys()
const settings = writeSite(t, {
  'interdict.yaml': `rules: { bundle: rules.bundle, keys: [${publicKey}] }
upstreams: { use-resolv-conf: false }
state: { folder: state }
identity: { name: gw1 }
log: { queries: { file: log/queries.jsonl } }
`,
  'key.pem': privatePem,
  'first/networks.yaml': rules('clip.example'),
  '7/networks.yaml': rules('clip.example, clip.test') + EXCEPTION,
  '8/networks.yaml': rules('clip.example, clip.test', OTHER) + EXCEPTION,
  '9/networks.yaml':
    rules('clip.example, clip.test', OTHER, '10.2.0.0/16') + EXCEPTION.replace('10.1', '10.2'),
  'log/queries.jsonl': ''
})
const at = (...path: string[]): string => join(dirname(settings), ...path)
const location = rulesLocation(await loadSettings({ config: settings }))

/** Accepts a bundle as the gateway does. */
async function accept(serial: number): Promise<void> {
  const file = at(`${serial}.bundle`)
  const words = ['bundle', at(`${serial}`), '-o', file, '-k', at('key.pem')]
  await interdict(...words, '--serial', `${serial}`)
  copyFileSync(file, at('rules.bundle'))
  const { candidates } = await chooseBundle(location.bundle!, Date.now() / 1000)
  await candidates[0]!.accept()
}
async function digest(path: string): Promise<string> {
  const loaded = await loadRules(await ruleFilesAt(at(path), location.copiesFolder, []))
  return loaded.ok ? loaded.rules.sha256.slice(0, 12) : ''
}

const LINE = {
  ...{ v: 1, protocol: 'udp', qname: 'clip.example', qtype: 'A', rcode: 'NXDOMAIN', us: 1 },
  ...{ verdict: 'blocked', match: 'qname', network: 'phones', client: '10.1.0.7', ban: 'be-clip' },
  ede: 15
}
const line = (hour: number, generation: number, sha256: string, serial?: number): string => {
  const time = `2026-06-01T${hour}:00:00.000Z`
  return `${JSON.stringify({ ...LINE, time, generation, sha256, ...(serial && { serial }) })}\n`
}
/** More names than the page shows. */
const NAMES = Array.from({ length: 51 }, (_, i) => `n${i}.clip.example`)
t.before(async () => {
  for (const serial of [7, 8, 9]) await accept(serial)
  const first = await digest('first')
  writeFileSync(
    at('log/queries.jsonl'),
    [
      ...NAMES.map(name => line(10, 1, first).replace(LINE.qname, name)),
      line(11, 2, await digest('7.bundle'), 7),
      line(12, 3, 'ffffffffffff', 77),
      line(13, 4, await digest('7.bundle'), 7),
      line(14, 1, await digest('7.bundle'), 7),
      line(15, 2, await digest('8.bundle'), 8),
      line(16, 3, await digest('9.bundle'), 9),
      line(17, 4, 'eeeeeeeeeeee', 9)
    ].join('')
  )
})

const make = (out: string, ...more: string[]) =>
  interdict(
    ...['evidence', 'be-clip', '-c', settings, '-k', at('key.pem'), '-o', at(out)],
    ...['--since', '2026-06-01', '--until', '2026-06-02', ...more]
  )
const rowsOf = (pack: string): string[] =>
  readFileSync(at(pack, 'tables/rule-changes.csv'), 'utf8').trim().split('\r\n').slice(1)

t.test('a pack shows each change of the rules, and declares those that it cannot show', async t => {
  const { code, err } = await make('one', '--history', at('first'))
  t.strictSame([code, err], [0, ''])
  const rows = rowsOf('one')
  const names = ['first', '7.bundle', '8.bundle', '9.bundle']
  const [first, seven, eight, nine] = await Promise.all(names.map(digest))
  t.match(rows[0], `T10:00:00.000Z,${first},first,,`)
  for (const expected of [
    `T11:00:00.000Z,${first} -> 7 (${seven}),blocked,1,"clip.test; for phones; was: forwarded; is: `,
    `${first} -> 7 (${seven}),lifted,1,"clip.example; for phones (10.1.7.0/28); was: nxdomain by ban`,
    `T12:00:00.000Z,7 (${seven}) -> 77 (ffffffffffff),not known,,rules are not at hand`,
    `T13:00:00.000Z,77 (ffffffffffff) -> 7 (${seven}),not known,`,
    `T15:00:00.000Z,7 (${seven}) -> 8 (${eight}),none,,1 change of other rules`,
    `T16:00:00.000Z,8 (${eight}) -> 9 (${nine}),moved,,10.1.0.0/16: phones -> no network`,
    `T17:00:00.000Z,9 (${nine}) -> 9 (eeeeeeeeeeee),lists,,only downloaded lists`
  ])
    t.ok(
      rows.some(row => row.includes(expected)),
      `${expected}: ${rows.join('\n')}`
    )
  t.match(JSON.parse(readFileSync(at('one/rule-changes/1.json'), 'utf8')), {
    old: { folder: first },
    changes: [{ change: 'blocked' }]
  })
  const page = readFileSync(at('one/evidence.html'), 'utf8')
  t.match(page, /not at hand, so their changes are not/)
  t.match(page, 'The first 50 of 52; all are in tables/names.csv.')
  t.equal(readFileSync(at('one/tables/names.csv'), 'utf8').trim().split('\r\n').length, 53)
})

t.test('without history, and with a damaged bundle, more is declared', async t => {
  writeFileSync(at('state/bundles/7.bundle'), 'damaged')
  t.equal((await make('two')).code, 0)
  t.match(rowsOf('two')[1], 'not known')
  rmSync(at('first/networks.yaml'))
  t.equal((await make('four', '--history', at('first'))).code, 1)
  t.notOk(existsSync(at('four')))
})

t.test(
  'rules of the history of the gateway are at hand, with the time at which they changed',
  async t => {
    const files = { 'networks.yaml': rules('clip.example, lost.example') }
    const history = new HistoryWriter(historyFolder(at('state')))
    const bundle = { serial: 77, created: 0, expires: 0, newest: 77 }
    const kept = eventOf('2026-06-01T12:00:00.000Z', files, {
      ...{ sha256: `${'f'.repeat(12)}00`, bundle }
    })
    await history.record(kept, contentOf(files))
    t.equal((await make('five')).code, 0)
    const texts = readFileSync(at('five/SHA256SUMS'), 'utf8')
    t.match(texts, 'rules/ffffffffffff/networks.yaml')
    t.match(readFileSync(at('five/rules/ffffffffffff/networks.yaml'), 'utf8'), 'lost.example')
  }
)

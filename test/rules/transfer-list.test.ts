import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadRules, type RulesResult } from '../../src/policy/rules/load.js'
import { writeVersion } from '../../src/wire/zonefile/zone-journal.js'
import { brief, load, poured, type Files } from './folder.js'

const SOA = 'rpz.example. 60 IN SOA ns.example. admin.example. 7 60 60 60 60\n'
const BASE = `${SOA}one.rpz.example. 60 IN CNAME .\n*.two.rpz.example. 60 IN CNAME .\n`

const rules = (entry = '{ transfer: RPZ.example }'): Files => ({
  'networks.yaml': `networks: { n: { prefixes: [10.0.0.0/8], block: [{ lists: [m] }] } }\nlists:\n  m: ${entry}\n`
})

/** The version of a journal that follows on the base. */
function journal(lines: string, base = BASE): Uint8Array {
  const sum = createHash('sha256').update(base).digest('hex')
  return writeVersion({ from: 7, to: 8, lines: Buffer.from(lines) }, sum).octets
}

/** Rules with a copy of the zone. */
async function withCopy(t: Test, copy: Files, entry?: string): Promise<RulesResult> {
  const folder = t.testdir({ rules: {}, state: { zones: {} } })
  for (const [name, text] of Object.entries(rules(entry))) {
    writeFileSync(join(folder, 'rules', name), text)
  }
  mkdirSync(join(folder, 'state/lists'))
  for (const [name, text] of Object.entries(copy)) {
    writeFileSync(join(folder, 'state/zones', name), text)
  }
  const clock = { now: () => 0, wall: () => 0 }
  return loadRules(join(folder, 'rules'), clock, join(folder, 'state/lists'))
}

function good(result: RulesResult) {
  if (!result.ok) throw result.errors[0]!
  return result
}

t.test('reads the copy of a zone, with its line numbers', async t => {
  const { rules, lists, transfers, warnings } = good(await withCopy(t, { 'm.zone': BASE }))
  t.strictSame(rules.sources.map(poured).flat(), ['exact one 2', 'below two 3'])
  t.equal(rules.sources[0]!.file, 'rpz.example')
  t.match(lists, [{ id: 'm', displayName: 'rpz.example', format: 'rpz', names: 2 }])
  t.match(transfers, [{ id: 'm', zone: 'rpz.example', primaries: undefined, hasCopy: true }])
  t.strictSame(warnings, [])
})

t.test('applies the journal without moving lines', async t => {
  const lines = '-one.rpz.example. 60 IN CNAME .\n+six.rpz.example. 60 IN CNAME *.\n'
  const copy = { 'm.zone': BASE, 'm.journal': journal(lines) }
  const { rules } = good(await withCopy(t, copy))
  t.strictSame(rules.sources.map(poured).flat(), ['below two 3', 'exact six 4'])
})

t.test('the digest of the rules depends on serial and content of the zone only', async t => {
  const version = journal('+six.rpz.example. 60 IN CNAME .\n')
  const one = good(await withCopy(t, { 'm.zone': BASE, 'm.journal': version }))
  const torn = Buffer.concat([version, Buffer.from('@ 8 9 100\n-one')])
  const other = good(await withCopy(t, { 'm.zone': BASE, 'm.journal': torn }))
  t.equal(one.rules.sha256, other.rules.sha256)
  t.not(one.rules.sha256, good(await withCopy(t, { 'm.zone': BASE })).rules.sha256)
})

t.test('without a copy, or with that of another zone: a warning, and no names', async t => {
  for (const copy of [{}, { 'm.zone': BASE.replaceAll('rpz', 'xyz') }, { 'm.zone': '<html>' }]) {
    const { warnings, transfers, rules } = good(await withCopy(t, copy))
    t.strictSame(brief(warnings), ['RULES_ZONE_ABSENT networks.yaml:3:18'])
    t.match(transfers, [{ hasCopy: false }])
    t.strictSame(rules.sources.map(poured).flat(), [])
  }
})

t.test('primaries are ids with positions', async t => {
  const entry = '{ transfer: rpz.example, primaries: [hq, backup], format: rpz }'
  const { transfers } = good(await withCopy(t, {}, entry))
  const primaries = [{ id: 'hq', position: { line: 3, column: 43 } }, { id: 'backup' }]
  t.match(transfers, [{ primaries }])
})

t.test('a copy above the size limit is an error', async t => {
  const copy = { 'm.zone': BASE + 'x'.repeat(2_000) }
  const result = await withCopy(t, copy, '{ transfer: rpz.example, max-size: 1KB }')
  t.match(result, { ok: false, errors: [{ code: 'RULES_LIST_LARGE' }] })
})

const refused = [
  { it: 'a file, too', entry: '{ transfer: rpz.example, file: x }' },
  { it: 'another format', entry: '{ transfer: rpz.example, format: hosts }' },
  { it: 'the root', entry: '{ transfer: . }' },
  { it: 'a refresh of its own', entry: '{ transfer: rpz.example, refresh: 1h }' },
  { it: 'primaries of a file', entry: '{ file: x, primaries: [hq] }' },
  { it: 'no primary at all', entry: '{ transfer: rpz.example, primaries: [] }' }
]

for (const { it, entry } of refused) {
  t.test(`rejects an entry with ${it}`, async t => {
    const result = await load(t, rules(entry))
    t.match(result, { ok: false, errors: [{ code: 'DOCUMENT_INVALID' }] })
  })
}

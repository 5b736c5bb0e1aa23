import t from 'tap'
import { app, brief, load, loadGood, type Files } from './folder.js'

const of = (vendor: string, id: string, ...lines: string[]): Files =>
  app(id, `vendor: ${vendor}`, `names: [${id}.example]`, ...lines)

const apps: Files = {
  ...of('ByteDance', 'clock'),
  ...of('ByteDance', 'cut'),
  ...of('ByteDance', 'byte-shared', 'kind: shared'),
  ...of('Meta', 'book'),
  ...app('plain')
}
const networks = (...lines: string[]): Files => ({
  'networks.yaml': ['networks:', '  n:', '    prefixes: [10.0.0.0/8]', ...lines].join('\n')
})

const sourcesOf = async (...lines: string[]): Promise<string[]> => {
  const {
    networks: [network]
  } = await loadGood(t, { ...apps, ...networks(...lines) })
  return network!.rules.map(({ id, sources }) => `${id}: ${sources.map(it => it.id).join()}`)
}

t.test('a vendor in a rule includes all its apps, shared ones too', async t => {
  t.strictSame(
    await sourcesOf(
      '    bans: [{ vendors: [bytedance], authority: a, reference: b }]',
      '    exceptions: [{ vendors: [ByteDance], prefixes: [10.1.0.0/16], purpose: a, approved-by: b, from: 2023-01-01, until: 2023-09-01 }]',
      '    allow: [{ vendors: [Meta] }]',
      '    block: [{ vendors: [Meta, ByteDance], apps: [plain, cut], names: [x.example] }]'
    ),
    [
      'n/exception/ByteDance: byte-shared,clock,cut',
      'n/bytedance: byte-shared,clock,cut',
      'n/allow/Meta: book',
      'n/block/plain+cut+Meta+ByteDance+x.example: plain,cut,book,byte-shared,clock,networks.yaml:7'
    ]
  )
})

t.test('an app added later belongs to the rule', async t => {
  const ban = networks('    bans: [{ vendors: [ByteDance], authority: a, reference: b }]')
  const before = await loadGood(t, { ...apps, ...ban })
  const after = await loadGood(t, { ...apps, ...of('ByteDance', 'lemon'), ...ban })
  const ids = (rules: typeof before): string[] =>
    rules.networks[0]!.rules.flatMap(({ sources }) => sources.map(({ id }) => id))
  t.strictSame(ids(after), [...ids(before), 'lemon'])
  t.equal(before.networks[0]!.rules[0]!.id, after.networks[0]!.rules[0]!.id)
})

t.test('a vendor whose only app file is invalid is not a second error', async t => {
  const result = await load(t, {
    ...app('x', 'vendor: X', 'nmes: [x.example]'),
    ...networks('    bans: [{ vendors: [X], authority: a, reference: b }]')
  })
  t.strictSame(result.ok ? [] : brief(result.errors), ['DOCUMENT_INVALID apps/x.yaml:4:1'])
})

t.test('warns of a ban of an app without its successor', async t => {
  const files = { ...apps, ...of('ByteDance', 'old', 'successor: clock') }
  const ban = (apps: string): Files =>
    networks(`    bans: [{ apps: [${apps}], authority: a, reference: b }]`)
  const alone = await load(t, { ...files, ...ban('old') })
  t.strictSame(alone.ok && brief(alone.warnings), ['RULES_SUCCESSOR_MISSING networks.yaml:3:5'])
  const both = await load(t, { ...files, ...ban('old, clock') })
  t.strictSame(both.ok && both.warnings, [])
})

t.test('an exception by vendor must be restricted to some clients, too', async t => {
  const result = await load(t, {
    ...apps,
    ...networks(
      '    exceptions: [{ vendors: [Meta], names: [=x.example], purpose: a, approved-by: b,',
      '      from: 2023-01-01, until: 2023-09-01 }]'
    )
  })
  t.strictSame(result.ok ? [] : brief(result.errors), ['RULES_BLANKET networks.yaml:4:18'])
})

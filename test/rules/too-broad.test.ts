import t from 'tap'
import { sharedZoneContaining, SHARED_ZONES } from '../../src/policy/rules/apps/shared-zones.js'
import { warnAboutSharedNames } from '../../src/policy/rules/lists/shared-names.js'
import { readPattern } from '../../src/policy/rules/model/pattern.js'
import { tooBroad } from '../../src/policy/rules/apps/too-broad.js'
import { brief, load, loadGood } from './folder.js'

const wide = [
  { text: 'com', found: /top-level/ },
  { text: '.', found: /top-level/ },
  { text: '=.', found: /top-level/ },
  { text: 'co.uk', found: /^co\.uk, a public suffix/ },
  { text: '*.co.uk', found: /^co\.uk, a public suffix/ },
  { text: 'github.io', found: /public suffix/ },
  { text: 'xn--55qx5d.cn', found: /public suffix/ },
  { text: '公司.cn', found: /^xn--55qx5d\.cn, a public suffix/ },
  { text: 'kawasaki.jp', found: /public suffix/ },
  { text: 'x.kawasaki.jp', found: /public suffix/ },
  { text: 'map.fastly.net', found: /public suffix/ },
  { text: 'cloudfront.net', found: /^cloudfront\.net, shared infrastructure of Amazon CloudFront/ },
  { text: '*.akamaized.net', found: /Akamai/ },
  { text: 'fastly.net', found: /Fastly/ },
  { text: 'windows.net', found: /^windows\.net, including core\.windows\.net/ }
] as const

for (const { text, found } of wide) {
  t.test(`finds ${text} too broad`, async t =>
    t.match(tooBroad(readPattern(text)!)?.covered, found)
  )
}

const narrow = [
  ...['tiktok.com', '=co.uk', '=cloudfront.net', 'd1.cloudfront.net', 'city.kawasaki.jp'],
  ...['www.ck', 'a.b.x.kawasaki.jp', 'tiktokcdn.com.akamaized.net', 'a.example', 'x.y.nosuch']
]

for (const text of narrow) {
  t.test(`does not find ${text} too broad`, async t =>
    t.equal(tooBroad(readPattern(text)!), undefined)
  )
}

t.test('finds the shared zone that contains a name', async t => {
  t.equal(sharedZoneContaining('a.b.akamaized.net')?.operator, 'Akamai')
  t.equal(sharedZoneContaining('akamaized.net')?.zone, 'akamaized.net')
  t.equal(sharedZoneContaining('xakamaized.net'), undefined)
  t.equal(sharedZoneContaining('windows.net'), undefined)
})

t.test('every shared zone is listed once, with operator and evidence', async t => {
  t.equal(new Set(SHARED_ZONES.map(({ zone }) => zone)).size, SHARED_ZONES.length)
  for (const { zone, operator, source } of SHARED_ZONES) {
    t.match(tooBroad(readPattern(zone)!)?.covered, `${zone}, shared infrastructure of ${operator}`)
    t.ok(source.length > 10, zone)
  }
})

const networks = (...lines: string[]): string =>
  ['networks:', '  n:', '    prefixes: [10.0.0.0/8]', ...lines].join('\n')

t.test('a forced name is accepted with a warning, and its reason is kept', async t => {
  const files = {
    'networks.yaml': networks(
      '    bans: [{ authority: a, reference: b, names: [co.uk, x.example], force: test range }]',
      '    block: [{ names: [zip], force: nobody works there }, { apps: [x] }]'
    ),
    'apps/x.yaml':
      'app: x\ntitle: X\nnames:\n  - { name: x.example }\n  - { name: web.app, force: so }\n',
    'apps/unused.yaml':
      'app: unused\ntitle: Unused\nnames:\n  - { name: run.app, force: no rule uses this app }\n'
  }
  const result = await load(t, files)
  if (!result.ok) throw new Error(result.errors.map(({ message }) => message).join('\n'))
  t.strictSame(brief(result.warnings), [
    'RULES_FORCED apps/x.yaml:5:5',
    'RULES_FORCED networks.yaml:4:50',
    'RULES_FORCED networks.yaml:5:23'
  ])
  t.match(result.warnings[1]?.message, 'co.uk, a public suffix; forced: test range')
  const forced = result.rules.sources.map(({ id, forced }) => [id, ...(forced ?? [])])
  t.strictSame(forced, [
    ['unused', [4, 'no rule uses this app']],
    ['x', [5, 'so']],
    ['networks.yaml:4', [4, 'test range']],
    ['networks.yaml:5', [5, 'nobody works there']]
  ])
})

t.test('an unnecessary force is a warning', async t => {
  const result = await load(t, {
    'networks.yaml': networks(
      '    bans: [{ authority: a, reference: b, names: [x.example], force: so }]',
      '    block: [{ addresses: [192.0.2.1], force: so }]'
    ),
    'apps/x.yaml': 'app: x\ntitle: X\nnames:\n  - { name: x.example, force: so }\n'
  })
  t.strictSame(result.ok && brief(result.warnings), [
    'RULES_FORCE_IDLE apps/x.yaml:4:5',
    'RULES_FORCE_IDLE networks.yaml:4:69',
    'RULES_FORCE_IDLE networks.yaml:5:46'
  ])
})

t.test('an allow may be broad', async t => {
  await loadGood(t, { 'networks.yaml': networks('    allow: [co.uk, zip, cloudfront.net]') })
})

t.test('lists with shared infrastructure are reported by check, and apply unchanged', async t => {
  const rules = await loadGood(t, {
    'networks.yaml': [
      networks('    block: [{ lists: [m] }, { lists: [h] }]'),
      'lists: { m: { file: lists/m.txt }, h: { file: lists/h.txt } }'
    ].join('\n'),
    'lists/m.txt': 'a.example\nweb.app\nx.web.app\nco.uk\ncloudfront.net\ngithub.io\n',
    'lists/h.txt': '0.0.0.0 github.io\n0.0.0.0 b.example\n'
  })
  const warnings = warnAboutSharedNames(rules.sources, file => file)
  t.strictSame(brief(warnings), ['RULES_LIST_SHARED lists/m.txt:2:1'])
  t.match(
    warnings[0]?.message,
    "list 'm' includes shared infrastructure or public suffixes: 4 names, web.app, co.uk"
  )
})

import t from 'tap'
import { brief, load, type Files } from './folder.js'

const network = (...lines: string[]): Files => ({
  'networks.yaml': ['networks:', '  n:', '    prefixes: [10.0.0.0/8]', ...lines].join('\n')
})

const refused: readonly { it: string; files: Files; errors: readonly string[] }[] = [
  {
    it: 'invalid values, all at once, each at its place',
    files: network(
      '    records:',
      '      - { name: a.example, a: 10.0.0.256, aaaa: 10.0.0.1 }',
      '      - { name: b.example, mx: [10 mail.example, mail.example] }',
      '      - { name: c.example, srv: 0 5 sip.example }',
      '      - { name: d.example, https: 1 . alpn= }',
      "      - { name: e.example, other: { TYPE44: '\\# 4 0101' } }"
    ),
    errors: [
      'RULES_RECORD networks.yaml:5:31',
      'RULES_RECORD networks.yaml:5:49',
      'RULES_RECORD networks.yaml:6:50',
      'RULES_RECORD networks.yaml:7:33',
      'RULES_RECORD networks.yaml:8:35',
      'RULES_RECORD networks.yaml:9:45'
    ]
  },
  {
    it: 'unknown keys and types, and a record without data',
    files: network(
      '    records:',
      '      - { name: a.example, spf: x }',
      '      - { name: b.example }',
      '      - { name: c.example, other: { OPT: x } }',
      '      - { name: .., a: 10.0.0.1 }',
      '    zones: [{ name: site.example, type: authoritative }]'
    ),
    errors: [
      'DOCUMENT_INVALID networks.yaml:5:28',
      'DOCUMENT_INVALID networks.yaml:6:9',
      'DOCUMENT_INVALID networks.yaml:7:37',
      'DOCUMENT_INVALID networks.yaml:8:17',
      'DOCUMENT_INVALID networks.yaml:9:41'
    ]
  },
  {
    it: 'a CNAME beside other records, DNAME, and a zone twice',
    files: network(
      '    records:',
      '      - { name: a.example, a: 10.0.0.1 }',
      '      - { name: A.example, cname: b.example }',
      '      - { name: c.example, cname: [d.example, e.example] }',
      '      - { name: f.example, other: { DNAME: g.example } }',
      '    zones: [{ name: site.example }, { name: site.example, type: redirect }]'
    ),
    errors: [
      'RULES_RECORD networks.yaml:6:35',
      'RULES_RECORD networks.yaml:7:47',
      'RULES_RECORD networks.yaml:8:44',
      'RULES_RECORD networks.yaml:9:37'
    ]
  },
  {
    it: 'lines of files, with line and column',
    files: {
      ...network(
        '    record-files:',
        '      - { file: lists/a.hosts, format: hosts }',
        '      - { file: lists/b.zone, format: zone, origin: site.example }',
        '      - { file: lists/none.zone, format: zone }',
        '      - { file: ../outside.zone, format: zone }'
      ),
      'lists/a.hosts': '10.0.0.1 one.example\nten two.example\n10.0.0.3\n10.0.0.4 a..b # why\n',
      'lists/b.zone': [
        'a 60 A 10.0.0.1',
        'b 60 A 10.0.0.300',
        'c MX mail',
        '$INCLUDE other.zone',
        'd CNAME a',
        'd TXT "x"',
        'e NOTYPE x',
        'f A (10.0.0.1'
      ].join('\n')
    },
    errors: [
      'RULES_RECORD_LINE lists/a.hosts:2:1',
      'RULES_RECORD_LINE lists/a.hosts:3:1',
      'RULES_RECORD_LINE lists/a.hosts:4:10',
      'RULES_RECORD_LINE lists/b.zone:2:8',
      'RULES_RECORD_LINE lists/b.zone:3:6',
      'RULES_RECORD_LINE lists/b.zone:4:1',
      'RULES_RECORD_LINE lists/b.zone:6:1',
      'RULES_RECORD_LINE lists/b.zone:7:3',
      'RULES_RECORD_LINE lists/b.zone:8:5',
      'RULES_UNREADABLE networks.yaml:7:17',
      'RULES_UNREADABLE networks.yaml:8:17'
    ]
  },
  {
    it: 'errors in defaults as well',
    files: {
      'networks.yaml': [
        'defaults: { records: [{ name: a.example, a: x }] }',
        'networks: { n: { prefixes: [10.0.0.0/8] } }'
      ].join('\n')
    },
    errors: ['RULES_RECORD networks.yaml:1:45']
  }
]

for (const { it, files, errors } of refused) {
  t.test(`refuses ${it}`, async t => {
    const result = await load(t, files)
    t.equal(result.ok, false)
    if (!result.ok) t.strictSame(brief(result.errors).sort(), [...errors].sort())
  })
}

t.test('warns where a ban or a block meets a record, once for each pair', async t => {
  const result = await load(t, {
    'networks.yaml': [
      'defaults: { records: [{ name: shared.clip.example, a: 10.0.0.1 }] }',
      'lists: { ads: { file: lists/ads.txt } }',
      'networks:',
      '  n:',
      '    prefixes: [10.0.0.0/9]',
      '    bans: [{ authority: a, reference: b, names: [clip.example, lifted.example] }]',
      '    exceptions:',
      '      - { names: [=lifted.example], purpose: p, approved-by: b, from: 2023-01-01, until: 2023-12-01 }',
      '    block: [{ lists: [ads] }, { names: [logged.example], mode: monitor }]',
      '    records:',
      '      - { name: own.clip.example, a: 10.0.0.2 }',
      '      - { name: lifted.example, a: 10.0.0.2 }',
      '      - { name: stat.ads.example, a: 10.0.0.3, ttl: 0s }',
      '      - { name: logged.example, a: 10.0.0.4 }',
      "      - { name: '*.wild.example', a: 10.0.0.4 }",
      '  m: { prefixes: [10.128.0.0/9], extends: n }'
    ].join('\n'),
    'lists/ads.txt': 'ads.example\nother.example\nwild.example\n'
  })
  t.ok(result.ok)
  if (!result.ok) return
  const about = result.warnings.filter(({ code }) => code.startsWith('RULES_RECORD'))
  t.strictSame(brief(about), [
    'RULES_RECORD_BANNED networks.yaml:1:55',
    'RULES_RECORD_BANNED networks.yaml:11:38',
    'RULES_RECORD_BLOCKED networks.yaml:13:38',
    'RULES_RECORD_BLOCKED networks.yaml:15:38'
  ])
})

t.test('reads a zone file as RFC 1035 §5 has it', async t => {
  const result = await load(t, {
    ...network('    record-files: [{ file: lists/a.zone, format: zone }]'),
    'lists/a.zone': [
      '$ORIGIN site.example.',
      '@ 1h IN SOA ns admin ( 1 ; serial',
      '   2h 30m 2w 5m )',
      '        NS ns',
      'ns      A 10.0.0.1',
      '        TXT "one" "two; three"',
      'sub\\.label 60 A 10.0.0.2',
      'generic TYPE65280 \\# 2 abcd'
    ].join('\n')
  })
  t.ok(result.ok)
  if (!result.ok) return
  const [rule] = result.rules.networks[0]!.rules
  t.equal(rule!.kind, 'record')
  const names = rule!.sources.flatMap(({ nodes }) => nodes!.map(({ name }) => name.length))
  t.ok(names.length >= 6)
})

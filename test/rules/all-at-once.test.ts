/** Errors of all kinds in one report: none waits until others are repaired, and none follows from another. */
import t from 'tap'
import { app, brief, load, type Files } from './folder.js'

const WRONG = `
defaults: { ttl: 5 parsecs, time-zone: Europe/Brussels }
exceptions: { purposes: [press] }
networks:
  hq:
    prefixes: [10.0.0.0/8, 10.1.2.3/16]
    bans:
      - { apps: [tiktok], authority: a, reference: b, owners: c }
      - { apps: [tiktk], authority: a, ttl: soon }
      - { id: twice, names: [co.uk], authority: a, reference: b }
      - { lists: [good], authority: a, reference: b, from: 2023-02-30 }
    exceptions:
      - { apps: [tiktok], approved-by: b, from: 2023-01-01, until: 2024-06-01,
          purpose: pres, prefixes: [10.3.0.0/16] }
    block: [a.example, "b c.example", { lists: [bad, goood] }]
  broken: 5
  branch:
    prefixes: [192.0.2.0/24]
    extends: [broken, hk]
    bans:
      - { apps: [], authority: a, reference: b }
      - { id: twice, apps: [wechat], authority: a, reference: b }
      - { names: [x.example], authority: a, reference: b, action: cname,
          target: y.x.example }
      - { apps: [tiktok], authority: a, reference: b, from: 2023-02-01,
          until: 2023-01-01 }
  lab:
    prefixes: [192.0.2.0/24]
    extends: lab
client-authorities:
  ca: { certificate: missing.pem }
clients:
  one: { network: hqq, sni: phone }
  two: { network: lab, sni: phone, tokens: x }
lists:
  good: { file: lists/good.txt }
  bad: { file: lists/good.txt, format: csv }
  gone: { file: lists/gone.txt }
  page: { file: lists/page.txt }
`

t.test('reports errors of every kind in one round', async t => {
  const result = await load(t, {
    'networks.yaml': WRONG,
    ...app('tiktok'),
    ...app('wechat', 'kind: product', 'names: [com, wechat.example]', 'pairs-with: 5'),
    ...app('x', 'names: [x.example', 'vendor: y'),
    'apps/y.yaml': 'app: z\ntitle: Y\nnames: [z.example]\ncolour: red\n',
    'lists/good.txt': 'good.example\n',
    'lists/page.txt': '<!DOCTYPE html>\n'
  })
  t.strictSame(result.ok ? [] : brief(result.errors), [
    'DOCUMENT_INVALID apps/wechat.yaml:3:7',
    'RULES_TOO_WIDE apps/wechat.yaml:4:9',
    'DOCUMENT_INVALID apps/wechat.yaml:5:13',
    'DOCUMENT_SYNTAX apps/x.yaml:3:8',
    'RULES_APP_FILE apps/y.yaml:1:6',
    'DOCUMENT_INVALID apps/y.yaml:4:1',
    'RULES_LIST_REFUSED lists/page.txt:1:1',
    'DOCUMENT_INVALID networks.yaml:2:18', // ttl
    'DOCUMENT_INVALID networks.yaml:6:28', // prefix
    'DOCUMENT_INVALID networks.yaml:8:55', // owners
    'DOCUMENT_INVALID networks.yaml:9:9', // no reference
    'RULES_UNKNOWN_APP networks.yaml:9:18',
    'DOCUMENT_INVALID networks.yaml:9:45', // ttl
    'RULES_TOO_WIDE networks.yaml:10:30',
    'RULES_DATE networks.yaml:11:60',
    'RULES_EXCEPTION_LONG networks.yaml:13:68',
    'RULES_PURPOSE networks.yaml:14:20',
    'DOCUMENT_INVALID networks.yaml:15:24', // blocked name
    'RULES_UNKNOWN_LIST networks.yaml:15:54',
    'DOCUMENT_INVALID networks.yaml:16:11', // network
    'RULES_UNKNOWN_NETWORK networks.yaml:19:23',
    'RULES_EMPTY networks.yaml:21:9',
    'RULES_ID_TWICE networks.yaml:22:15',
    'RULES_TARGET_BANNED networks.yaml:24:19',
    'RULES_DATE_ORDER networks.yaml:26:18',
    'RULES_PREFIX_TWICE networks.yaml:28:16',
    'RULES_EXTENDS_CYCLE networks.yaml:29:14',
    'RULES_AUTHORITY networks.yaml:31:22',
    'RULES_UNKNOWN_NETWORK networks.yaml:33:19',
    'RULES_CLIENT_TWICE networks.yaml:34:29',
    'DOCUMENT_INVALID networks.yaml:34:36', // tokens
    'DOCUMENT_INVALID networks.yaml:37:40', // format
    'RULES_UNREADABLE networks.yaml:38:17'
  ])
})

const head = ['networks:', '  n:', '    prefixes: [10.0.0.0/8]']
const exception = 'apps: [x], approved-by: b, from: 2023-01-01, until: 2023-07-01'

/** Each has one error, from which others would follow. */
const ALONE: readonly { it: string; lines: readonly string[]; at: string }[] = [
  {
    it: 'a misspelt key',
    lines: [...head, '    bans: [{ app: [x], authority: a, reference: b }]'],
    at: '4:14'
  },
  {
    it: 'an app without brackets',
    lines: [...head, '    bans: [{ apps: x, authority: a, reference: b }]'],
    at: '4:20'
  },
  {
    it: 'an unknown action beside its target',
    lines: [
      ...head,
      '    bans: [{ apps: [x], authority: a, reference: b, action: cnam, target: c.d }]'
    ],
    at: '4:61'
  },
  {
    it: 'a default sinkhole',
    lines: [
      ...head,
      '    bans: [{ apps: [x], authority: a, reference: b, action: sinkhole }]',
      'defaults: { sinkhole: { ipv4: 192.0.2.256 } }'
    ],
    at: '5:31'
  },
  {
    it: 'the purposes of exceptions',
    lines: [
      ...head,
      `    exceptions: [{ ${exception}, prefixes: [10.1.0.0/16], purpose: press }]`,
      'exceptions: { purposes: press }'
    ],
    at: '5:25'
  },
  {
    it: 'a prefix around that of an exception',
    lines: [
      ...head,
      '  m:',
      '    prefixes: [192.0.2.300/24]',
      `    exceptions: [{ ${exception}, prefixes: [192.0.2.0/28], purpose: press }]`
    ],
    at: '5:16'
  },
  {
    it: 'a network that others extend, and that clients are in',
    lines: [
      ...head,
      '    extends: m',
      '  m: [10.0.0.0/8]',
      'clients: { c: { network: m, sni: phone } }'
    ],
    at: '5:6'
  },
  {
    it: 'the only network',
    lines: ['networks:', '  n: 10.0.0.0/8'],
    at: '2:6'
  },
  {
    it: 'no networks, but clients',
    lines: ['networks: 5', 'clients: { c: { network: m, sni: phone } }'],
    at: '1:11'
  },
  {
    it: 'an authority of clients',
    lines: [
      ...head,
      'client-authorities: { ca: { certificat: ca.pem } }',
      'clients: { c: { network: n, certificate: { authority: ca, dns: d.example } } }'
    ],
    at: '4:29'
  },
  {
    it: 'a list',
    lines: [...head, '    block: [{ lists: [l] }]', 'lists: { l: { file: 5 } }'],
    at: '5:21'
  },
  {
    it: 'a path in place of all lists at once',
    lines: [...head, '    block: [{ lists: [l] }]', 'lists: lists/l.txt'],
    at: '5:8'
  }
]

for (const { it, lines, at } of ALONE) {
  t.test(`reports one error only: ${it}`, async t => {
    const files: Files = { ...app('x'), 'networks.yaml': `${lines.join('\n')}\n` }
    const result = await load(t, files)
    t.strictSame(result.ok ? [] : brief(result.errors), [`DOCUMENT_INVALID networks.yaml:${at}`])
  })
}

t.test('judges the rules of a file with a duplicate key and a control character', async t => {
  const result = await load(t, {
    'networks.yaml': [
      ...head,
      '    bans: [{ apps: [x], authority: "a\\a", reference: b }]',
      '    bans: [{ apps: [y], authority: a, reference: b }]',
      '  m:',
      '    bans: [{ apps: [y], authority: a, reference: b }]',
      ''
    ].join('\n')
  })
  t.strictSame(result.ok ? [] : brief(result.errors), [
    'DOCUMENT_INVALID networks.yaml:4:36',
    'DOCUMENT_DUPLICATE networks.yaml:5:5',
    'RULES_UNKNOWN_APP networks.yaml:7:21'
  ])
})

t.test('judges nothing else in a file that is no mapping', async t => {
  for (const text of ['- a\n', '5\n']) {
    const result = await load(t, { 'networks.yaml': text })
    t.strictSame(result.ok ? [] : brief(result.errors), ['DOCUMENT_INVALID networks.yaml:1:1'])
  }
})

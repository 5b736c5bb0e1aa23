import fc from 'fast-check'
import t from 'tap'
import { InterdictError } from '../../src/base/errors/error.js'
import { runs } from '../runs.js'
import { app, brief, load, type Files } from './folder.js'

const head = ['networks:', '  n:', '    prefixes: [10.0.0.0/8]']
const ban = '{ authority: a, reference: b, apps: [x] }'
const networks = (...lines: string[]): Files => ({
  'networks.yaml': [...head, ...lines].join('\n')
})
const banning = (what: string): Files =>
  networks(`    bans: [{ authority: a, reference: b, ${what} }]`)

const refuses: readonly { it: string; files: Files; errors: readonly string[] }[] = [
  { it: 'an empty folder', files: {}, errors: ['RULES_UNREADABLE networks.yaml:1:1'] },
  {
    it: 'an empty networks.yaml',
    files: { 'networks.yaml': '' },
    errors: ['DOCUMENT_INVALID networks.yaml:1:1']
  },
  {
    it: 'no networks',
    files: { 'networks.yaml': 'networks: {}\n' },
    errors: ['RULES_NO_NETWORK networks.yaml:1:1']
  },
  {
    it: 'only networks without prefixes',
    files: { 'networks.yaml': 'networks: { n: { block: [a.example] } }\n' },
    errors: ['RULES_NO_NETWORK networks.yaml:1:1']
  },
  {
    it: 'a prefix with host bits',
    files: { 'networks.yaml': 'networks: { n: { prefixes: [10.0.0.1/8] } }\n' },
    errors: ['DOCUMENT_INVALID networks.yaml:1:29']
  },
  {
    it: 'one prefix in two networks',
    files: networks('  m:', '    prefixes: [10.0.0.0/8]'),
    errors: ['RULES_PREFIX_TWICE networks.yaml:5:16']
  },
  {
    it: 'one prefix in two spellings',
    files: networks('  m:', '    prefixes: ["::ffff:10.0.0.0/104"]'),
    errors: ['RULES_PREFIX_TWICE networks.yaml:5:16']
  },
  {
    it: 'a name that is not valid Punycode',
    files: networks(
      '    block: [xn--a.example, "*.www.xn--zzzzzzzzzzzzzzzz99.example", xn--mller-kva.example]'
    ),
    errors: ['DOCUMENT_INVALID networks.yaml:4:13', 'DOCUMENT_INVALID networks.yaml:4:28']
  },
  {
    it: 'an app with a name that is not valid Punycode',
    files: { ...app('x', 'names:', '  - xn--a.example'), ...banning('apps: [x]') },
    errors: ['DOCUMENT_INVALID apps/x.yaml:4:5']
  },
  {
    it: 'an unknown app',
    files: { ...app('tiktok'), ...banning('apps: [tiktk]') },
    errors: ['RULES_UNKNOWN_APP networks.yaml:4:49']
  },
  {
    it: 'an unknown vendor',
    files: {
      ...app('x', 'vendor: ByteDance', 'names: [x.example]'),
      ...banning('vendors: [BiteDance]')
    },
    errors: ['RULES_UNKNOWN_VENDOR networks.yaml:4:52']
  },
  {
    it: 'an unknown list',
    files: networks('    block: [{ lists: [m] }]'),
    errors: ['RULES_UNKNOWN_LIST networks.yaml:4:23']
  },
  {
    it: 'a list without its file',
    files: networks('lists: { m: { file: lists/m.txt } }'),
    errors: ['RULES_UNREADABLE networks.yaml:4:21']
  },
  {
    it: 'an unknown network to extend',
    files: networks('    extends: [m]'),
    errors: ['RULES_UNKNOWN_NETWORK networks.yaml:4:15']
  },
  {
    it: 'a network that extends itself',
    files: networks('    extends: n'),
    errors: ['RULES_EXTENDS_CYCLE networks.yaml:4:14']
  },
  {
    it: 'networks that extend each other',
    files: networks('    extends: m', '  m: { extends: [n] }'),
    errors: ['RULES_EXTENDS_CYCLE networks.yaml:4:14', 'RULES_EXTENDS_CYCLE networks.yaml:5:17']
  },
  {
    it: 'a ban without names',
    files: banning('apps: []'),
    errors: ['RULES_EMPTY networks.yaml:4:12']
  },
  {
    it: 'a ban without authority and reference',
    files: { ...app('x'), ...networks('    bans: [{ apps: [x] }]') },
    errors: ['DOCUMENT_INVALID networks.yaml:4:12', 'DOCUMENT_INVALID networks.yaml:4:12']
  },
  {
    it: 'an end before the beginning',
    files: { ...app('x'), ...banning('apps: [x], from: 2023-03-10, until: 2023-03-09') },
    errors: ['RULES_DATE_ORDER networks.yaml:4:78']
  },
  {
    it: 'an end at the beginning',
    files: { ...app('x'), ...banning('apps: [x], from: 2023-03-10, until: 2023-03-10') },
    errors: ['RULES_DATE_ORDER networks.yaml:4:78']
  },
  {
    it: 'a day that is not in the calendar',
    files: { ...app('x'), ...banning('apps: [x], from: 2023-02-29') },
    errors: ['RULES_DATE networks.yaml:4:59']
  },
  {
    it: 'a date in another order',
    files: { ...app('x'), ...banning('apps: [x], review: 10/03/2023') },
    errors: ['RULES_DATE networks.yaml:4:61']
  },
  {
    it: 'an unknown time zone',
    files: networks('defaults: { time-zone: Europe/Brussel }'),
    errors: ['DOCUMENT_INVALID networks.yaml:4:24']
  },
  {
    it: 'an exception without from, until, purpose and approved-by',
    files: { ...app('x'), ...networks('    exceptions: [{ apps: [x] }]') },
    errors: Array<string>(4).fill('DOCUMENT_INVALID networks.yaml:4:18')
  },
  {
    it: 'an exception for addresses outside of its network',
    files: {
      ...app('x'),
      ...networks(
        '    exceptions: [{ apps: [x], purpose: a, approved-by: b,',
        '      from: 2023-01-01, until: 2023-07-01, prefixes: [10.1.0.0/16, 192.0.2.0/24] }]'
      )
    },
    errors: ['RULES_PREFIX_OUTSIDE networks.yaml:5:68']
  },
  {
    it: 'one id twice',
    files: {
      ...app('x'),
      ...networks(
        '    bans:',
        '    - { id: i, authority: a, reference: b, apps: [x] }',
        '    block:',
        '    - { id: i, names: [a.example] }'
      )
    },
    errors: ['RULES_ID_TWICE networks.yaml:7:13']
  },
  {
    it: 'a sinkhole without addresses',
    files: { ...app('x'), ...banning('apps: [x], action: sinkhole') },
    errors: ['RULES_REPLY networks.yaml:4:12']
  },
  {
    it: 'addresses without a sinkhole',
    files: { ...app('x'), ...banning('apps: [x], sinkhole: { ipv4: 192.0.2.1 }') },
    errors: ['RULES_REPLY networks.yaml:4:63']
  },
  {
    it: 'an IPv6 address for IPv4',
    files: { ...app('x'), ...banning('apps: [x], action: sinkhole, sinkhole: { ipv4: "::1" }') },
    errors: ['DOCUMENT_INVALID networks.yaml:4:89']
  },
  {
    it: 'CNAME without a target',
    files: { ...app('x'), ...banning('apps: [x], action: cname') },
    errors: ['RULES_REPLY networks.yaml:4:12']
  },
  {
    it: 'a target without a CNAME',
    files: { ...app('x'), ...banning('apps: [x], target: garden.example') },
    errors: ['RULES_REPLY networks.yaml:4:61']
  },
  {
    it: 'a sub-error with "Censored"',
    files: banning('names: [x.example], ede: censored, explain: { sub-error: malware }'),
    errors: ['RULES_REPLY networks.yaml:4:99']
  },
  {
    it: 'a sub-error for policies with "Filtered"',
    files: banning(
      'names: [x.example], ede: filtered, explain: { sub-error: dns-operator-policy }'
    ),
    errors: ['RULES_REPLY networks.yaml:4:99']
  },
  {
    it: 'a contact that is a web page',
    files: banning('names: [x.example], explain: { contact: ["https://x.example"] }'),
    errors: ['DOCUMENT_INVALID networks.yaml:4:83']
  },
  {
    it: 'an explanation in a language that is not known',
    files: banning('names: [x.example], explain: { es: { justification: No } }'),
    errors: ['DOCUMENT_INVALID networks.yaml:4:73']
  },
  {
    it: 'a CNAME to a banned name',
    files: { ...app('x'), ...banning('apps: [x], action: cname, target: w.x.example') },
    errors: ['RULES_TARGET_BANNED networks.yaml:4:76']
  },
  {
    it: 'a ban of a top-level domain',
    files: banning('names: [com]'),
    errors: ['RULES_TOO_WIDE networks.yaml:4:50']
  },
  {
    it: 'a ban of everything below one',
    files: banning('names: ["*.com"]'),
    errors: ['RULES_TOO_WIDE networks.yaml:4:50']
  },
  {
    it: 'a ban of everything',
    files: banning('names: ["."]'),
    errors: ['RULES_TOO_WIDE networks.yaml:4:50']
  },
  {
    it: 'a ban of a public suffix',
    files: banning('names: [co.uk]'),
    errors: ['RULES_TOO_WIDE networks.yaml:4:50']
  },
  {
    it: 'a ban of everything below one',
    files: banning('names: ["*.github.io"]'),
    errors: ['RULES_TOO_WIDE networks.yaml:4:50']
  },
  {
    it: 'an exception for a CDN',
    files: networks(
      '    exceptions: [{ names: [cloudfront.net], prefixes: [10.1.0.0/16], purpose: a,',
      '      approved-by: b, from: 2023-01-01, until: 2023-09-01 }]'
    ),
    errors: ['RULES_TOO_WIDE networks.yaml:4:28']
  },
  {
    it: 'a block of a parent of a CDN zone',
    files: networks('    block: [amazonaws.com, x.amazonaws.com]'),
    errors: ['RULES_TOO_WIDE networks.yaml:4:13']
  },
  {
    it: 'a ban of everything, forced or not',
    files: banning('names: ["."], force: why not'),
    errors: ['RULES_TOO_WIDE networks.yaml:4:50']
  },
  {
    it: 'force without a reason',
    files: banning('names: [co.uk], force: ""'),
    errors: ['DOCUMENT_INVALID networks.yaml:4:65']
  },
  {
    it: 'force on an allow',
    files: networks('    allow: [{ names: [co.uk], force: so }]'),
    errors: ['DOCUMENT_INVALID networks.yaml:4:31']
  },
  {
    it: 'an allow of everything',
    files: networks('    allow: ["."]'),
    errors: ['RULES_TOO_WIDE networks.yaml:4:13']
  },
  {
    it: 'a URL for a name',
    files: banning('names: ["https://x.example/"]'),
    errors: ['DOCUMENT_INVALID networks.yaml:4:50']
  },
  {
    it: 'an address for a name',
    files: banning('names: [192.0.2.1]'),
    errors: ['DOCUMENT_INVALID networks.yaml:4:50']
  },
  {
    it: 'a wildcard inside a name',
    files: banning('names: [a.*.example]'),
    errors: ['DOCUMENT_INVALID networks.yaml:4:50']
  },
  {
    it: 'an app under the name of another file',
    files: { ...networks(), 'apps/y.yaml': 'app: x\ntitle: X\nnames: [x.example]\n' },
    errors: ['RULES_APP_FILE apps/y.yaml:1:6']
  },
  {
    it: 'an app file that does not end in .yaml',
    files: { ...networks(), 'apps/x.yml': 'app: x\ntitle: X\nnames: [x.example]\n' },
    errors: ['RULES_UNREADABLE apps/x.yml:1:1']
  },
  {
    it: 'an app without names',
    files: { ...networks(), ...app('x', 'names: []') },
    errors: ['RULES_EMPTY apps/x.yaml:1:1']
  },
  {
    it: 'a top-level domain in an app',
    files: { ...networks(), ...app('x', 'names:', '- x.example', '- { name: zip, role: app }') },
    errors: ['RULES_TOO_WIDE apps/x.yaml:5:3']
  },
  {
    it: 'a CDN in an app, in a file of the usual form',
    files: {
      ...networks(),
      ...app('x', 'names:', '  - x.example', '  - { name: akamaized.net, role: cdn }')
    },
    errors: ['RULES_TOO_WIDE apps/x.yaml:5:5']
  },
  {
    it: 'a day that is not in the calendar, of a name',
    files: {
      ...networks(),
      ...app('x', 'names:', '  - { name: x.example, first-seen: 2023-02-29 }')
    },
    errors: ['DOCUMENT_INVALID apps/x.yaml:4:36']
  },
  {
    it: 'a name of an app that covers what it calls shared',
    files: { ...networks(), ...app('x', 'shared-names: [a.x.example]', 'names: [x.example]') },
    errors: ['RULES_SHARED_NAME apps/x.yaml:4:9']
  },
  {
    it: 'an unknown role of a name',
    files: {
      ...networks(),
      ...app('x', 'names:', '- a.example', '- { name: x.example, role: roll }')
    },
    errors: ['DOCUMENT_INVALID apps/x.yaml:5:28']
  },
  {
    it: 'an app file that is wrong, but not the ban of it',
    files: { ...networks(`    bans: [${ban}]`), ...app('x', 'nmes: [x.example]') },
    errors: ['DOCUMENT_INVALID apps/x.yaml:3:1']
  },
  {
    it: 'an error page instead of a list',
    files: {
      ...networks('lists: { m: { file: lists/m.txt } }'),
      'lists/m.txt': '\n<!DOCTYPE html>'
    },
    errors: ['RULES_LIST_REFUSED lists/m.txt:1:1']
  }
]

for (const { it, files, errors } of refuses) {
  t.test(`rejects ${it}`, async t => {
    const result = await load(t, files)
    t.strictSame(result.ok ? [] : brief(result.errors), [...errors])
  })
}

t.test('reports the errors of all files at once, with all files to watch', async t => {
  const result = await load(t, {
    ...banning('apps: [y]'),
    ...app('x', 'kind: y'),
    ...app('z', 'names: [com]')
  })
  if (result.ok) throw new Error('is not refused')
  t.strictSame(brief(result.errors), [
    'DOCUMENT_INVALID apps/x.yaml:3:7',
    'RULES_TOO_WIDE apps/z.yaml:3:9',
    'RULES_UNKNOWN_APP networks.yaml:4:49'
  ])
  // Among them is the file of a catalogue, which may appear later.
  t.equal(result.files.length, 6)
})

t.test('returns rules or coded errors for any text', async t => {
  const word = fc.constantFrom(
    'n',
    'prefixes',
    'bans',
    'apps',
    'x',
    '10.0.0.0/8',
    '2023-01-01',
    '{}'
  )
  const text = fc.oneof(
    fc.string({ maxLength: 100 }),
    fc.array(word, { maxLength: 20 }).map(words => `networks: { n: { ${words.join(': ')} } }`),
    fc.json().map(json => `networks: ${json.slice(0, 500)}`)
  )
  await fc.assert(
    fc.asyncProperty(text, text, async (networks, list) => {
      const files = { 'networks.yaml': networks, 'lists/m.txt': list, ...app('x', list) }
      const result = await load(t, files)
      if (!result.ok && result.errors.length === 0) throw new Error('no errors')
      if (!result.ok && !result.errors.every(it => it instanceof InterdictError)) {
        throw new Error('without a code')
      }
    }),
    runs(100)
  )
})

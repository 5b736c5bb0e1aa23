/** Warnings about what loads without an error but has no effect, or more than was meant. */
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadRules } from '../../src/policy/rules/load.js'
import { app, brief, load, type Files } from './folder.js'

const WHY = 'authority: a, reference: b'
const PRESS = 'purpose: press, approved-by: b'

/** The keys of a network from line 4 on, and further lines. */
const network = (...lines: readonly string[]): Files => ({
  ...app('clip'),
  ...app('shop'),
  'l.txt': 'list.example\n',
  'networks.yaml': ['networks:', '  n:', '    prefixes: [10.0.0.0/8]', ...lines, ''].join('\n')
})

const cases: readonly { it: string; files: Files; warns?: readonly string[] }[] = [
  {
    it: 'a list that nothing uses',
    files: network('lists:', '  l: { file: l.txt }'),
    warns: ['RULES_LIST_UNUSED networks.yaml:5:6']
  },
  {
    it: 'a list that only a network without clients uses',
    files: network('  base: { block: [{ lists: [l] }] }', 'lists: { l: { file: l.txt } }'),
    warns: ['RULES_LIST_UNUSED networks.yaml:5:13']
  },
  {
    it: 'no list that a rule uses',
    files: network('    block: [{ lists: [l] }]', 'lists: { l: { file: l.txt } }')
  },
  {
    it: 'an allow where nothing blocks',
    files: network('    allow: [a.example, { names: [b.example], apps: [clip] }]'),
    warns: [
      'RULES_ALLOW_IDLE networks.yaml:4:13',
      'RULES_ALLOW_IDLE networks.yaml:4:34',
      'RULES_ALLOW_IDLE networks.yaml:4:53'
    ]
  },
  {
    it: 'an allow of names that no block has',
    files: network(
      '    allow: [a.example, www.ads.example, example, { apps: [clip, shop] }]',
      '    block: [ads.example, { apps: [shop] }]'
    ),
    warns: ['RULES_ALLOW_IDLE networks.yaml:4:13', 'RULES_ALLOW_IDLE networks.yaml:4:59']
  },
  {
    it: 'an allow beside a block that has ended',
    files: network(
      '    allow: [a.example]',
      '    block: [{ names: [a.example], until: 2023-01-01 }]'
    ),
    warns: ['RULES_ALLOW_IDLE networks.yaml:4:13']
  },
  {
    it: 'no allow beside a block of addresses, or of a list',
    files: network(
      '    allow: [a.example]',
      '    block: [{ addresses: [192.0.2.0/24] }]',
      '  m: { prefixes: [11.0.0.0/8], allow: [a.example], block: [{ lists: [l] }] }',
      'lists: { l: { file: l.txt } }'
    )
  },
  {
    it: 'no allow beside a list without a copy so far',
    files: network(
      '    allow: [a.example]',
      '    block: [{ lists: [l] }]',
      'lists: { l: { url: "https://lists.example/l.txt" } }'
    ),
    warns: ['RULES_LIST_ABSENT networks.yaml:6:20']
  },
  {
    it: 'no allow of a name that is answered locally otherwise',
    files: network('    allow: [printer.local, arpa]')
  },
  {
    it: 'no allow whose network is extended by one that blocks, or extends one',
    files: network(
      '    allow: [a.example]',
      '  m: { extends: n, prefixes: [11.0.0.0/8], block: [a.example] }',
      '  o: { extends: m, prefixes: [12.0.0.0/8], allow: [a.example] }'
    )
  },
  {
    it: 'an exception that ends before its ban begins',
    files: network(
      `    bans: [{ apps: [clip], from: 2024-01-01, ${WHY} }]`,
      '    exceptions:',
      `      - { apps: [clip], prefixes: [10.1.0.0/16], ${PRESS}, from: 2023-01-01, until: 2024-01-01 }`
    ),
    warns: ['RULES_EXCEPTION_APART networks.yaml:6:107']
  },
  {
    it: 'an exception that begins after its ban has ended',
    files: network(
      `    bans: [{ names: [clip.example], until: 2023-06-01, ${WHY} }]`,
      '    exceptions:',
      `      - { apps: [clip], prefixes: [10.1.0.0/16], ${PRESS}, from: 2023-06-01, until: 2024-01-01 }`
    ),
    warns: ['RULES_EXCEPTION_APART networks.yaml:6:88']
  },
  {
    it: 'no exception during which one of two bans is in force, or a list',
    files: network(
      `    bans: [{ apps: [clip], from: 2024-01-01, ${WHY} }, { names: [=clip.example], ${WHY} }]`,
      '    exceptions:',
      `      - { apps: [clip], prefixes: [10.1.0.0/16], ${PRESS}, from: 2023-01-01, until: 2024-01-01 }`
    )
  },
  {
    it: 'a prefix of everything',
    files: {
      'networks.yaml': [
        'networks:',
        '  n:',
        '    prefixes: [0.0.0.0/0, "::/0", 10.0.0.0/8, "fc00::/7", 128.0.0.0/1]',
        `    block: [{ addresses: [0.0.0.0/0] }]`
      ].join('\n')
    },
    warns: [
      'RULES_PREFIX_WIDE networks.yaml:3:16',
      'RULES_PREFIX_WIDE networks.yaml:3:27',
      'RULES_PREFIX_INSIDE networks.yaml:3:35',
      'RULES_PREFIX_INSIDE networks.yaml:3:47',
      'RULES_PREFIX_INSIDE networks.yaml:3:59',
      'RULES_PREFIX_WIDE networks.yaml:3:59',
      'RULES_PREFIX_WIDE networks.yaml:4:27'
    ]
  },
  {
    it: 'a prefix within another of the same network, unless a network is between them',
    files: network(
      '  m: { prefixes: [11.0.0.0/8, 11.1.0.0/16, 12.0.0.0/8, 12.1.1.0/24] }',
      '  o: { prefixes: [12.1.0.0/16] }'
    ),
    warns: ['RULES_PREFIX_INSIDE networks.yaml:4:31']
  }
]

for (const { it, files, warns = [] } of cases) {
  t.test(`warns of ${it}`, async t => {
    const result = await load(t, files)
    const found = brief(result.ok ? result.warnings : result.errors)
    t.strictSame(found.toSorted(), [...warns].toSorted())
  })
}

t.test('warns of files that every user may change', async t => {
  const folder = t.testdir({
    'networks.yaml': 'networks: { n: { prefixes: [10.0.0.0/8] } }\n',
    apps: { 'x.yaml': 'app: x\ntitle: x\nnames: [x.example]\n' }
  })
  const warnings = async (): Promise<unknown[]> => {
    const result = await loadRules(folder)
    return result.ok ? result.warnings.map(({ message }) => message.replace(folder, '')) : []
  }
  t.strictSame(await warnings(), [])
  chmodSync(join(folder, 'networks.yaml'), 0o646)
  t.match(await warnings(), [
    /networks.yaml:1:1: every user of this machine can change this; remove/
  ])
  chmodSync(join(folder, 'apps'), 0o777)
  t.match(await warnings(), [/apps:1:1: every user of this machine can change this and 1 more of /])
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadRules } from '../../src/policy/rules/load.js'
import { RulesFolder, type FileResult } from '../../src/policy/rules/model/folder.js'
import { parsePlainYaml } from '../../src/policy/yaml/plain-yaml.js'
import { app, brief, load, loadGood, poured } from './folder.js'

const NETWORKS = `
defaults:
  time-zone: Europe/Brussels
  sinkhole: { ipv4: 192.0.2.1 }
networks:
  base:
    bans:
      - apps: [tiktok]
        authority: Belgian federal government
        reference: National Security Council advice, 10 March 2023
        legal-basis: circular 716
        owner: security@agency.example
        from: 2023-03-10
        until: 2023-09-10
        review: 2023-08-01T09:00
        ede: censored
    allow: [good.example, { names: [fine.example] }]
  phones:
    description: phones of officials
    prefixes: [10.20.0.0/16, "2001:db8:20::/48"]
    extends: base
    exceptions:
      - apps: [tiktok]
        prefixes: [10.20.7.0/28]
        purpose: press office monitoring
        approved-by: head of security
        from: 2023-03-20
        until: 2023-06-30
    bans:
      - id: sink
        names: [=one.example, "*.two.example"]
        addresses: [198.51.100.0/24]
        authority: the agency
        reference: decision 1
        action: sinkhole
        ttl: 5m
        mode: monitor
    block:
      - { lists: [malware], action: null-address }
`

const FILES = {
  'networks.yaml': NETWORKS + 'lists: { malware: { file: lists/malware.txt } }\n',
  'lists/malware.txt': 'bad.example\n',
  ...app('tiktok', 'names:', '  - tiktok.example', '  - { name: =cdn.example, role: cdn }')
}

t.test('reads networks with the rules that they extend', async t => {
  const { networks, sources, sha256, files } = await loadGood(t, FILES)
  t.equal(networks.length, 1, 'a network without prefixes is only there to be extended')
  const [phones] = networks
  t.match(phones, { id: 'phones', position: { file: 'networks.yaml', line: 18, column: 3 } })
  t.strictSame(
    phones?.rules.map(
      ({ id, kind, position }) => `${kind} ${id} ${position.file}:${position.line}`
    ),
    [
      'exception phones/exception/tiktok networks.yaml:23',
      'ban sink networks.yaml:30',
      'block phones/block/malware networks.yaml:39',
      'ban base/tiktok networks.yaml:8',
      'allow base/allow/good.example networks.yaml:17',
      'allow base/allow/fine.example networks.yaml:17'
    ]
  )
  t.strictSame(
    sources.map(({ kind, id }) => `${kind} ${id}`),
    [
      'app tiktok',
      'list malware',
      'inline networks.yaml:17',
      'inline networks.yaml:17:27',
      'inline networks.yaml:30'
    ]
  )
  t.match(sha256, /^[0-9a-f]{64}$/)
  const names = files.map(file => file.replace(/^.*\/load\.test[^/]*-networks-with-[^/]*/, ''))
  for (const name of ['/apps', '/apps/tiktok.yaml', '/lists/malware.txt', '/networks.yaml']) {
    t.ok(names.includes(name) || files.some(file => file.endsWith(name)), `watches ${name}`)
  }
})

t.test('reads every key of a ban', async t => {
  const { networks } = await loadGood(t, FILES)
  const rules = networks[0]!.rules
  t.match(
    rules.find(({ id }) => id === 'base/tiktok'),
    {
      kind: 'ban',
      mode: 'enforce',
      authority: 'Belgian federal government',
      reference: 'National Security Council advice, 10 March 2023',
      legalBasis: 'circular 716',
      owner: 'security@agency.example',
      from: Date.UTC(2023, 2, 9, 23) / 1000,
      until: Date.UTC(2023, 8, 9, 22) / 1000,
      review: Date.UTC(2023, 7, 1, 7) / 1000,
      reply: { action: 'nxdomain', ede: 'censored', ttl: 60 }
    }
  )
  const sink = rules.find(({ id }) => id === 'sink')
  t.match(sink, {
    mode: 'monitor',
    from: -Infinity,
    until: Infinity,
    reply: { action: 'sinkhole', ede: 'blocked', ttl: 300 }
  })
  t.strictSame(poured(sink!.sources[0]!), [
    'exact one.example 31',
    'below two.example 31',
    '198.51.100.0/24 32'
  ])
})

t.test('reads every key of an exception and a block', async t => {
  const { networks } = await loadGood(t, FILES)
  const [exception, , block] = networks[0]!.rules
  t.match(exception, {
    purpose: 'press office monitoring',
    approvedBy: 'head of security',
    prefixes: [{ length: 124 }],
    until: Date.UTC(2023, 5, 29, 22) / 1000
  })
  t.match(block, { mode: 'enforce', reply: { action: 'null-address', ede: 'blocked' } })
  t.strictSame(poured(block!.sources[0]!), ['suffix bad.example 1'])
})

t.test('reads an app with the line of every name', async t => {
  const { sources } = await loadGood(t, FILES)
  t.match(sources[0], {
    title: 'tiktok',
    file: 'apps/tiktok.yaml',
    bounds: { names: 2, octets: 29 }
  })
  t.strictSame(poured(sources[0]!), ['suffix tiktok.example 4', 'exact cdn.example 5'])
})

t.test('numbers rules with equal ids', async t => {
  const rule = '{ apps: [x], authority: a, reference: b, from: 2023-03-10 }'
  const taken = '{ apps: [x], authority: a, reference: b, id: n/x-2 }'
  const files = {
    ...app('x'),
    'networks.yaml': `networks: { n: { prefixes: ["::1"], bans: [${rule}, ${rule}, ${taken}] } }`
  }
  const { networks } = await loadGood(t, files)
  t.strictSame(
    networks[0]?.rules.map(({ id }) => id),
    ['n/x', 'n/x-3', 'n/x-2']
  )
})

t.test('includes a rule once that is inherited twice', async t => {
  const { networks } = await loadGood(t, {
    'networks.yaml': [
      'networks:',
      '  top: { block: [a.example] }',
      '  left: { extends: top, block: [b.example] }',
      '  right: { extends: top, block: [c.example] }',
      '  both: { prefixes: ["::1"], extends: [left, right], block: [d.example] }'
    ].join('\n')
  })
  const names = networks[0]?.rules.flatMap(({ sources }) => sources.map(({ title }) => title))
  t.strictSame(names, ['d.example', 'b.example', 'a.example', 'c.example'])
})

t.test('the SHA-256 depends only on the content of the files', async t => {
  const one = await loadGood(t, FILES)
  const again = await loadGood(t, FILES)
  const other = await loadGood(t, { ...FILES, 'lists/malware.txt': 'bad2.example\n' })
  t.equal(one.sha256, again.sha256)
  t.not(one.sha256, other.sha256)
})

const warnings = [
  { it: 'nothing in the middle of it', now: Date.UTC(2023, 4, 1), warns: [] },
  {
    it: 'an expired exception',
    now: Date.UTC(2023, 5, 29, 22),
    warns: ['RULES_EXCEPTION_ENDED networks.yaml:23:9']
  },
  {
    it: 'an overdue review',
    now: Date.UTC(2023, 7, 1, 7),
    warns: ['RULES_REVIEW_DUE networks.yaml:15:17', 'RULES_EXCEPTION_ENDED networks.yaml:23:9']
  },
  {
    it: 'an expired ban',
    now: Date.UTC(2023, 8, 9, 22),
    warns: ['RULES_BAN_ENDED networks.yaml:8:9', 'RULES_EXCEPTION_ENDED networks.yaml:23:9']
  }
] as const

for (const { it, now, warns } of warnings) {
  t.test(`warns of ${it}`, async t => {
    const result = await load(t, FILES, now)
    t.strictSame(result.ok ? brief(result.warnings) : brief(result.errors), [...warns])
  })
}

t.test('warns of an app that is banned without its paired app', async t => {
  const result = await load(t, {
    ...app('x', 'names: [x.example]', 'pairs-with: [y, z, sister, gone]'),
    ...app('y', 'kind: shared', 'names: [y.example]'),
    ...app('z', 'kind: shared', 'names: [z.example]'),
    ...app('sister'),
    'networks.yaml': [
      'networks:',
      '  n:',
      '    prefixes: ["::1"]',
      '    bans: [{ apps: [x, y], authority: a, reference: b }]'
    ].join('\n')
  })
  t.strictSame(result.ok && brief(result.warnings), ['RULES_PAIR_MISSING networks.yaml:3:5'])
})

t.test('warns from fourteen days before a ban or exception expires', async t => {
  const rules = `
networks:
  n:
    prefixes: [10.0.0.0/8]
    bans: [{ apps: [x], authority: a, reference: b, until: 2023-07-01, review: 2023-06-01 }]
    exceptions:
      - { apps: [x], prefixes: [10.0.0.1], purpose: a, approved-by: b,
          from: 2023-01-01, until: 2023-07-02 }
`
  const warned = async (day: string): Promise<string[]> => {
    const result = await load(t, { ...app('x'), 'networks.yaml': rules }, Date.parse(day))
    return result.ok ? brief(result.warnings) : []
  }
  t.strictSame(await warned('2023-05-31T23:59:59Z'), [])
  t.strictSame(await warned('2023-06-16T23:59:59Z'), ['RULES_REVIEW_DUE networks.yaml:5:80'])
  t.strictSame(await warned('2023-06-18'), [
    'RULES_BAN_ENDS networks.yaml:5:60',
    'RULES_REVIEW_DUE networks.yaml:5:80',
    'RULES_EXCEPTION_ENDS networks.yaml:8:36'
  ])
  t.strictSame(await warned('2023-07-02'), [
    'RULES_BAN_ENDED networks.yaml:5:12',
    'RULES_EXCEPTION_ENDED networks.yaml:7:9'
  ])
})

t.test(
  'many app files are read a few at a time, and many networks by the plain parser',
  async t => {
    const COUNT = 500
    let reading = 0
    let most = 0
    const folder = t.testdir({ apps: {} })
    class CountingFolder extends RulesFolder {
      override async read(name: string): Promise<FileResult> {
        most = Math.max(most, ++reading)
        const file = await super.read(name)
        reading--
        return file
      }
    }
    const networks: string[] = []
    for (let i = 0; i < COUNT; i++) {
      const text = `app: app-${i}\ntitle: App ${i}\nvendor: V\nnames:\n  - app${i}.example\n`
      writeFileSync(join(folder, `apps/app-${i}.yaml`), text)
      networks.push(`  site-${i}:
    prefixes: [10.0.${i >> 8}.${i & 255}/32]
    bans:
      - apps: [app-${i}]
        authority: Office of ${i}
        reference: order ${i}
`)
    }
    const text = `networks:\n${networks.join('')}`
    t.ok(parsePlainYaml(text))
    writeFileSync(join(folder, 'networks.yaml'), text)
    const result = await loadRules(new CountingFolder(folder))
    if (!result.ok) throw result.errors[0]!
    t.equal(result.rules.networks.length, COUNT)
    t.equal(result.rules.networks[COUNT - 1]!.rules[0]!.position.line, 6 * COUNT - 1)
    t.ok(most > 1 && most <= 64, `${most} at a time`)
  }
)

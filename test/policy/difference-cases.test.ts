import t from 'tap'
import { readPrefix } from '../../src/base/values/address.js'
import type { DifferenceOptions } from '../../src/policy/diff/change-collector.js'
import { countOtherChanges, difference } from '../../src/policy/diff/difference.js'
import { LocalDataBuilder } from '../../src/policy/rules/lists/local-data.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import { readName } from '../../src/wire/dns/name/name.js'
import { allow, ban, block, exception, inline, network, part, ruleSet, source } from './rule-set.js'

const APP = source('app', 'a.example', '=b.example', '192.0.2.0/24')
const LIST = { ...source('list', 'ads.example', 'a.example'), kind: 'list' as const }
const BAN = ban('ban', [APP])
const NXDOMAIN = { action: 'nxdomain', ede: 'censored', ttl: 60 } as const

type Rules = Parameters<typeof network>[2]

function one(...rules: Rules): RuleSet {
  return ruleSet(network('net', ['10.0.0.0/8', '10.1.0.0/16'], rules))
}

/** Changes as text: kind, names, examples, clients, period. */
function described(before: RuleSet, after: RuleSet, options: Partial<DifferenceOptions> = {}) {
  const found = difference({ before, after }, { at: 100, examples: 9, ...options })
  return found.changes.map(({ kind, clients, names, examples, from, until }) =>
    [
      kind,
      names,
      examples.join(' '),
      ...clients.map(({ networks, prefixes, except = [] }) =>
        [networks.after, ...(prefixes ?? []), ...except.map(it => `-${it}`)].join(' ')
      ),
      `${from} ${until}`
    ].join('; ')
  )
}

const NOW = '-Infinity Infinity'

const cases: { it: string; before: RuleSet; after: RuleSet; changes: string[] }[] = [
  {
    it: 'a new ban',
    before: one(),
    after: one(BAN),
    changes: [`blocked; 3; a.example 192.0.2.0/24 =b.example; net; ${NOW}`]
  },
  {
    it: 'a ban that ends earlier',
    before: one(ban('ban', [LIST], { until: 900 })),
    after: one(ban('ban', [LIST], { until: 500 })),
    changes: ['lifted; 2; a.example ads.example; net; 500 900']
  },
  {
    it: 'a ban in the future',
    before: one(),
    after: one(ban('ban', [LIST], { from: 200, until: 300 })),
    changes: ['blocked; 2; a.example ads.example; net; 200 300']
  },
  {
    it: 'dates in the past',
    before: one(ban('ban', [LIST], { from: 10 }), ban('old', [APP], { until: 20 })),
    after: one(ban('ban', [LIST], { from: 20 })),
    changes: []
  },
  {
    it: 'another action',
    before: one(ban('ban', [LIST], { reply: NXDOMAIN })),
    after: one(ban('ban', [LIST], { reply: { ...NXDOMAIN, action: 'refused' } })),
    changes: [`answer; 2; a.example ads.example; net; ${NOW}`]
  },
  {
    it: 'another extended error',
    before: one(ban('ban', [LIST], { reply: NXDOMAIN })),
    after: one(ban('ban', [LIST], { reply: { ...NXDOMAIN, ede: 'blocked' } })),
    changes: [`answer; 2; a.example ads.example; net; ${NOW}`]
  },
  {
    it: 'monitor mode',
    before: one(ban('ban', [LIST])),
    after: one(ban('ban', [LIST], { mode: 'monitor' })),
    changes: [`lifted; 2; a.example ads.example; net; ${NOW}`]
  },
  {
    it: 'an owner',
    before: one(ban('ban', [LIST], { owner: 'one' })),
    after: one(ban('ban', [LIST], { owner: 'another' })),
    changes: [`record; 2; a.example ads.example; net; ${NOW}`]
  },
  {
    it: 'an exception for some clients',
    before: one(ban('ban', [LIST])),
    after: one(
      exception('press', [LIST], { prefixes: [readPrefix('10.1.0.0/16')], until: 700 }),
      ban('ban', [LIST])
    ),
    changes: ['lifted; 2; a.example ads.example; net 10.1.0.0/16; -Infinity 700']
  },
  {
    it: 'an exception for most clients',
    before: one(exception('few', [LIST], { prefixes: [readPrefix('10.1.0.0/16')] }), BAN),
    after: one(
      exception('few', [LIST], { prefixes: [readPrefix('10.1.0.0/16')] }),
      BAN,
      block('more', [source('new', 'new.example')])
    ),
    changes: [`blocked; 1; new.example; net; ${NOW}`]
  },
  {
    it: 'a ban of names in addition to those of a list',
    before: one(block('list', [LIST])),
    after: one(BAN, block('list', [LIST])),
    changes: [
      `blocked; 2; 192.0.2.0/24 =b.example; net; ${NOW}`,
      `answer; 1; a.example; net; ${NOW}`
    ]
  },
  {
    it: 'a name above those already blocked',
    before: one(block('list', [inline('x', 'www.example')])),
    after: one(
      block('list', [inline('x', 'www.example')]),
      block('more', [inline('y', 'example')])
    ),
    changes: [`blocked; 1; example; net; ${NOW}`]
  },
  {
    it: 'what a name covers',
    before: one(block('list', [inline('x', '=a.example')])),
    after: one(block('list', [inline('x', 'a.example')])),
    changes: [`blocked; 1; *.a.example; net; ${NOW}`]
  },
  {
    it: 'an allow without a block',
    before: one(),
    after: one(allow('allow', [inline('x', 'a.example')])),
    changes: [`record; 1; a.example; net; ${NOW}`]
  },
  {
    it: 'names covered by one above them',
    before: one(block('list', [source('x', 'example')])),
    after: one(block('list', [source('x', 'example', 'www.example')])),
    changes: []
  },
  {
    it: 'the root',
    before: one(),
    after: one(block('all', [inline('x', '')])),
    changes: [`blocked; 1; .; net; ${NOW}`]
  }
]

for (const { it, before, after, changes } of cases) {
  t.test(`reports the effect of ${it}`, async t => {
    t.strictSame(described(before, after), changes)
  })
}

const DAY = 86_400
/** Mondays 08:00 to 18:00; 1970-01-05 was a Monday. */
const MONDAYS = {
  text: 'mon 08:00-18:00 (UTC)',
  weeks: [{ zone: 'UTC', bounds: [8 * 3600, 18 * 3600] }]
}

t.test('reports weekly hours', async t => {
  const [change, ...others] = difference(
    { before: one(ban('ban', [LIST])), after: one(ban('ban', [LIST], { schedule: MONDAYS })) },
    { at: 0, examples: 9 }
  ).changes
  t.strictSame(others, [])
  t.match(change, { kind: 'lifted', from: -Infinity, until: Infinity, hours: MONDAYS.text })
  const short = difference(
    { before: one(), after: one(ban('ban', [LIST], { schedule: MONDAYS, until: 3 * DAY })) },
    { at: 0, examples: 9 }
  )
  t.strictSame(short.changes, [], 'it ends before the first Monday')
  const text = 'mon 08:00-18:00 (Etc/UTC)'
  const same = difference(
    {
      before: one(ban('ban', [LIST], { schedule: { ...MONDAYS, text } })),
      after: one(ban('ban', [LIST], { schedule: MONDAYS }))
    },
    { at: 0, examples: 9 }
  )
  t.strictSame(same.changes, [], 'the same hours, written differently')
})

t.test('reports hours that differ only in summer', async t => {
  const inZone = (zone: string): RuleSet => {
    const weeks = [{ ...MONDAYS.weeks[0]!, zone }]
    return one(ban('ban', [LIST], { schedule: { text: zone, weeks } }))
  }
  const at = Date.UTC(2026, 11, 1) / 1000
  const rules = { before: inZone('Europe/Brussels'), after: inZone('Etc/GMT-1') }
  const { changes } = difference(rules, { at, examples: 9 })
  t.strictSame(
    changes.map(({ kind }) => kind),
    ['blocked', 'lifted']
  )
})

t.test('reports changes for some query types', async t => {
  const aaaa = part(source('list', 'a.example'), {
    list: 'list',
    effect: 'rule',
    qtypes: { types: [28], except: false }
  })
  const found = difference(
    { before: one(), after: one(block('block', [aaaa])) },
    { at: 0, examples: 9 }
  )
  t.match(found.changes, [{ kind: 'blocked', qtypes: { types: [28], except: false } }])
  const all = part(source('list', 'ads.example', 'a.example'), { list: 'list', effect: 'rule' })
  const less = difference(
    { before: one(block('block', [all])), after: one(block('block', [aaaa])) },
    { at: 0, examples: 9 }
  )
  t.match(
    less.changes.map(({ kind, qtypes, examples }) => [kind, qtypes?.except, examples.join()]),
    [
      ['lifted', true, 'a.example'],
      ['lifted', undefined, 'ads.example']
    ]
  )
})

t.test('reports changed local data of lists', async t => {
  const listed = (address: number): RuleSet => {
    const data = new LocalDataBuilder()
    data.add(1, 1, Uint8Array.of(192, 0, 2, 1))
    data.add(2, 1, Uint8Array.of(192, 0, 2, address))
    const names = part(source('list', 'a.example', 'b.example'), {
      list: 'list',
      effect: { action: 'data', data: data.finish() }
    })
    return one(block('block', [names]))
  }
  t.strictSame(described(listed(1), listed(1)), [])
  t.strictSame(described(listed(1), listed(2)), [`answer; 1; b.example; net; ${NOW}`])
})

t.test('reports clients that move, and what changes for them', async t => {
  const before = ruleSet(network('one', ['10.0.0.0/8'], [BAN]), network('two', ['10.1.0.0/16'], []))
  const after = ruleSet(
    network('one', ['10.0.0.0/8', '10.1.0.0/16'], [BAN]),
    network('two', ['10.2.0.0/16', '192.0.2.0/24'], [])
  )
  const { moves, renamed } = difference({ before, after }, { at: 0, examples: 1 })
  t.strictSame(renamed, [])
  t.strictSame(moves, [
    { networks: { before: 'two', after: 'one' }, prefixes: ['10.1.0.0/16'] },
    { networks: { before: 'one', after: 'two' }, prefixes: ['10.2.0.0/16'] },
    { networks: { before: undefined, after: 'two' }, prefixes: ['192.0.2.0/24'] }
  ])
  t.strictSame(
    described(before, after).map(line => line.replace(/; [^;]*$/, '')),
    [
      'blocked; 3; a.example 192.0.2.0/24 =b.example; one 10.1.0.0/16',
      'lifted; 3; a.example 192.0.2.0/24 =b.example; two 10.2.0.0/16'
    ]
  )
})

t.test('excepts clients in the middle of others that move', async t => {
  const two = network('two', ['10.1.0.0/16'], [])
  const before = ruleSet(network('one', ['10.0.0.0/8', '10.1.1.0/24'], [BAN]), two)
  const after = ruleSet(network('three', ['10.0.0.0/8', '10.1.1.0/24'], []), two)
  const { moves, changes } = difference({ before, after }, { at: 0, examples: 1 })
  const moved = {
    networks: { before: 'one', after: 'three' },
    prefixes: ['10.0.0.0/8', '10.1.1.0/24'],
    except: ['10.1.0.0/16']
  }
  t.strictSame(moves, [])
  t.match(changes, [{ kind: 'lifted', clients: [moved] }])
  const split = ruleSet(network('three', ['10.0.0.0/8'], []), two)
  t.strictSame(difference({ before, after: split }, { at: 0, examples: 1 }).moves, [
    { ...moved, prefixes: ['10.0.0.0/8'] },
    { networks: { before: 'one', after: 'two' }, prefixes: ['10.1.1.0/24'] }
  ])
})

t.test('reports separate client ranges of one network', async t => {
  const press = exception('press', [LIST], { prefixes: [readPrefix('10.1.0.0/16')] })
  const rules = (...own: Rules): RuleSet =>
    ruleSet(network('one', ['10.0.0.0/8', '10.1.1.0/24'], own), network('two', ['10.1.0.0/16'], []))
  t.strictSame(described(rules(), rules(press, ban('ban', [LIST]))), [
    `blocked; 2; a.example ads.example; one 10.0.0.0/8 -10.1.1.0/24; ${NOW}`,
    `record; 2; a.example ads.example; one 10.1.1.0/24; ${NOW}`
  ])
})

t.test('a renamed network is not a move', async t => {
  const before = ruleSet(network('one', ['10.0.0.0/8'], [BAN]))
  const after = ruleSet(network('uno', ['10.0.0.0/8'], [BAN]))
  const found = difference({ before, after }, { at: 0, examples: 1 })
  t.strictSame(found, {
    moves: [],
    renamed: [{ before: 'one', after: 'uno' }],
    ech: [],
    dnssec: [],
    dnssecExceptions: [],
    trustAnchors: [],
    resolution: [],
    recognized: [],
    changes: []
  })
})

t.test('reports networks whose clients receive HTTPS records otherwise', async t => {
  const one = network('one', ['10.0.0.0/8', '192.0.2.0/24'], [BAN])
  const two = network('two', ['10.1.0.0/16'], [])
  const gone = network('gone', ['10.2.0.0/16'], [])
  const found = difference(
    {
      before: ruleSet(one, { ...two, ech: 'strip' }, gone),
      after: ruleSet({ ...one, ech: 'hide-https' }, { ...two, ech: 'strip' })
    },
    { at: 0, examples: 1 }
  )
  t.strictSame(found.ech, [
    { networks: { before: 'one', after: 'one' }, ech: { before: 'pass', after: 'hide-https' } },
    { networks: { before: 'gone', after: 'one' }, ech: { before: 'pass', after: 'hide-https' } }
  ])
})

t.test('reports networks whose answers are validated otherwise', async t => {
  const one = network('one', ['10.0.0.0/8'], [BAN])
  const two = { ...network('two', ['10.1.0.0/16'], []), dnssec: 'observe' } as const
  const found = difference(
    { before: ruleSet(one, two), after: ruleSet({ ...one, dnssec: 'enforce' }, two) },
    { at: 0, examples: 1 }
  )
  t.strictSame(found.dnssec, [
    { networks: { before: 'one', after: 'one' }, dnssec: { before: 'off', after: 'enforce' } }
  ])
  t.equal(countOtherChanges(found), 1)
})

t.test('reports DNSSEC exceptions that are in force or to come', async t => {
  const position = { file: 'networks.yaml', line: 1, column: 1 }
  const except = (text: string, until: number, from = 0, purpose = 'P') => {
    return { text, name: readName(text), purpose, approvedBy: 'A', position, from, until }
  }
  const set = (...dnssecExceptions: ReturnType<typeof except>[]): RuleSet => ({
    ...ruleSet(network('one', ['10.0.0.0/8'], [])),
    dnssecExceptions
  })
  const found = difference(
    {
      before: set(
        ...[
          except('same.example', 100),
          except('longer.example', 100),
          except('less.example', 100)
        ],
        ...[except('over.example', 5), except('begun.example', 100, 5)]
      ),
      after: set(
        ...[except('Same.example', 100, 0, 'Q'), except('longer.example', 200)],
        ...[except('more.example', 100, 50), except('begun.example', 100, 7)]
      )
    },
    { at: 10, examples: 1 }
  )
  t.strictSame(found.dnssecExceptions, [
    { name: 'longer.example', kind: 'changed' },
    { name: 'less.example', kind: 'removed' },
    { name: 'more.example', kind: 'added' }
  ])
})

t.test('reports changes outside the apps and lists that are meant to change', async t => {
  const outside = (after: RuleSet, ...only: string[]): string[] =>
    difference({ before: one(), after }, { at: 0, examples: 9, only })
      .changes.filter(change => change.outside)
      .flatMap(({ examples }) => examples)
  t.strictSame(outside(one(BAN), 'app'), [])
  t.strictSame(outside(one(ban('ban', [APP, LIST])), 'app'), ['ads.example'])
  t.strictSame(outside(one(ban('ban', [APP, LIST])), 'list'), ['192.0.2.0/24', '=b.example'])
  t.strictSame(outside(one(ban('ban', [APP, LIST])), 'list', 'app'), [])
  t.strictSame(outside(one(BAN, ban('wide', [inline('x', 'example')])), 'app'), ['example'])
})

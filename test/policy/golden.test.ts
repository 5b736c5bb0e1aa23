import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { readAddress, readPrefix } from '../../src/base/values/address.js'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { compile } from '../../src/policy/compile/compile.js'
import { dump } from './dump.js'
import { LocalDataBuilder } from '../../src/policy/rules/lists/local-data.js'
import type { Reply } from '../../src/policy/rules/model/types.js'
import { allow, ban, block, exception, network, part, ruleSet, seeds } from './rule-set.js'
import { source, wire } from './rule-set.js'

/** The snapshot of a rule set with all special cases; `INTERDICT_GOLDEN=write` regenerates it. */
const GOLDEN = new URL('../../../test/policy/snapshot.golden.txt', import.meta.url)

const sinkhole: Reply = {
  action: 'sinkhole',
  sinkhole: { ipv4: readAddress('192.0.2.1'), ipv6: readAddress('2001:db8::1') },
  ede: 'blocked',
  ttl: 30
}
const garden: Reply = { action: 'cname', target: wire('garden.example'), ede: 'blocked', ttl: 60 }

const app = source(
  'app',
  'app.example',
  'app.example',
  '=only.example',
  '*.below.example',
  '=both.example',
  '*.both.example',
  'xn--bcher-kva.example',
  '198.51.100.0/24',
  '2001:db8:a::/48'
)
const cdn = source('cdn', 'shared.example', '=app.example', '198.51.100.128/25', '198.51.100.0/24')
const listed = {
  ...source('list', 'shared.example', 'example', 'w.app.example'),
  kind: 'list'
} as const
const zone = { list: 'zone', triggerRank: 0 } as const
const records = new LocalDataBuilder()
records.add(1, RRTYPE.A, Uint8Array.of(192, 0, 2, 80))
records.add(1, RRTYPE.TXT, Uint8Array.of(2, 0x68, 0x69))
const zoned = [
  part(source('zone#1', 'passed.example', '198.51.100.7/32'), { ...zone, effect: 'pass' }),
  part(source('zone#2', '=data.example'), {
    ...zone,
    effect: { action: 'data', data: records.finish() }
  }),
  part(source('zone#3', '*.typed.example', ''), {
    list: 'zone',
    effect: { action: 'nxdomain' },
    qtypes: { types: [RRTYPE.AAAA], except: true },
    prefixes: ['10.20.0.0/24', '10.20.2.0/24', '10.20.4.0/24', '10.20.6.0/24'].map(readPrefix),
    triggerRank: 1
  })
]
const inline = { ...source('networks.yaml:12', ''), kind: 'inline' } as const
const unused = source('unused', 'unused.example')

const press = exception('press', [app], {
  prefixes: ['10.20.7.0/28', '2001:db8:20:7::/64'].map(readPrefix),
  until: Date.UTC(2023, 5, 30) / 1000
})
const law = ban('law', [app, cdn], {
  authority: 'Example government',
  reference: 'Advice 7',
  referenceUrl: 'https://advice.example/7',
  legalBasis: 'Law 1',
  owner: 'desk',
  from: Date.UTC(2023, 2, 13) / 1000,
  until: Date.UTC(2023, 5, 30) / 1000,
  review: Date.UTC(2023, 4, 1) / 1000
})
const trial = ban('trial', [cdn], {
  mode: 'monitor',
  reply: sinkhole,
  schedule: {
    text: 'mon (Europe/Brussels)',
    weeks: [{ zone: 'Europe/Brussels', bounds: [0, 86_400] }]
  }
})
const office = [
  press,
  law,
  trial,
  allow('tools', [listed]),
  block('walled', [listed], { reply: garden })
]

const rules = {
  ...ruleSet(
    network('office', ['10.0.0.0/8', '2001:db8:20::/48'], office),
    network(
      'lab',
      ['10.20.0.0/16', '255.255.255.255/32'],
      [block('all', [inline]), block('zone', zoned), ...office]
    ),
    network('twin', ['172.16.0.0/12'], office.slice(1)),
    network('sibling', ['192.168.0.0/16', '::1/128'], office.slice(1)),
    network('free', ['10.30.0.0/16'], []),
    network('nowhere', [], [ban('idle', [cdn])])
  )
}

function dumped(...random: number[]): string {
  const all = { ...rules, sources: [unused, ...rules.sources] }
  return `${dump(compile(all, { generation: 1, random: seeds(...random) })).join('\n')}\n`
}

if (process.env.INTERDICT_GOLDEN === 'write') writeFileSync(GOLDEN, dumped(1))

t.test('the snapshot equals the golden file', async t => {
  t.equal(dumped(1), readFileSync(GOLDEN, 'utf8'))
})

t.test('the dump does not depend on the seed', async t => {
  t.equal(dumped(1), dumped(0xdecade))
})

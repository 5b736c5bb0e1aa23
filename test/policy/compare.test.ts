import t from 'tap'
import { compile } from '../../src/policy/compile/compile.js'
import { compare } from '../../src/policy/compile/compare.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import { ban, network, ruleSet, seeds, source } from './rule-set.js'

const APP = source('app', 'a.example', 'b.example', '=c.example')
const BEFORE = one(ban('ban', [APP]))
const NOTHING = { added: [], removed: [] }
const SAME = {
  names: { added: 0, removed: 0 },
  networks: NOTHING,
  rules: { ...NOTHING, changed: [] as string[] },
  sources: { ...NOTHING, changed: [] as string[] }
}

function one(...rules: Parameters<typeof network>[2]): RuleSet {
  return ruleSet(network('net', ['10.0.0.0/8'], rules))
}

const moved = { position: { file: 'networks.yaml', line: 99, column: 1 } }

const cases: { it: string; after: RuleSet; changes: object }[] = [
  { it: 'nothing', after: BEFORE, changes: SAME },
  {
    it: 'the order of names',
    after: one(ban('ban', [source('app', '=c.example', 'b.example', 'a.example')])),
    changes: SAME
  },
  { it: 'the line of a rule', after: one(ban('ban', [APP], moved)), changes: SAME },
  {
    it: 'a name',
    after: one(ban('ban', [source('app', 'a.example', 'd.example', 'e.example', 'f.example')])),
    changes: {
      ...SAME,
      names: { added: 3, removed: 2 },
      sources: { ...NOTHING, changed: ['app'] }
    }
  },
  {
    it: 'what a name covers',
    after: one(ban('ban', [source('app', 'a.example', 'b.example', 'c.example')])),
    changes: { ...SAME, sources: { ...NOTHING, changed: ['app'] } }
  },
  {
    it: 'a prefix',
    after: one(ban('ban', [source('app', 'a.example', 'b.example', '=c.example', '10.0.0.0/8')])),
    changes: { ...SAME, sources: { ...NOTHING, changed: ['app'] } }
  },
  {
    it: 'a date of a rule',
    after: one(ban('ban', [APP], { until: 5 })),
    changes: { ...SAME, rules: { ...NOTHING, changed: ['ban'] } }
  },
  {
    it: 'the mode of a rule',
    after: one(ban('ban', [APP], { mode: 'monitor' })),
    changes: { ...SAME, rules: { ...NOTHING, changed: ['ban'] } }
  },
  {
    it: 'rules and sources',
    after: one(ban('new', [source('fresh', 'a.example', 'x.example', 'y.example')])),
    changes: {
      names: { added: 2, removed: 2 },
      networks: NOTHING,
      rules: { added: ['new'], removed: ['ban'], changed: [] },
      sources: { added: ['fresh'], removed: ['app'], changed: [] }
    }
  },
  {
    it: 'networks',
    after: ruleSet(network('other', ['10.0.0.0/8'], [ban('ban', [APP])])),
    changes: { ...SAME, networks: { added: ['other'], removed: ['net'] } }
  }
]

for (const { it, after, changes } of cases) {
  t.test(`reports a change of ${it}`, async t => {
    const snapshots = [BEFORE, after].map((rules, i) =>
      compile(rules, { generation: i + 1, random: seeds(1000 + i) })
    )
    t.strictSame(compare(snapshots[0]!, snapshots[1]!), changes)
  })
}

import { readFileSync } from 'node:fs'
import t from 'tap'
import { showAddress } from '../../src/base/values/address.js'
import { showName } from '../../src/wire/dns/name/name.js'
import { EXPECTED, policyTestsSchema } from '../../src/policy/rules/schema/policy-tests-schema.js'
import { loadPolicyTests, readPolicyTests } from '../../src/policy/rules/tests/policy-tests.js'
import { keysOf } from '../yaml/schema-keys.js'
import { loadGood, type Files } from './folder.js'

const TABLE = `
clients: { phone: 10.20.1.1, tablet: '2001:db8::1' }
tests:
  - title: What this shows
    columns: [client, name, type, at, expect, rule]
    ede: censored
    protocol: tcp
    rows:
      - [phone, WWW.Clip.example., AAAA, 2023-03-10, null-address, federal]
      - [192.0.2.1, bücher.example, ~, ~, passes, ~]
`

t.test('a row is a query and its expected result, with the values for all rows', async t => {
  const { tests, errors } = readPolicyTests(TABLE, 'a.yaml', 'Europe/Brussels')
  t.strictSame(errors, [])
  const shown = tests.map(({ client, name, positionOf, ...test }) => ({
    ...test,
    client: showAddress(client),
    name: showName(name),
    expect: positionOf('expect'),
    ede: positionOf('ede')
  }))
  t.strictSame(shown, [
    {
      client: '10.20.1.1',
      clientText: 'phone (10.20.1.1)',
      name: 'www.clip.example',
      qtype: 28,
      protocol: 'tcp',
      at: Date.UTC(2023, 2, 9, 23) / 1000,
      expected: { expect: 'null-address', ede: 'censored', rule: 'federal' },
      path: 'tests[0].rows[0]',
      expect: { file: 'a.yaml', line: 9, column: 54 },
      ede: { file: 'a.yaml', line: 9, column: 9 }
    },
    {
      client: '192.0.2.1',
      clientText: '192.0.2.1',
      name: 'xn--bcher-kva.example',
      qtype: 1,
      protocol: 'tcp',
      at: undefined,
      expected: { expect: 'passes', ede: 'censored' },
      path: 'tests[0].rows[1]',
      expect: { file: 'a.yaml', line: 10, column: 43 },
      ede: { file: 'a.yaml', line: 10, column: 9 }
    }
  ])
})

const wrong = [
  {
    it: 'cells that are invalid in their columns',
    tables: `
  - title: all wrong
    columns: [client, name, type, protocol, at, expect, ede]
    rows: [[fone, a..b, X, tls, noon, nxdomian, loud]]`,
    errors: [
      "5:13: tests[0].rows[0][0]: expected an IP address, or a key of clients, found 'fone'; did you mean 'phone'?",
      "5:19: tests[0].rows[0][1]: expected a domain name, found 'a..b'",
      "5:25: tests[0].rows[0][2]: expected a query type such as AAAA, HTTPS or TYPE65280, found 'X'",
      "5:28: tests[0].rows[0][3]: expected one of udp, tcp, dot, doh, found 'tls'",
      "5:33: tests[0].rows[0][4]: expected a date such as 2023-03-13, or a time such as 2023-03-13T08:00 or …T08:00Z, found 'noon'",
      `5:39: tests[0].rows[0][5]: expected one of ${EXPECTED.join(', ')}, found 'nxdomian'; did you mean 'nxdomain'?`,
      "5:49: tests[0].rows[0][6]: expected one of blocked, censored, filtered, found 'loud'"
    ]
  },
  {
    it: 'a row that is too short, and one too long',
    tables: `
  - title: one
    rows: [[phone], [phone, a.example, blocked, A]]`,
    errors: [
      '4:12: tests[0].rows[0]: expected 3 cells (client, name, expect), found 1',
      '4:21: tests[0].rows[1]: expected 3 cells (client, name, expect), found 4'
    ]
  },
  {
    it: 'a row without required cells',
    tables: `
  - title: one
    columns: [name, type]
    rows: [[~, A]]`,
    errors: [
      '5:12: tests[0].rows[0]: missing client; expected an IP address, or a key of clients',
      '5:12: tests[0].rows[0]: missing name; expected a domain name',
      `5:12: tests[0].rows[0]: missing expect; expected one of ${EXPECTED.join(', ')}`
    ]
  },
  {
    it: 'a duplicate column, and one that is given for all rows as well',
    tables: `
  - title: one
    columns: [client, name, name, expect]
    expect: blocked
    rows: [[phone, a.example, a.example, blocked]]`,
    errors: [
      '4:29: tests[0].columns[2]: duplicate column name',
      '5:13: tests[0].expect: already a column of this table; give it once'
    ]
  },
  {
    it: 'a key that is misspelt',
    tables: `
  - title: one
    row: []`,
    errors: ["4:5: tests[0]: unknown key 'row'; did you mean 'rows'?"]
  }
]

for (const { it, tables, errors } of wrong) {
  t.test(`rejects ${it}`, async t => {
    const text = `clients: { phone: 10.20.1.1 }\ntests:${tables}\n`
    const read = readPolicyTests(text, 'a.yaml', 'UTC')
    t.strictSame(
      read.errors.map(({ message }) => message.replace('a.yaml:', '')).sort(),
      [...errors].sort()
    )
    t.ok(read.errors.every(({ code }) => code === 'DOCUMENT_INVALID'))
    t.strictSame(read.tests, [])
  })
}

const NETWORKS = 'networks: { all: { prefixes: [127.0.0.0/8] } }\n'

t.test('tests are not part of the rules', async t => {
  const without: Files = { 'networks.yaml': NETWORKS }
  const before = await loadGood(t, without)
  const after = await loadGood(t, { ...without, 'tests/a.yaml': 'no: such: thing' })
  t.equal(after.sha256, before.sha256)
  t.notOk(
    after.files.some(file => /\/tests(\/a\.yaml)?$/.test(file)),
    'and nobody watches them'
  )
})

t.test('reads every file of the folder, in order, and reports unreadable ones', async t => {
  const good = 'tests: [{ title: one, rows: [[127.0.0.1, a.example, passes]] }]\n'
  const folder = t.testdir({
    tests: {
      'b.yaml': good,
      'a.yaml': good,
      'c.yml': good,
      'notes.md': '',
      '.d.yaml': 'x',
      'e.yaml': {}
    }
  })
  const { tests, errors } = await loadPolicyTests(folder, 'UTC')
  const { file } = tests[0]!.positionOf('expect')
  t.match(file, /a\.yaml$/)
  t.equal(tests.length, 2)
  t.strictSame(
    errors.map(({ code, position }) => [code, position?.file.replace(/.*tests./, '')]),
    [
      ['RULES_UNREADABLE', 'c.yml'],
      ['RULES_UNREADABLE', 'e.yaml']
    ]
  )
})

t.test('a folder without tests has none', async t => {
  t.strictSame(await loadPolicyTests(t.testdir({}), 'UTC'), { tests: [], errors: [] })
})

t.test('docs/guides/policy-tests.md explains every key and every result', async t => {
  const page = readFileSync('docs/guides/policy-tests.md', 'utf8')
  const keys = [...keysOf(policyTestsSchema).keys()].map(path => path.split('.').at(-1)!)
  for (const word of [...new Set(keys), ...EXPECTED]) t.ok(page.includes(`\`${word}\``), word)
})

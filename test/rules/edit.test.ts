import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { parseDocument } from 'yaml'
import type { Clock } from '../../src/base/time/clock.js'
import type { InterdictError } from '../../src/base/errors/error.js'
import { editNetworks } from '../../src/policy/edit/edit-rules.js'
import { lineDiff } from '../../src/policy/edit/line-diff.js'
import type { PolicyEdit } from '../../src/policy/edit/policy-edit.js'
import { insertYaml } from '../../src/policy/yaml/insert-yaml.js'

/** A Tuesday. */
const NOW = Date.parse('2026-12-01T12:00:00Z')
const clock: Clock = { now: () => 0, wall: () => NOW }
const exception: PolicyEdit = {
  kind: 'exception',
  network: 'office',
  values: {
    'approved-by': 'CISO',
    purpose: 'press',
    apps: ['chatter'],
    prefixes: ['10.1.7.3'],
    until: 'friday'
  }
}
const edited = (text: string, ...edits: PolicyEdit[]): string =>
  editNetworks(text, edits, 'networks.yaml', clock).text

t.test('adds lines only, with the rest of the file as it is', async t => {
  const text = `# who is served
networks:
  office: # headquarters
    prefixes:   [ 10.0.0.0/8 ]   # all
    bans:
    - id: chatter-ban
      apps: [chatter]  # the app
      authority: 'Board'

  # the others
  guests:
    prefixes: [192.0.2.0/24]
`
  const after = edited(text, exception)
  t.equal(
    lineDiff(text, after),
    `@@ -6,6 +6,13 @@
     - id: chatter-ban
       apps: [chatter]  # the app
       authority: 'Board'
+    exceptions:
+      - apps: [chatter]
+        prefixes: [10.1.7.3]
+        purpose: press
+        approved-by: CISO
+        from: 2026-12-01
+        last-day: 2026-12-04
 
   # the others
   guests:
`
  )
  const second = edited(after, { ...exception, values: { ...exception.values, id: 'two' } })
  t.match(lineDiff(after, second), /\n\+ {6}- id: two\n/)
  t.notMatch(lineDiff(after, second), /\n-/)
})

t.test('adds to the shipped rules, and to each kind of section', async t => {
  const shipped = readFileSync('rules/networks.yaml', 'utf8')
  const edits: PolicyEdit[] = [
    { kind: 'ban', network: 'local', values: { apps: ['x'], authority: 'A', reference: 'R' } },
    { ...exception, network: 'local' },
    { kind: 'allow', network: 'local', values: { names: ['a.example'] }, comment: 'false alarm' },
    { kind: 'block', network: 'local', values: { lists: ['bad'] } },
    { kind: 'list', id: 'bad', values: { url: 'https://lists.example/bad' } },
    { kind: 'record', values: { name: 'printer.example', a: '10.1.2.3' } },
    { kind: 'record', network: 'local', values: { name: 'nas.example', a: '10.1.2.4' } }
  ]
  for (const edit of edits) {
    const after = edited(shipped, edit)
    const before = shipped.split('\n')
    const kept = after.split('\n').filter(line => before.includes(line))
    // `defaults` is in brackets in the shipped file: it is written again.
    if (edit.kind !== 'record' || edit.network !== undefined)
      t.notMatch(lineDiff(shipped, after), /\n-/, edit.kind)
    t.ok(kept.length >= before.length - 1, edit.kind)
  }
  const all = edited(shipped, ...edits)
  t.match(all, /\n {4}allow:\n {6}# false alarm\n {6}- a\.example\n/)
  t.match(parseDocument(all).toJS(), {
    defaults: { ttl: '60s', records: [{ name: 'printer.example' }] },
    networks: { local: { allow: ['a.example'], block: [{ lists: ['bad'] }] } },
    lists: { bad: { url: 'https://lists.example/bad' } }
  })
})

t.test('adds where there is nothing, or brackets', async t => {
  const allow: PolicyEdit = { kind: 'allow', network: 'n', values: { names: ['b.example'] } }
  const cases: readonly (readonly [before: string, after: string])[] = [
    ['networks:\n  n:\n', 'networks:\n  n:\n    allow:\n      - b.example\n'],
    ['networks:\n  n: # c', 'networks:\n  n: # c\n    allow:\n      - b.example\n'],
    [
      'networks:\n  n:\n    allow: [a.example] # fine\n',
      'networks:\n  n:\n    allow: [a.example, b.example] # fine\n'
    ],
    [
      'networks:\n  n:\n    allow: # none\n    ech: pass\n',
      'networks:\n  n:\n    allow: # none\n      - b.example\n    ech: pass\n'
    ],
    [
      'networks: { n: { ech: pass } } # one\n',
      'networks: # one\n  n:\n    ech: pass\n    allow:\n      - b.example\n'
    ],
    ['networks:\r\n  n: {}\r\n', 'networks:\r\n  n:\r\n    allow:\r\n      - b.example\r\n']
  ]
  for (const [before, after] of cases) t.equal(edited(before, allow), after, before)
})

t.test('an end is a day, a weekday, a number of days or a time', async t => {
  const base = 'networks: { office: {} }'
  const cases: readonly (readonly [until: string, written: Record<string, string>])[] = [
    ['2026-12-24', { 'last-day': '2026-12-24' }],
    ['Tue', { 'last-day': '2026-12-08' }],
    ['wednesday', { 'last-day': '2026-12-02' }],
    ['7d', { 'last-day': '2026-12-08' }],
    ['2026-12-04T17:00', { until: '2026-12-04T17:00' }]
  ]
  for (const [until, written] of cases) {
    const after = edited(base, { ...exception, values: { ...exception.values, until } })
    const found = parseDocument(after).toJS() as {
      networks: { office: { exceptions: object[] } }
    }
    const [rule] = found.networks.office.exceptions
    t.match(rule, { from: '2026-12-01', ...written }, until)
  }
})

t.test('refuses what it cannot add, with a code', async t => {
  const cases: readonly (readonly [text: string, edit: PolicyEdit, code: string])[] = [
    ['networks: { offices: {} }', exception, 'EDIT_NETWORK'],
    ['networks: { office: { exceptions: &a [] } }', { ...exception, network: 'x' }, 'EDIT_NETWORK'],
    ['networks: { office: { exceptions: text } }', exception, 'EDIT_PLACE'],
    ['a: &a []\nnetworks:\n  office:\n    exceptions: *a\n', exception, 'EDIT_PLACE'],
    ['networks: [', exception, 'DOCUMENT_SYNTAX'],
    ['lists: { bad: {} }', { kind: 'list', id: 'bad', values: {} }, 'EDIT_EXISTS'],
    ['lists: {}', { kind: 'list', values: {} }, 'EDIT_VALUES'],
    ['networks: {}', { kind: 'ban', values: {} }, 'EDIT_VALUES'],
    [
      'networks: { office: { exceptions: [{ id: one }] } }',
      { ...exception, values: { ...exception.values, id: 'one' } },
      'EDIT_EXISTS'
    ]
  ]
  for (const [text, edit, code] of cases) {
    try {
      edited(text, edit)
      t.fail(`${text} is accepted`)
    } catch (error) {
      t.equal((error as InterdictError).code, code, text)
    }
  }
})

t.test('whatever the values, the file has them and nothing else changes', async () => {
  const texts = [
    'networks:\n  n:\n    block:\n      - a # one\n      - { names: [b] }\n',
    'networks: { n: {} }'
  ]
  const value = fc.string({ unit: 'grapheme' }).filter(text => !/\p{Cc}/u.test(text))
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.array(value, { maxLength: 3 }),
      value,
      (text, names, one) => {
        const added = { names, id: one }
        const path = ['networks', 'n', 'block']
        const after = insertYaml(text, { path, value: added })
        const found = parseDocument(after).toJS() as { networks: { n: { block: unknown[] } } }
        return JSON.stringify(found.networks.n.block.at(-1)) === JSON.stringify(added)
      }
    ),
    { numRuns: 300 }
  )
})

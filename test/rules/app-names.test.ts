import { deepStrictEqual } from 'node:assert'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { showName } from '../../src/wire/dns/name/name.js'
import { factsOf } from '../../src/policy/rules/apps/app-file.js'
import { scanAppNames } from '../../src/policy/rules/apps/app-names.js'
import { appSchema } from '../../src/policy/rules/schema/app-schema.js'
import { readYaml } from '../../src/policy/yaml/read.js'
import { runs } from '../runs.js'

/** What is read quickly must be what the long way reads, on the same lines, with the same rest. */
function agrees(text: string): void {
  const quick = scanAppNames(text)
  if (quick === undefined) return
  const whole = readYaml(text, 'f', appSchema)
  const rest = readYaml(quick.rest, 'f', appSchema)
  if (!whole.ok || !rest.ok) {
    if (whole.ok === rest.ok) return
    throw new Error(`${text}\nis right only ${rest.ok ? 'quickly' : 'the long way'}`)
  }
  const names = whole.value.names.map((it, i) => ({
    value: it.name,
    line: whole.positionOf(['names', i]).line
  }))
  deepStrictEqual(quick.names, names)
  deepStrictEqual(
    quick.texts,
    names.map(({ value }) => showName(value.name))
  )
  const facts = whole.value.names.map((it, i) => factsOf(it, names[i]!.line))
  deepStrictEqual(
    quick.facts.map(it => ({ ...it })),
    facts
  )
  deepStrictEqual({ ...rest.value, names: [] }, { ...whole.value, names: [] })
  for (const key of ['app', 'collateral', 'addresses'])
    deepStrictEqual(rest.positionOf([key]), whole.positionOf([key]))
}

const shipped = readdirSync('rules/apps').map(file => readFileSync(`rules/apps/${file}`, 'utf8'))

t.test('reads all shipped app files without forced names as readYaml does', async t => {
  for (const text of shipped) {
    t.equal(scanAppNames(text) === undefined, text.includes(' force: '), text.slice(0, 100))
    agrees(text)
  }
})

const name = fc.constantFrom(
  ...['a.example', '=b.example', "'*.c.example'", '360.cn', '1.2.example', 'xn--a.xn--p1ai'],
  ...[
    '"*.d.example"',
    'A.example',
    'a..example',
    '10.0.0.1',
    'com',
    '1e5',
    'true',
    '-a.example',
    ''
  ]
)
const gap = fc.constantFrom(
  ' ',
  '\n      ',
  '\n        ',
  '\n    ',
  '\n  ',
  '\n',
  '\n\n      ',
  '  '
)
const fact = fc.constantFrom(
  ...['role: api', 'role: roll', 'confidence: low', 'confidence: none', 'first-seen: 2025-10-29'],
  ...['first-seen: 2023-11', 'first-seen: 2023-02-30', 'first-seen: 2024-02-29', 'first-seen: 11'],
  ...['evidence: [v2fly]', 'evidence: [a,\n        b-c]', 'evidence: [true, a]', 'evidence: []'],
  ...['evidence: [null]', 'evidence: a', 'note: two words', 'note: true', 'note: truely so'],
  ...[
    "note: 'a, b: c'",
    "note: 'it''s'",
    "note: ' a'",
    'note: a: b',
    'note: a #b',
    'note: -',
    'note: 7'
  ],
  ...['note: one\n      two', "note: 'one\n        two'", 'force: because', 'nmae: x', 'note: Null']
)
const entry = fc
  .tuple(name, fc.array(fc.tuple(gap, fact), { maxLength: 5 }))
  .map(([name, facts]) =>
    facts.length === 0
      ? `  - ${name}`
      : `  - { name: ${name}${facts.map(([gap, fact]) => `,${gap}${fact}`).join('')} }`
  )
const tail = fc.constantFrom(
  ...[
    '',
    'addresses: [192.0.2.0/24]',
    'shared-names:\n  - x.example',
    '# x',
    '- x',
    '  x: y',
    '---'
  ],
  ...['names:\n  - z.example', 'title: y', '...', 'country: BE', '  - { name: y.example']
)

t.test('gives the result of readYaml, or none, for any text', async t => {
  const text = fc
    .tuple(fc.array(entry, { maxLength: 4 }), tail, fc.constantFrom('\n', '', '\r\n'))
    .map(
      ([entries, tail, end]) =>
        ['app: x', 'title: x', 'collateral:', '  - a', 'names:', ...entries, tail].join('\n') + end
    )
  t.doesNotThrow(() => fc.assert(fc.property(text, agrees), runs(3000)))
})

t.test('gives the result of readYaml for shipped files with one character changed', async t => {
  const small = shipped.filter(text => text.length < 2500)
  const text = fc
    .tuple(
      fc.constantFrom(...small),
      fc.nat(),
      fc.constantFrom(
        ...[' ', '\n', '#', ':', '-', ',', '{', '}', '[', ']', "'", '"', 'é', '\t', '*', '&', '']
      )
    )
    .map(([text, at, sign]) => {
      const cut = at % text.length
      return text.slice(0, cut) + sign + text.slice(cut + 1)
    })
  t.doesNotThrow(() => fc.assert(fc.property(text, agrees), runs(300)))
})

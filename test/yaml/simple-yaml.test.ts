import { deepStrictEqual } from 'node:assert'
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { parseSimpleYaml } from '../../src/policy/yaml/simple-yaml.js'
import { YamlDocument } from '../../src/policy/yaml/yaml-document.js'
import { runs } from '../runs.js'

/** The simple parser must give the value that the library gives. */
function agrees(text: string): void {
  const found = parseSimpleYaml(text)
  if (found === undefined) return
  const whole = new YamlDocument(text, 'f')
  deepStrictEqual(whole.errors, [])
  deepStrictEqual(found.value, whole.value)
  for (const [key, { lines, column }] of found.lists) {
    for (const [i, line] of lines.entries()) {
      deepStrictEqual({ file: 'f', line, column }, whole.positionOf([key, i]))
    }
  }
}

const entry = fc.oneof(
  fc.constantFrom(
    'a.example',
    '"*.b.example"',
    '=c.example',
    '360.cn',
    '1.5',
    '1.e5',
    '0x1F',
    '2023-03-13',
    'true',
    'Null',
    '~',
    '.inf',
    'a: b',
    'a:b',
    'a #b',
    '"a #b"',
    "'a'",
    "'a''b'",
    "{ name: 'a, b', note: 'c''d' }",
    "{ name: 'a, b' }",
    '&x y',
    '*x',
    '!t x',
    '[a, b]',
    '{}',
    '{ a: b }',
    '{ name: a.example, evidence: [x:y, "z w"], note: two words; more }',
    '{ name: a, name: b }',
    '{ name: a, evidence: [] }',
    '{ name: a, }',
    '{ name: a: b }',
    '{ name: 7 }',
    '{ name: "a\\tb" }',
    '{ name: a } # note',
    '{ name: a',
    '- x',
    '? x',
    '|',
    'a\n    b',
    'a\n   b, c [d]',
    'a\n  b',
    '"a\n    b"',
    '{ name: a,\n    note: b }',
    'a\n    - b',
    'a\n    # b',
    'a # b\n    c',
    'a\n\n    b',
    'a,b [c] "d" #e',
    "it's, so",
    'a:',
    'a  ',
    'a\u00a0',
    'x\r y',
    '[ ]',
    ''
  ),
  fc.string({ maxLength: 12 })
)
const others = [
  ...['', '# x', '  # x', '- x', '    - y', 'k: v', '---', '...', 'k: v', 'l: [a, "b"] # c'],
  ...[
    'm: it is so, and more',
    'n:',
    'o: {a: b}',
    'p: a',
    '  b',
    ' c: d',
    'q: 7',
    'r: null',
    's: |'
  ],
  ...[
    't: >-\n  b # c\n  d: e',
    't: >-\n  b\n\n  c',
    'u: >-\n  b\n   c',
    'u: >-\n  b\n  # c',
    'w: >-'
  ],
  ...['x: >-\n  b \n  c', 'x: >-\n  b\n# c', 'y: >\n  b', 'z: >-\n  b\n']
]
const line = fc.oneof(
  { weight: 8, arbitrary: entry.map(value => `  - ${value}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...others)
  }
)
const gap = fc.constantFrom('', ' ', '# x', '  # x: y', '# - z')
const simple = Array.from({ length: 8 }, (_, i) => `  - n${i}.example`)

t.test('gives the values that the library gives, for any text', async t => {
  const text = fc
    .tuple(
      fc.array(gap, { maxLength: 3 }),
      fc.array(line, { maxLength: 4 }),
      fc.array(line, { maxLength: 3 }),
      fc.boolean()
    )
    .map(([head, some, more, windows]) =>
      [...head, 'app: x', 'names:', ...simple, ...some, 'more:', ...more].join(
        windows ? '\r\n' : '\n'
      )
    )
  t.doesNotThrow(() => fc.assert(fc.property(text, agrees), runs(2000)))
})

t.test('gives the values that the library gives, for any single entry', async t => {
  const text = entry.map(value => ['names:', ...simple, `  - ${value}`, ''].join('\n'))
  t.doesNotThrow(() => fc.assert(fc.property(text, agrees), runs(2000)))
})

t.test('gives the values that the library gives, for any keys', async t => {
  const text = fc
    .array(
      fc.oneof(
        fc.constantFrom(...others),
        entry.map(value => `v: ${value}`)
      ),
      { maxLength: 6 }
    )
    .map(lines => [...lines, 'names:', ...simple].join('\n'))
  t.doesNotThrow(() => fc.assert(fc.property(text, agrees), runs(2000)))
})

t.test('gives the position of every value of a list', async t => {
  const found = parseSimpleYaml(['# x', '', 'a: b', 'names:', ' # x', ...simple, 'c: d'].join('\n'))
  t.strictSame(found?.lists.get('names'), { lines: [6, 7, 8, 9, 10, 11, 12, 13], column: 5 })
})

const left = [
  { it: 'a file without a list', text: ['a: b'] },
  { it: 'a list with one odd entry', text: ['names:', ...simple, '  - &x y'] },
  { it: 'a list in two indentations', text: ['names:', ...simple, '   - y'] },
  { it: 'a list without entries', text: ['names:', ...simple, 'more:'] },
  { it: 'a key that is there twice', text: ['a: b', 'names:', ...simple, 'a: b'] },
  { it: 'a mapping of mappings', text: ['names:', ...simple, 'more:', '  a: b'] },
  { it: 'a file with a line that is no key', text: ['"x', ' y": z', 'names:', ...simple] },
  { it: 'a file of two documents', text: ['names:', ...simple, '---', 'x: y'] }
] as const

for (const { it, text } of left) {
  t.test(`leaves ${it} to the library`, async t =>
    t.equal(parseSimpleYaml(text.join('\n')), undefined)
  )
}

t.test('parses the simple forms', async t => {
  const found = parseSimpleYaml(`
# what it is
app: x # a name
title: It's a title, isn't it
pairs-with: [a, "b"]
collateral:
  - one line
  - two lines,
    folded
names:
  - "*.b.example"
  - =c
  - { name: a-1.cn, evidence: [x:y, "z w"], note: two words }
`)
  t.strictSame(found?.value, {
    app: 'x',
    title: "It's a title, isn't it",
    'pairs-with': ['a', 'b'],
    collateral: ['one line', 'two lines, folded'],
    names: ['*.b.example', '=c', { name: 'a-1.cn', evidence: ['x:y', 'z w'], note: 'two words' }]
  })
})

t.test('parses all shipped app files', async t => {
  const folder = 'rules/apps'
  for (const file of readdirSync(folder)) {
    const text = readFileSync(`${folder}/${file}`, 'utf8')
    t.ok(parseSimpleYaml(text), file)
    agrees(text)
  }
})

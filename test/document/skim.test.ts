import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import t from 'tap'
import { skim } from '../../src/document/skim.js'
import { Tree } from '../../src/document/tree.js'

/** The skimmed text and lists must mean what the library says that the whole text means. */
function agrees(text: string): void {
  const found = skim(text)
  if (found === undefined) return
  const whole = new Tree(text, 'f')
  const rest = new Tree(found.text, 'f')
  deepStrictEqual(rest.errors.length > 0, whole.errors.length > 0)
  if (whole.errors.length > 0) return
  for (const key of Object.keys(rest.value as object)) {
    const { line, column } = rest.positionOf([key], 'key')
    deepStrictEqual(
      { file: 'f', line: found.numbers[line - 1], column },
      whole.positionOf([key], 'key')
    )
  }
  const lists = Object.fromEntries(found.lists.map(({ key, values }) => [key, values]))
  deepStrictEqual({ ...(rest.value as object), ...lists }, whole.value)
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
    ''
  ),
  fc.string({ maxLength: 12 })
)
const line = fc.oneof(
  { weight: 8, arbitrary: entry.map(value => `  - ${value}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '# x', '  # x', '- x', '    - y', 'k: v', '---', '...')
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
  t.doesNotThrow(() => fc.assert(fc.property(text, agrees), { numRuns: 2000 }))
})

t.test('gives the values that the library gives, for any single entry', async t => {
  const text = entry.map(value => ['names:', ...simple, `  - ${value}`, ''].join('\n'))
  t.doesNotThrow(() => fc.assert(fc.property(text, agrees), { numRuns: 2000 }))
})

t.test('says where every value begins', async t => {
  const found = skim(['# x', '', 'a: b', 'names:', ' # x', ...simple, 'c: d'].join('\n'))
  t.match(found?.lists, [{ key: 'names', lines: [6, 7, 8, 9, 10, 11, 12, 13], column: 5 }])
  t.equal(found?.text, 'a: b\nnames:\nc: d', 'what was read is taken out')
  t.strictSame(found?.numbers, [3, 4, 14], 'and where the rest stood is known')
})

const left = [
  { it: 'a short list', text: ['names:', ...simple.slice(7)] },
  { it: 'a list with one odd entry', text: ['names:', ...simple, '  - &x y'] },
  { it: 'a list in two indentations', text: ['names:', ...simple, '   - y'] },
  { it: 'a file with a line that is no key', text: ['"x', ' y": z', 'names:', ...simple] },
  { it: 'a file of two documents', text: ['names:', ...simple, '---', 'x: y'] }
] as const

for (const { it, text } of left) {
  t.test(`leaves ${it} to the library`, async t => t.equal(skim(text.join('\n')), undefined))
}

t.test('does skim the simple forms', async t => {
  const entries = [
    '"*.b.example"',
    '=c',
    '{ name: a-1.cn, evidence: [x:y, "z w"], note: two words }'
  ]
  const found = skim(['names:', ...simple, ...entries.map(entry => `  - ${entry}`)].join('\n'))
  t.strictSame(found?.lists[0]?.values.slice(8), [
    '*.b.example',
    '=c',
    { name: 'a-1.cn', evidence: ['x:y', 'z w'], note: 'two words' }
  ])
})

import { deepStrictEqual } from 'node:assert'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { readYaml } from '../../src/policy/yaml/read.js'
import type { Path } from '../../src/policy/yaml/issues.js'
import { LineIndex } from '../../src/policy/yaml/plain-places.js'
import { parsePlainYaml } from '../../src/policy/yaml/plain-yaml.js'
import { YamlDocument } from '../../src/policy/yaml/yaml-document.js'
import { networksSchema } from '../../src/policy/rules/schema/networks-schema.js'
import { runs } from '../runs.js'

/** The plain parser must give the values and positions that the library gives. @returns if it reads it */
function agrees(text: string): boolean {
  const found = parsePlainYaml(text)
  if (found === undefined) return false
  const whole = new YamlDocument(text, 'f')
  deepStrictEqual(whole.errors, [])
  deepStrictEqual(found.value, whole.value)
  const lines = new LineIndex(text)
  for (const path of pathsIn(found.value)) {
    for (const part of ['key', 'value'] as const) {
      const at: unknown = lines.positionOf('f', found.places.offsetOf(path, part))
      deepStrictEqual(at, whole.positionOf(path, part), `${path.join('.')} ${part}`)
    }
  }
  return true
}

/** The paths of all values, and of some that are missing. */
function* pathsIn(value: unknown, path: Path = []): Generator<Path> {
  yield path
  yield [...path, 'missing']
  yield [...path, 99, 'missing']
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) yield* pathsIn(item, [...path, i])
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* pathsIn(item, [...path, key])
  }
}

const NETWORKS = `# Networks of all sites.
defaults: { action: nxdomain, ttl: 60s }

networks:
  site-1: # the first
    description: Site 1, north; room 12
    prefixes:
      - 10.0.0.0/24
      - 2001:db8::/32
    bans:
    - apps: [tiktok, "wechat"]
      authority: 'Some Office'
      reference: { title: Order 7, url: https://example.com/x }
      until: 2027-01-01
    - names:
        - a.example
        - '*.b.example'
      authority: Some Office
      reference: Order 8
  site-2:
    prefixes: [10.1.0.0/24, 10.2.0.0/24]
    extends: site-1
exceptions:
  max-days: 30
lists:
  ads: { file: lists/ads.txt, may-be-empty: true }
`

t.test('reads what a file of networks has', async t => {
  t.ok(agrees(NETWORKS))
  t.ok(agrees(NETWORKS.trimEnd()), 'without a line break at the end')
  t.ok(agrees('a: b'))
  const read = readYaml(NETWORKS, 'f', networksSchema)
  if (!read.ok) throw read.errors[0]!
  t.strictSame(read.positionOf(['networks', 'site-2', 'prefixes', 1]), {
    ...{ file: 'f', line: 21, column: 29 }
  })
})

t.test('an invalid file gives the errors of the library', async t => {
  const text = NETWORKS.replace('10.1.0.0/24', '10.1.0.0/99')
  t.match(readYaml(text, 'f', networksSchema), {
    ok: false,
    errors: [{ position: { file: 'f', line: 21, column: 16 } }]
  })
})

t.test('the networks that are shipped', async t => {
  for (const file of ['rules/networks.yaml'])
    t.doesNotThrow(() => agrees(readFileSync(file, 'utf8')))
})

const plain = [
  'a.example',
  'two words',
  '"a #b"',
  "'x, y'",
  '60s',
  '10.0.0.0/8',
  '7',
  'true',
  'a, b'
]
const scalar = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...plain) },
  fc.constantFrom(
    ...[
      'a.example',
      '=c.example',
      '360.cn',
      '1.5',
      '1.2.3',
      '1.e5',
      '0x1F',
      '60s',
      '5m',
      '2e',
      '7x',
      '8o1',
      '256MB',
      '1d5',
      '017',
      '7',
      '-7',
      '+7'
    ],
    ...['2023-03-13', '2023-03-13T10:00:00Z', 'true', 'True', 'false', 'Null', 'null', '~', '.inf'],
    ...[
      '10.0.0.0/8',
      '2001:db8::/32',
      '2001:db8::',
      '::1',
      '1:2',
      'a: b',
      'a:b',
      'a:',
      'a #b',
      'a#b'
    ],
    ...[
      '"a #b"',
      '"a\\tb"',
      "'a'",
      "'a''b'",
      '"a',
      "it's, so",
      '&x y',
      '*x',
      '!t x',
      '|',
      '>-',
      '? x'
    ],
    ...[
      'two words',
      'two words, and: more',
      'x [y]',
      'x }',
      '- x',
      '-',
      '- - x',
      '@x',
      '`x',
      '%x',
      ','
    ],
    ...[
      'a\u00a0',
      'caf\u00e9',
      '\u00e9',
      'a\tb',
      'a  ',
      'a # c',
      'a\n      b',
      '',
      '1e3',
      '1_000',
      '0',
      '00'
    ],
    ...[
      '12345678901234567890',
      'y',
      'no',
      '=',
      '==',
      '<<',
      'a b: c',
      'http://x.example/?y=1',
      '1/2',
      '::'
    ]
  ),
  fc.string({ maxLength: 6 })
)
const key = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('a', 'b', 'c-d', 'e') },
  fc.constantFrom(
    'a',
    'b',
    'c-d',
    'E.f',
    'true',
    'null',
    '7',
    '"q"',
    '<<',
    '__proto__',
    'x y',
    'g_h'
  )
)
const flow = fc.letrec<{ value: string; list: string; map: string }>(tie => ({
  value: fc.oneof({ weight: 4, arbitrary: scalar }, tie('list'), tie('map')),
  list: fc.array(tie('value'), { maxLength: 3 }).map(items => `[${items.join(', ')}]`),
  map: fc
    .array(fc.tuple(key, tie('value')), { maxLength: 3 })
    .map(pairs => `{ ${pairs.map(([key, value]) => `${key}: ${value}`).join(', ')} }`)
}))
const comment = fc.constantFrom('', '', '', ' # note', '   ', '#x')
const gap = fc.constantFrom('', '', '', '\n', '# note\n', '    # note\n', '   \n')

/** Block mappings and lists, with any values: most are of the plain form. */
const block = fc.letrec<{ node: Lines; map: Lines; list: Lines; leaf: Lines }>(tie => ({
  node: fc.oneof({ maxDepth: 3 }, tie('leaf'), tie('map'), tie('list')),
  leaf: fc.tuple(flow.value, comment).map(([value, note]) => [value + note]),
  map: fc
    .array(fc.tuple(key, tie('node'), gap, fc.integer({ min: 0, max: 3 })), {
      minLength: 1,
      maxLength: 3
    })
    .map(pairs => pairs.flatMap(([key, lines, gap, by]) => pairLines(key, lines, gap, by))),
  list: fc
    .array(fc.tuple(tie('node'), gap), { minLength: 1, maxLength: 3 })
    .map(items => items.flatMap(([lines, gap]) => itemLines(lines, gap)))
}))
type Lines = readonly string[]

function pairLines(key: string, lines: Lines, gap: string, by: number): Lines {
  const [first = ''] = lines
  if (lines.length === 1 && !/^(- |\S+:( |$))/.test(first)) return [`${gap}${key}: ${first}`]
  return [`${gap}${key}:`, ...lines.map(line => ' '.repeat(by) + line)]
}

function itemLines(lines: Lines, gap: string): Lines {
  return lines.map((line, i) => (i === 0 ? `${gap}- ${line}` : `  ${line}`))
}

/** Makes a text larger than the library may read. */
const large = (text: string): string => `#${' '.repeat(16 * 1024 * 1024)}\n${text}`

t.test('reads files without the library that are too large for it', async t => {
  const read = readYaml(large(NETWORKS), 'f', networksSchema)
  if (!read.ok) throw read.errors[0]!
  t.equal(Object.keys(read.value.networks).length, 2)
  t.strictSame(read.positionOf(['networks', 'site-2', 'prefixes', 1]), {
    ...{ file: 'f', line: 22, column: 29 }
  })
})

t.test('reports errors in such files where they are', async t => {
  const cases = [
    ['networks: {}\nlists: &a {}\n', 'f:3:1: invalid YAML: a file larger than 16 MB'],
    ['networks:\n\tx: {}\n', 'f:3:1: invalid YAML: a file larger than 16 MB'],
    ['networks: {}\nlist: {}\n', "f:3:1: unknown key 'list'"],
    ['networks:\n  a:\n    prefixes: [x]\n', 'f:4:16: networks.a.prefixes[0]: expected an address']
  ] as const
  for (const [text, message] of cases) {
    const read = readYaml(large(text), 'f', networksSchema)
    t.strictSame(read.ok ? [] : read.errors.map(it => it.message.slice(0, message.length)), [
      message
    ])
  }
})

t.test('gives the values and positions of the library, or leaves the file to it', async t => {
  let count = 0
  fc.assert(
    fc.property(block.map, lines => {
      if (agrees(`${lines.join('\n')}\n`)) count++
    }),
    runs(20_000)
  )
  t.ok(count > 100, `read ${count}`)
})

/** Small changes of a plain file: what is near to it is the most likely to be misread. */
t.test('the same for a plain file with changes', async t => {
  const change = fc.tuple(
    fc.nat(NETWORKS.length - 1),
    fc.nat(3),
    fc.oneof(
      fc.constantFrom(' ', '\n', '- ', ': ', '#', ' #', '"', "'", '[', '}', '\t', '  ', ','),
      scalar
    )
  )
  let count = 0
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), changes => {
      let text = NETWORKS
      for (const [at, length, by] of changes)
        text = text.slice(0, at) + by + text.slice(at + length)
      if (agrees(text)) count++
    }),
    runs(5000)
  )
  t.ok(count > 50, `read ${count}`)
})

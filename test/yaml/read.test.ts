import t from 'tap'
import type { Document, YAMLMap } from 'yaml'
import { z } from 'zod'
import { readYaml } from '../../src/policy/yaml/read.js'
import { YamlDocument } from '../../src/policy/yaml/yaml-document.js'

const schema = z.strictObject({
  cache: z.strictObject({ size: z.int().min(1).max(100), ttl: z.number().optional() }).optional(),
  mode: z.enum(['enforce', 'monitor']).optional(),
  names: z
    .array(z.union([z.string(), z.strictObject({ name: z.string(), note: z.string().optional() })]))
    .min(1)
    .optional(),
  networks: z.record(z.string().regex(/^[a-z]+$/, 'letters'), z.strictObject({})).optional(),
  title: z.string().optional()
})

const refusals: readonly { it: string; text: string | Buffer; errors: readonly string[] }[] = [
  {
    it: 'an empty file',
    text: '',
    errors: [
      'DOCUMENT_INVALID f.yaml:1:1: expected a mapping with the keys ' +
        'cache, mode, names, networks, title, found nothing'
    ]
  },
  {
    it: 'a string instead of a number',
    text: 'cache:\n  size: many\n',
    errors: ["DOCUMENT_INVALID f.yaml:2:9: cache.size: expected a number, found 'many'"]
  },
  {
    it: 'a number above its limit',
    text: 'cache: { size: 101 }\n',
    errors: ['DOCUMENT_INVALID f.yaml:1:16: cache.size: expected at most 100, found 101']
  },
  {
    it: 'a fraction instead of a whole number',
    text: 'cache: { size: 1.5 }\n',
    errors: ['DOCUMENT_INVALID f.yaml:1:16: cache.size: expected a whole number, found 1.5']
  },
  {
    it: 'a misspelt key, at the key',
    text: 'mode: enforce\ncahce: {}\n',
    errors: ["DOCUMENT_INVALID f.yaml:2:1: unknown key 'cahce'; did you mean 'cache'?"]
  },
  {
    it: 'a missing value, at its mapping',
    text: 'title: x\ncache:\n  ttl: 3\n',
    errors: ['DOCUMENT_INVALID f.yaml:3:3: cache.size: missing; expected a number']
  },
  {
    it: 'an unknown enum value',
    text: 'mode: on\n',
    errors: ["DOCUMENT_INVALID f.yaml:1:7: mode: expected one of enforce, monitor, found 'on'"]
  },
  {
    it: 'a number instead of a string',
    text: 'title: 716\n',
    errors: ['DOCUMENT_INVALID f.yaml:1:8: title: expected a string (in quotes), found 716']
  },
  {
    it: 'an error inside one form of a union',
    text: 'names:\n- { name: a, note: [x] }\n- 7\n',
    errors: [
      'DOCUMENT_INVALID f.yaml:2:20: names[0].note: expected a string, found a list',
      'DOCUMENT_INVALID f.yaml:3:3: names[1]: expected a string (in quotes), ' +
        'or a mapping with the keys name, note, found 7'
    ]
  },
  {
    it: 'control characters in values and keys, raw or escaped',
    text: 'title: "a\\e[2J"\nnames:\n- a\x07\n- { name: a, note: "\\x7f" }\nnetworks: { "\\x85": {} }\n',
    errors: [
      'DOCUMENT_INVALID f.yaml:1:8: title: expected text without control characters, found U+001B',
      'DOCUMENT_INVALID f.yaml:3:3: names[0]: expected text without control characters, found U+0007',
      'DOCUMENT_INVALID f.yaml:4:20: names[1].note: ' +
        'expected text without control characters, found U+007F',
      'DOCUMENT_INVALID f.yaml:5:13: networks: ' +
        'expected text without control characters, found U+0085',
      "DOCUMENT_INVALID f.yaml:5:13: networks: invalid key '\x85'; expected letters"
    ]
  },
  {
    it: 'an empty list',
    text: 'names: []\n',
    errors: ['DOCUMENT_INVALID f.yaml:1:8: names: expected at least 1 entry, found an empty list']
  },
  {
    it: 'an unknown key that is like no other',
    text: 'xyz: 1\n',
    errors: [
      "DOCUMENT_INVALID f.yaml:1:1: unknown key 'xyz'; expected one of " +
        'cache, mode, names, networks, title'
    ]
  },
  {
    it: 'a key of the wrong form',
    text: 'networks:\n  A1: {}\n',
    errors: ["DOCUMENT_INVALID f.yaml:2:3: networks: invalid key 'A1'; expected letters"]
  },
  {
    it: 'all errors at once',
    text: 'cache:\n  size: 0\nmode: x\ntitel: y\n',
    errors: [
      'DOCUMENT_INVALID f.yaml:2:9: cache.size: expected at least 1, found 0',
      "DOCUMENT_INVALID f.yaml:3:7: mode: expected one of enforce, monitor, found 'x'",
      "DOCUMENT_INVALID f.yaml:4:1: unknown key 'titel'; did you mean 'title'?"
    ]
  },
  {
    it: 'a duplicate key, and other errors',
    text: 'mode: enforce\nmode: x\n',
    errors: [
      "DOCUMENT_DUPLICATE f.yaml:2:1: duplicate key 'mode'",
      "DOCUMENT_INVALID f.yaml:1:7: mode: expected one of enforce, monitor, found 'x'"
    ]
  },
  {
    it: 'the right column with CRLF line breaks',
    text: 'mode: enforce\r\ntitle: 7\r\n',
    errors: ['DOCUMENT_INVALID f.yaml:2:8: title: expected a string (in quotes), found 7']
  },
  {
    it: 'octets that are not UTF-8',
    text: Buffer.from([0x6d, 0x3a, 0x0a, 0x61, 0xff, 0x62]),
    errors: ['DOCUMENT_SYNTAX f.yaml:2:2: invalid YAML: file is not UTF-8']
  }
]

for (const { it, text, errors } of refusals) {
  t.test(`rejects ${it}`, async t => {
    const read = readYaml(text, 'f.yaml', schema)
    t.strictSame(
      read.ok ? [] : read.errors.map(error => `${error.code} ${error.message}`).sort(),
      [...errors].sort()
    )
  })
}

const broken = [
  { it: 'a list that is not closed', text: 'names: [a, b\nmode: x\n', line: 1 },
  { it: 'a tab as indentation', text: 'cache:\n\tsize: 1\n', line: 2 },
  { it: 'an alias of nothing', text: 'title: *x\n', line: 1 },
  { it: 'a second document', text: 'title: x\n---\ntitle: y\n', line: 2 },
  { it: 'an unknown tag', text: 'mode: enforce\ntitle: !secret x\n', line: 2 },
  { it: 'a list as a key', text: '? [a, b]\n: x\n', line: 1 },
  { it: 'aliases that multiply', text: bomb(), line: 1 },
  { it: 'ten thousand nested lists', text: `names: ${'['.repeat(10_000)}`, line: 1 }
] as const

for (const { it, text, line } of broken) {
  t.test(`rejects ${it} as invalid YAML`, async t => {
    const read = readYaml(text, 'f.yaml', schema)
    const [first] = read.ok ? [] : read.errors
    t.match(first, { code: 'DOCUMENT_SYNTAX', position: { file: 'f.yaml', line } })
  })
}

const accepts = [
  { it: 'a BOM', text: '\ufefftitle: x\n' },
  { it: 'octets with a BOM', text: Buffer.from('\ufefftitle: x\n') },
  { it: 'Windows line ends', text: 'title: x\r\n' },
  { it: 'comments', text: '# a\ntitle: x # b\n' },
  { it: 'yes and no as texts, as YAML 1.2 has it', text: 'title: no\n', title: 'no' },
  { it: 'a date as a text', text: 'title: 2023-03-13\n', title: '2023-03-13' },
  {
    it: 'several lines, whatever their ends',
    text: 'title: x\r\nnames:\r\n- |\r\n  a\tb\r\n  c\r\n',
    names: ['a\tb\nc\n']
  },
  { it: 'an alias', text: 'title: &t x\nnames: [*t]\n', names: ['x'] }
] as const

for (const { it, text, ...value } of accepts) {
  t.test(`reads ${it}`, async t => {
    const read = readYaml(text, 'f.yaml', schema)
    t.match(read, { ok: true, value: { title: 'x', ...value } })
  })
}

t.test('gives the positions of values and keys', async t => {
  const read = readYaml('title: x\ncache:\n  size: 5\nnames: [a, b]\n', 'f.yaml', schema)
  if (!read.ok) throw new Error('is not read')
  const at = (line: number, column: number) => ({ file: 'f.yaml', line, column })
  t.strictSame(read.positionOf(['cache', 'size']), at(3, 9))
  t.strictSame(read.positionOf(['cache', 'size'], 'key'), at(3, 3))
  t.strictSame(read.positionOf(['names', 1]), at(4, 12))
  t.strictSame(read.positionOf(['names', 7, 'x']), at(4, 8), 'of what is around a missing one')
  t.strictSame(read.positionOf([]), at(1, 1))
})

t.test('finds each key of a mapping without passing through all others', async t => {
  const COUNT = 1000
  const text = Array.from({ length: COUNT }, (_, i) => `k${i}: v\n`).join('')
  const whole = new YamlDocument(text, 'f.yaml')
  const { document } = whole as unknown as { document: Document<YAMLMap> }
  let reads = 0
  const contents = document.contents!
  contents.items = new Proxy(contents.items, {
    get: (items, key) => {
      reads++
      return Reflect.get(items, key) as unknown
    }
  })
  for (let i = 0; i < COUNT; i++) t.equal(whole.positionOf([`k${i}`]).line, i + 1)
  t.ok(reads < 10 * COUNT, `${reads} reads`)
  t.equal(document.options.uniqueKeys, false, 'the library would compare all pairs of keys')
})

function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, i) => {
    const alias = i === 0 ? 'lol' : `*a${i - 1}`
    return `- &a${i} [${Array<string>(9).fill(alias).join(', ')}]`
  })
  return levels.join('\n')
}

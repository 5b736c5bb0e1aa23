import t from 'tap'
import { z } from 'zod'
import { readYaml } from '../../src/yaml/read.js'

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
      'DOCUMENT_INVALID f.yaml:1:1 found nothing, wanted a mapping with the keys ' +
        'cache, mode, names, networks, title'
    ]
  },
  {
    it: 'a text for a number',
    text: 'cache:\n  size: many\n',
    errors: ['DOCUMENT_INVALID f.yaml:2:9 cache.size: found "many", wanted a number']
  },
  {
    it: 'a number beyond its limit',
    text: 'cache: { size: 101 }\n',
    errors: ['DOCUMENT_INVALID f.yaml:1:16 cache.size: found 101, wanted at most 100']
  },
  {
    it: 'a fraction for a whole number',
    text: 'cache: { size: 1.5 }\n',
    errors: ['DOCUMENT_INVALID f.yaml:1:16 cache.size: found 1.5, wanted a whole number']
  },
  {
    it: 'a misspelt key, at the key',
    text: 'mode: enforce\ncahce: {}\n',
    errors: [
      'DOCUMENT_INVALID f.yaml:2:1 cahce: found "cahce", wanted one of the keys ' +
        'cache, mode, names, networks, title, did you mean "cache"?'
    ]
  },
  {
    it: 'a missing value, at what should hold it',
    text: 'title: x\ncache:\n  ttl: 3\n',
    errors: ['DOCUMENT_INVALID f.yaml:3:3 cache.size: found nothing, wanted a number']
  },
  {
    it: 'a word that is not one of the words',
    text: 'mode: on\n',
    errors: ['DOCUMENT_INVALID f.yaml:1:7 mode: found "on", wanted one of enforce, monitor']
  },
  {
    it: 'a number where a text belongs',
    text: 'title: 716\n',
    errors: ['DOCUMENT_INVALID f.yaml:1:8 title: found 716, wanted a text (in quotes)']
  },
  {
    it: 'an error inside one form of several',
    text: 'names:\n- { name: a, note: [x] }\n- 7\n',
    errors: [
      'DOCUMENT_INVALID f.yaml:2:20 names[0].note: found a list, wanted a text',
      'DOCUMENT_INVALID f.yaml:3:3 names[1]: found 7, wanted a text (in quotes), ' +
        'or a mapping with the keys name, note'
    ]
  },
  {
    it: 'an empty list',
    text: 'names: []\n',
    errors: ['DOCUMENT_INVALID f.yaml:1:8 names: found an empty list, wanted at least 1 entry']
  },
  {
    it: 'a key of the wrong form',
    text: 'networks:\n  A1: {}\n',
    errors: ['DOCUMENT_INVALID f.yaml:2:3 networks.A1: found "A1", wanted letters']
  },
  {
    it: 'all errors at once',
    text: 'cache:\n  size: 0\nmode: x\ntitel: y\n',
    errors: [
      'DOCUMENT_INVALID f.yaml:2:9 cache.size: found 0, wanted at least 1',
      'DOCUMENT_INVALID f.yaml:3:7 mode: found "x", wanted one of enforce, monitor',
      'DOCUMENT_INVALID f.yaml:4:1 titel: found "titel", wanted one of the keys ' +
        'cache, mode, names, networks, title, did you mean "title"?'
    ]
  },
  {
    it: 'a key given twice, and what else is wrong',
    text: 'mode: enforce\nmode: x\n',
    errors: [
      'DOCUMENT_DUPLICATE f.yaml:2:1 found the key "mode" a second time, wanted each key once',
      'DOCUMENT_INVALID f.yaml:1:7 mode: found "x", wanted one of enforce, monitor'
    ]
  },
  {
    it: 'a column behind Windows line ends',
    text: 'mode: enforce\r\ntitle: 7\r\n',
    errors: ['DOCUMENT_INVALID f.yaml:2:8 title: found 7, wanted a text (in quotes)']
  },
  {
    it: 'octets that are not UTF-8',
    text: Buffer.from([0x6d, 0x3a, 0x0a, 0x61, 0xff, 0x62]),
    errors: ['DOCUMENT_SYNTAX f.yaml:2:2 cannot be read as YAML: not UTF-8']
  }
]

for (const { it, text, errors } of refusals) {
  t.test(`refuses ${it}`, async t => {
    const read = readYaml(text, 'f.yaml', schema)
    t.strictSame(
      read.ok ? [] : read.errors.map(error => `${error.code} ${error.message}`).sort(),
      [...errors].sort()
    )
  })
}

const broken = [
  { it: 'a list that is not closed', text: 'names: [a, b\nmode: x\n', line: 2 },
  { it: 'a tab as indentation', text: 'cache:\n\tsize: 1\n', line: 2 },
  { it: 'an alias of nothing', text: 'title: *x\n', line: 1 },
  { it: 'a second document', text: 'title: x\n---\ntitle: y\n', line: 2 },
  { it: 'an unknown tag', text: 'mode: enforce\ntitle: !secret x\n', line: 2 },
  { it: 'a list as a key', text: '? [a, b]\n: x\n', line: 1 },
  { it: 'aliases that multiply', text: bomb(), line: 1 },
  { it: 'ten thousand nested lists', text: `names: ${'['.repeat(10_000)}`, line: 1 }
] as const

for (const { it, text, line } of broken) {
  t.test(`refuses ${it} as no YAML of ours`, async t => {
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
  { it: 'an alias', text: 'title: &t x\nnames: [*t]\n', names: ['x'] }
] as const

for (const { it, text, ...value } of accepts) {
  t.test(`reads ${it}`, async t => {
    const read = readYaml(text, 'f.yaml', schema)
    t.match(read, { ok: true, value: { title: 'x', ...value } })
  })
}

t.test('tells the place of values and keys', async t => {
  const read = readYaml('title: x\ncache:\n  size: 5\nnames: [a, b]\n', 'f.yaml', schema)
  if (!read.ok) throw new Error('is not read')
  const at = (line: number, column: number) => ({ file: 'f.yaml', line, column })
  t.strictSame(read.positionOf(['cache', 'size']), at(3, 9))
  t.strictSame(read.positionOf(['cache', 'size'], 'key'), at(3, 3))
  t.strictSame(read.positionOf(['names', 1]), at(4, 12))
  t.strictSame(read.positionOf(['names', 7, 'x']), at(4, 8), 'of what is around a missing one')
  t.strictSame(read.positionOf([]), at(1, 1))
})

function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, i) => {
    const alias = i === 0 ? 'lol' : `*a${i - 1}`
    return `- &a${i} [${Array<string>(9).fill(alias).join(', ')}]`
  })
  return levels.join('\n')
}

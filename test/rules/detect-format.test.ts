import fc from 'fast-check'
import t from 'tap'
import { InterdictError } from '../../src/base/errors/error.js'
import { LIST_FORMATS } from '../../src/policy/rules/model/list-format.js'
import { detectFormat } from '../../src/policy/rules/lists/detect-format.js'
import { runs } from '../runs.js'
import { poured } from './folder.js'
import { readOne } from './list.js'

const looks = [
  {
    it: 'names',
    text: '# x\na.example\n*.b.example\n',
    format: 'domains',
    by: 'all of its first 2 lines'
  },
  { it: 'one name', text: 'a.example\n', format: 'domains', by: 'its only line' },
  { it: 'nothing', text: '# none\n', format: 'domains', by: 'default, as it has no lines' },
  {
    it: 'hosts lines',
    text: '::1 localhost\n0.0.0.0 a.example\n',
    format: 'hosts',
    by: 'all of its first 2 lines'
  },
  {
    it: 'addresses',
    text: '192.0.2.1 # x\n2001:db8::/32\n',
    format: 'addresses',
    by: 'all of its first 2 lines'
  },
  {
    it: 'an ad blocker header',
    text: '\ufeff[Adblock Plus 2.0]\na.example\n',
    format: 'adblock',
    by: 'its first line'
  },
  {
    it: 'ad blocker rules',
    text: '! x\n||a.example^\na.example\n@@||b.example^\n##.ad\n/x/\n',
    format: 'adblock',
    by: '4 of its first 5 lines'
  },
  {
    it: 'dnsmasq',
    text: 'address=/a.example/\nserver=/b.example/\n',
    format: 'dnsmasq',
    by: 'all of its first 2 lines'
  },
  {
    it: 'Unbound',
    text: 'server:\n  local-zone: "a.example" static\n',
    format: 'unbound',
    by: 'all of its first 2 lines'
  },
  {
    it: 'v2fly',
    text: 'a.example\nb.example\nfull:c.example\n',
    format: 'v2fly',
    by: '1 of its first 3 lines'
  },
  {
    it: 'most lines, and not one odd line',
    text: 'a.example\nb.example\n||c.example^\n',
    format: 'domains',
    by: '2 of its first 3 lines'
  },
  {
    it: 'no more than the first thousand lines',
    text: `${'a.example\n'.repeat(1000)}${'||a.example^\n'.repeat(2000)}`,
    format: 'domains',
    by: 'all of its first 1000 lines'
  },
  {
    it: 'one line of 10 MB',
    text: '|'.repeat(10 * 2 ** 20),
    format: 'adblock',
    by: 'its only line'
  }
] as const

for (const { it, text, format, by } of looks) {
  t.test(`detects ${it}`, async t => t.strictSame(detectFormat(Buffer.from(text)), { format, by }))
}

t.test('reports how the format was detected, or undefined if it is configured', async t => {
  t.match(readOne('||a.example^\n'), {
    reports: [{ format: 'adblock', detectedBy: 'its only line' }]
  })
  t.match(readOne('a.example\n', { format: 'v2fly' }), {
    reports: [{ format: 'v2fly', detectedBy: undefined }]
  })
})

/** Of what lines of all formats are made. */
const WORDS = [
  ...[
    'a',
    'example',
    '.',
    ' ',
    '\n',
    '\r',
    '\t',
    '#',
    '!',
    '*',
    'é',
    '\0',
    '$',
    ',',
    '=',
    '|',
    '~'
  ],
  ...['||', '^', '@@', '/', '"', "'", '[', ']', '0.0.0.0', '192.0.2.1', '::', '2001:db8::/32'],
  ...[
    '$important',
    'dnstype=',
    'client=',
    'denyallow=',
    'dnsrewrite=',
    'badfilter',
    'NOERROR;',
    'A;'
  ],
  ...[
    'address=/',
    'server=/',
    'local=/',
    'local-zone: ',
    'local-data: ',
    'static',
    'redirect',
    ' A '
  ],
  ...['full:', 'include:', ' @x', '##', '||a.example^\n', '@@||b.a.example^$dnstype=A\n']
]

for (const format of LIST_FORMATS) {
  t.test(`accepts any octets as ${format} or rejects them with error codes`, async t => {
    const octets = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.constantFrom(...WORDS), { maxLength: 60 })
        .map(parts => Buffer.from(parts.join('')))
    )
    const holds = (octets: Uint8Array): boolean => {
      const result = readOne(octets, { format })
      if ('errors' in result) return result.errors.every(it => it instanceof InterdictError)
      return result.parts.every(part => {
        const lines = poured(part)
        const names = lines.filter(line => /^(?:suffix|exact|below) /.test(line))
        return names.length <= part.bounds.names && lines.join() === poured(part).join()
      })
    }
    t.doesNotThrow(() => fc.assert(fc.property(octets, holds), runs(500)))
  })
}

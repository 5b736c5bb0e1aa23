import fc from 'fast-check'
import t from 'tap'
import { InterdictError } from '../../src/base/error.js'
import { readList } from '../../src/rules/list-file.js'
import type { ListFormat } from '../../src/rules/list-lines.js'
import { brief, poured } from './folder.js'

const read = (text: string | Buffer, format: ListFormat = 'auto') =>
  readList('m', Buffer.from(text), format, 'lists/m.txt', 'lists/m.txt')

/** What a list that is taken pours, and its warnings. */
function taken(text: string | Buffer, format?: ListFormat): readonly string[] {
  const result = read(text, format)
  if ('errors' in result) return brief(result.errors)
  return [...result.parts.flatMap(poured), ...brief(result.warnings)]
}

const lists: readonly {
  it: string
  text: string | Buffer
  format?: ListFormat
  gives: readonly string[]
}[] = [
  { it: 'nothing', text: '', gives: ['RULES_LIST_EMPTY lists/m.txt:1:1'] },
  {
    it: 'nothing but comments and the machine itself',
    text: '# all gone\n127.0.0.1 localhost\n',
    gives: ['RULES_LIST_EMPTY lists/m.txt:1:1']
  },
  {
    it: 'names and all below them',
    text: 'a.example\nB.example.\n',
    gives: ['suffix a.example 1', 'suffix b.example 2']
  },
  {
    it: 'a last line without an end',
    text: 'a.example\nb.example',
    gives: ['suffix a.example 1', 'suffix b.example 2']
  },
  {
    it: 'Windows line ends and a BOM',
    text: '\ufeffa.example\r\n\r\nb.example\r\n',
    gives: ['suffix a.example 1', 'suffix b.example 3']
  },
  {
    it: 'comments',
    text: '# x\n! y\n  # z\na.example # b.example\nb.example#c\n',
    gives: ['suffix a.example 4', 'suffix b.example 5']
  },
  { it: 'wildcards', text: '*.a.example\n', gives: ['suffix a.example 1'] },
  { it: 'blank space around', text: '\t a.example \t\n', gives: ['suffix a.example 1'] },
  {
    it: 'internationalized names',
    text: 'bücher.example\n',
    gives: ['suffix xn--bcher-kva.example 1']
  },
  {
    it: 'hosts lines',
    text: '0.0.0.0 a.example\n127.0.0.1\tb.example\n:: c.example\n::1 d.example\n',
    gives: ['exact a.example 1', 'exact b.example 2', 'exact c.example 3', 'exact d.example 4']
  },
  {
    it: 'several names a hosts line',
    text: '0.0.0.0 a.example b.example # c.example\n',
    gives: ['exact a.example 1', 'exact b.example 1']
  },
  {
    it: 'what every hosts file begins with',
    text: '127.0.0.1 localhost\n127.0.0.1 localhost.localdomain\n255.255.255.255 broadcasthost\nfe80::1%lo0 localhost\nff02::1 ip6-allnodes\n0.0.0.0 0.0.0.0\n0.0.0.0 a.example\n',
    gives: ['exact a.example 7']
  },
  {
    it: 'names as hosts lines',
    text: '0.0.0.0 a.example\nb.example\n',
    format: 'hosts',
    gives: ['exact a.example 1', 'RULES_LIST_LINE lists/m.txt:2:1']
  },
  {
    it: 'hosts lines as names',
    text: 'a.example\n0.0.0.0 b.example\n',
    format: 'domains',
    gives: ['suffix a.example 1', 'RULES_LIST_LINE lists/m.txt:2:1']
  },
  {
    it: 'a real host',
    text: 'a.example\n192.0.2.1 printer.example\n',
    gives: ['suffix a.example 1', 'RULES_LIST_LINE lists/m.txt:2:11']
  },
  {
    it: 'an address alone',
    text: 'a.example\n0.0.0.0\n',
    gives: ['suffix a.example 1', 'RULES_LIST_LINE lists/m.txt:2:8']
  },
  {
    it: 'an address as a name',
    text: 'a.example\n0.0.0.0 192.0.2.1\n',
    gives: ['suffix a.example 1', 'RULES_LIST_LINE lists/m.txt:2:9']
  },
  {
    it: 'a top-level domain',
    text: 'a.example\ncom\n*.org\n',
    gives: [
      'suffix a.example 1',
      'RULES_LIST_LINE lists/m.txt:2:1',
      'RULES_LIST_LINE lists/m.txt:3:3'
    ]
  },
  {
    it: 'two names a line',
    text: 'a.example\nb.example c.example\n',
    gives: ['suffix a.example 1', 'RULES_LIST_LINE lists/m.txt:2:1']
  },
  {
    it: 'adblock lines',
    text: 'a.example\n||b.example^\n',
    gives: ['suffix a.example 1', 'RULES_LIST_LINE lists/m.txt:2:1']
  },
  {
    it: 'octets that are no text',
    text: Buffer.from('a.example\n\xff\xfe.example\n\0\n', 'latin1'),
    gives: [
      'suffix a.example 1',
      'RULES_LIST_LINE lists/m.txt:2:1',
      'RULES_LIST_LINE lists/m.txt:3:1'
    ]
  },
  { it: 'HTML', text: ' \n<html>', gives: ['RULES_LIST_REFUSED lists/m.txt:1:1'] },
  {
    it: 'one line that is bad',
    text: 'a b\n',
    gives: ['RULES_LIST_REFUSED lists/m.txt:1:1', 'RULES_LIST_LINE lists/m.txt:1:1']
  }
]

for (const { it, text, format, gives } of lists) {
  t.test(`reads ${it}`, async t => t.strictSame(taken(text, format), [...gives]))
}

t.test('takes a list without names where somebody has said that it may be', async t => {
  const result = readList('m', Buffer.from('# none yet\n'), 'auto', 'm', 'm', true)
  t.match(result, { parts: [{ bounds: { names: 0 } }], warnings: [] })
})

const lines = (good: number, bad: number): string =>
  'a.example\n'.repeat(good) + 'a b\n'.repeat(bad)

const limits = [
  { it: '100 bad lines in few', good: 1, bad: 100, refused: false },
  { it: '101 bad lines, over a tenth of all', good: 900, bad: 101, refused: true },
  { it: '101 bad lines, a tenth of all', good: 909, bad: 101, refused: false }
] as const

for (const { it, good, bad, refused } of limits) {
  t.test(`${refused ? 'refuses' : 'takes'} ${it}`, async t => {
    const result = read(lines(good, bad))
    t.equal('errors' in result, refused)
    const reports = 'errors' in result ? result.errors.slice(1) : result.warnings
    t.equal(reports.filter(({ code }) => code === 'RULES_LIST_LINE').length, 20)
  })
}

t.test('says beforehand how much it will pour', async t => {
  const result = read('a.example\n0.0.0.0 bb.example cc.example\n# x\n')
  const bounds = { names: 3, octets: 11 + 12 + 12 }
  t.match(result, { parts: [{ kind: 'list', id: 'm', bounds }] })
})

t.test('takes any octets or refuses them with codes', async t => {
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .array(fc.constantFrom('a', '.', ' ', '\n', '\r', '#', '!', '0.0.0.0 ', '::', '*', 'é', '\t'))
      .map(parts => Buffer.from(parts.join('')))
  )
  const holds = (octets: Uint8Array): boolean => {
    const result = readList('m', octets, 'auto', 'm', 'm')
    if ('errors' in result) return result.errors.every(it => it instanceof InterdictError)
    return result.parts.every(part => poured(part).length === part.bounds.names)
  }
  t.doesNotThrow(() => fc.assert(fc.property(octets, holds), { numRuns: 1000 }))
})

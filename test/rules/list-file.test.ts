import t from 'tap'
import type { ListFormat } from '../../src/policy/rules/model/list-format.js'
import { readOne, saidBy } from './list.js'

const lists: readonly {
  it: string
  text: string | Buffer
  format?: ListFormat
  gives: readonly string[]
}[] = [
  { it: 'nothing', text: '', gives: ['RULES_LIST_EMPTY lists/m.txt:1:1'] },
  {
    it: 'only comments and local names',
    text: '# all gone\n127.0.0.1 localhost\n',
    gives: ['RULES_LIST_EMPTY lists/m.txt:1:1']
  },
  {
    it: 'names and everything below them',
    text: 'a.example\nB.example.\n',
    gives: ['suffix a.example 1', 'suffix b.example 2']
  },
  {
    it: 'a last line without a line break',
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
    it: 'several names per hosts line',
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
    it: 'two names per line',
    text: 'a.example\nb.example c.example\n',
    gives: ['suffix a.example 1', 'RULES_LIST_LINE lists/m.txt:2:1']
  },
  {
    it: 'an adblock line among names',
    text: 'a.example\nb.example\n||c.example^\n',
    gives: ['suffix a.example 1', 'suffix b.example 2', 'RULES_LIST_LINE lists/m.txt:3:1']
  },
  {
    it: 'every blocking address',
    text: [
      ...['0.0.0.0 a.example', '127.0.0.1 b.example', '127.0.0.53 c.example', '0 d.example'],
      ...[':: e.example', '::1 f.example', '0:0:0:0:0:0:0:0 g.example'],
      ...['::ffff:0.0.0.0 h.example', '::ffff:127.0.0.1 i.example', '']
    ].join('\n'),
    gives: Array.from('abcdefghi', (name, i) => `exact ${name}.example ${i + 1}`)
  },
  {
    it: 'a name in Latin-1',
    text: Buffer.from('# Münster\na.example\nm\xfcnster.example\n', 'latin1'),
    gives: ['suffix a.example 2', 'RULES_LIST_LINE lists/m.txt:3:1']
  },
  {
    it: 'NULs in and after names',
    text: 'a.example\nb\0.example\nc.example\0\n\0\0\0\0\n',
    gives: [
      'suffix a.example 1',
      'RULES_LIST_LINE lists/m.txt:2:1',
      'RULES_LIST_LINE lists/m.txt:3:1',
      'RULES_LIST_LINE lists/m.txt:4:1'
    ]
  },
  {
    it: 'a line of 10 MB as one bad line',
    text: `a.example\n${'b'.repeat(10 * 2 ** 20)}\nc.example\n`,
    gives: ['suffix a.example 1', 'suffix c.example 3', 'RULES_LIST_LINE lists/m.txt:2:1']
  },
  {
    it: 'a line of many names up to 64 KB',
    text: `0.0.0.0 a.example${' '.repeat(60_000)}b.example\n`,
    gives: ['exact a.example 1', 'exact b.example 1']
  },
  {
    it: 'a Unicode name that is too long',
    text: `a.example\n${'ü'.repeat(5000)}.example\n`,
    gives: ['suffix a.example 1', 'RULES_LIST_LINE lists/m.txt:2:1']
  },
  {
    it: 'CR line breaks as one line',
    text: 'a.example\rb.example\rc.example\r',
    gives: ['RULES_LIST_REFUSED lists/m.txt:1:1', 'RULES_LIST_LINE lists/m.txt:1:1']
  },
  {
    it: 'UTF-16',
    text: Buffer.from('\ufeffa.example\n', 'utf16le'),
    gives: ['RULES_LIST_REFUSED lists/m.txt:1:1']
  },
  {
    it: 'an error page behind a BOM and blank lines',
    text: '\ufeff\r\n\r\n<!DOCTYPE html>\r\n<title>404</title>\r\n',
    gives: ['RULES_LIST_REFUSED lists/m.txt:1:1']
  },
  {
    it: 'an error message',
    text: '404: Not Found',
    gives: ['RULES_LIST_REFUSED lists/m.txt:1:1', 'RULES_LIST_LINE lists/m.txt:1:1']
  },
  {
    it: 'JSON',
    text: '{"message":"Not Found"}\n',
    gives: ['RULES_LIST_REFUSED lists/m.txt:1:1', 'RULES_LIST_LINE lists/m.txt:1:1']
  },
  {
    it: 'binary data',
    text: Buffer.from('a.example\n\xff\xfe.example\n\0\n', 'latin1'),
    gives: [
      'suffix a.example 1',
      'RULES_LIST_LINE lists/m.txt:2:1',
      'RULES_LIST_LINE lists/m.txt:3:1'
    ]
  },
  { it: 'HTML', text: ' \n<html>', gives: ['RULES_LIST_REFUSED lists/m.txt:1:1'] },
  {
    it: 'one invalid line',
    text: 'a b\n',
    gives: ['RULES_LIST_REFUSED lists/m.txt:1:1', 'RULES_LIST_LINE lists/m.txt:1:1']
  }
]

for (const { it, text, format, gives } of lists) {
  t.test(`reads ${it}`, async t => t.strictSame(saidBy(readOne(text, { format })), [...gives]))
}

t.test('accepts an empty list if it may be empty', async t => {
  const result = readOne('# none yet\n', { mayBeEmpty: true })
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
  t.test(`${refused ? 'rejects' : 'accepts'} ${it}`, async t => {
    const result = readOne(lines(good, bad))
    t.equal('errors' in result, refused)
    const reports = 'errors' in result ? result.errors.slice(1) : result.warnings
    t.equal(reports.filter(({ code }) => code === 'RULES_LIST_LINE').length, 20)
  })
}

t.test('shows the text of skipped lines', async t => {
  const text = `a.example\nb  c!\n\n${'x'.repeat(99)}.. y\nd\u001bd\nz.example\n`
  const result = readOne(text)
  const shown = ('warnings' in result ? result.warnings : []).map(({ message }) => message)
  t.match(shown, [
    /:2:1: line skipped: .*: 'b {2}c!'$/,
    new RegExp(`:4:1: line skipped: .*: '${'x'.repeat(60)}…'$`),
    /:5:1: line skipped: .*: 'd\\u001bd'$/
  ])
})

t.test('announces how much it will write', async t => {
  const result = readOne('a.example\n0.0.0.0 bb.example cc.example\n# x\n')
  const bounds = { names: 3, octets: 11 + 12 + 12 }
  t.match(result, { parts: [{ kind: 'list', id: 'm', title: 'm', bounds }] })
})

import t from 'tap'
import { readPrefix } from '../../src/base/values/address.js'
import { readAll, readOne, saidBy } from './list.js'

const clients = new Map([
  ['kids', [readPrefix('10.1.0.0/16'), readPrefix('fd00:1::/32')]],
  ['Aunt Mary', [readPrefix('10.2.0.0/16')]],
  ['unborn', []]
])

const rules: readonly { it: string; text: string; says: readonly string[] }[] = [
  {
    it: 'names and everything below them',
    text: '||a.example^\n||b.example^|\n||C.example|\n||d.example\n',
    says: ['suffix a.example 1', 'suffix b.example 2', 'suffix c.example 3', 'suffix d.example 4']
  },
  {
    it: 'names only',
    text: '|a.example^\n|b.example|\nc.example\nd.example # why\n',
    says: ['exact a.example 1', 'exact b.example 2', 'exact c.example 3', 'exact d.example 4']
  },
  {
    it: 'everything below a name',
    text: '||*.a.example^\n*.b.example^\n.c.example^\n*.d.example\n||.e.example^\n',
    says: Array.from('abcde', (name, i) => `below ${name}.example ${i + 1}`)
  },
  {
    it: 'internationalized names',
    text: '||bücher.example^\n|münster.example^$important\n',
    says: ['exact xn--mnster-3ya.example 2', 'suffix xn--bcher-kva.example 1']
  },
  {
    it: 'hosts lines, also with addresses of real hosts',
    text: '0.0.0.0 a.example b.example\n192.0.2.1 c.example\n2001:db8::1 c.example\n||d.example^\n',
    says: [
      'data exact c.example 2 A:c0000201 AAAA:20010db8000000000000000000000001',
      'exact a.example 1',
      'exact b.example 1',
      'suffix d.example 4'
    ]
  },
  {
    it: 'addresses in answers',
    text: '192.0.2.1\n||192.0.2.2^\n|2001:db8::1|\n@@||192.0.2.3^\n',
    says: ['pass 192.0.2.3/32 4', '192.0.2.1/32 1', '192.0.2.2/32 2', '2001:db8::1/128 3']
  },
  {
    it: 'comments and headers',
    text: '[Adblock Plus 3.1]\n! x\n# y\n#z\n\n||a.example^\n',
    says: ['suffix a.example 6']
  },
  {
    it: 'what is for browsers, each kind apart',
    text: [
      ...['||a.example^', '/ads[0-9]+/', '@@/x/$important', '||b*.example^', '||ads.', 'ads-'],
      ...['-banner-', 'example^', '||zip^', '##.ad', 'b.example##.ad', 'b.example#@#.ad'],
      ...['b.example#?#div', 'b.example$$script', '||b.example/x', '://b.example^'],
      ...['||b.example^$third-party', '||b.example^$all', '||b.example^$ctag=os_ios', '|b.', '*']
    ].join('\n'),
    says: [
      'suffix a.example 1',
      '2 regular expressions',
      '2 names with inner wildcards',
      '5 partial names',
      '1 top-level domains',
      '5 cosmetic rules',
      '2 rules for URLs',
      '2 rules with browser modifiers',
      '1 rules for tagged clients'
    ]
  },
  {
    it: 'invalid rules',
    text: '||a.example^\n||b .example^\n||b,.example^\n||b..example^\n||b.example^$dnstype=NOPE\n',
    says: [
      'suffix a.example 1',
      ...[2, 3, 4, 5].map(line => `RULES_LIST_LINE lists/m.txt:${line}:1`)
    ]
  },
  {
    it: 'exceptions, which apply to everything below them',
    text: '||a.example^\n||ads.b.a.example^\n@@||b.a.example^\n||b.a.example.test^\n',
    says: ['pass suffix b.a.example 3', 'suffix a.example 1', 'suffix b.a.example.test 4']
  },
  {
    it: 'exceptions for only a name, which do not',
    text: '||a.example^\n||ads.a.example^\n@@|a.example^\n',
    says: ['pass exact a.example 3', 'suffix a.example 1', 'suffix ads.a.example 2']
  },
  {
    it: 'important blocks, above exceptions',
    text: '||a.example^$important\n@@||www.a.example^\n@@||a.example^\n',
    says: ['suffix a.example 1']
  },
  {
    it: 'important exceptions, above important blocks',
    text: '||a.example^$important\n||www.a.example^$important\n@@||a.example^$important\n',
    says: ['pass suffix a.example 3']
  },
  {
    it: 'query types',
    text: '||a.example^$dnstype=AAAA|txt\n||b.example^$dnstype=~A\n||c.example^$dnstype=~A|AAAA\n',
    says: ['TXT|AAAA suffix a.example 1', '~A suffix b.example 2', 'AAAA suffix c.example 3']
  },
  {
    it: 'conditional exceptions, repeated for names below',
    text: '||a.example^\n||b.a.example^\n||*.c.a.example^$important\n@@||a.example^$dnstype=TXT\n',
    says: [
      'below c.a.example 3',
      'pass TXT suffix a.example 4',
      'pass TXT suffix b.a.example 4',
      'suffix a.example 1',
      'suffix b.a.example 2'
    ]
  },
  {
    it: 'exceptions restricted by important rules',
    text: '@@||a.example^\n|a.example^$important,dnstype=A\n||b.a.example^$client=128.0.0.0/1,important\n@@||b.a.example^\n',
    says: [
      'A exact a.example 2',
      '128.0.0.0/1 suffix b.a.example 3',
      'pass below a.example 1',
      'pass ~A exact a.example 1',
      'pass 0.0.0.0/1|::/0 exact b.a.example 4',
      'pass 0.0.0.0/1|::/0 below b.a.example 4'
    ]
  },
  {
    it: 'denyallow',
    text: '||a.example^$denyallow=b.a.example|c.a.example|d.example\n',
    says: ['pass suffix b.a.example 1', 'pass suffix c.a.example 1', 'suffix a.example 1']
  },
  {
    it: 'clients',
    text: [
      "||a.example^$client=kids|'Aunt Mary'",
      '||b.example^$client=192.0.2.7',
      '||c.example^$client=2001:db8::/32,important',
      '@@||d.example^$client=kids'
    ].join('\n'),
    says: [
      '2001:db8::/32 suffix c.example 3',
      'pass 10.1.0.0/16|fd00:1::/32 suffix d.example 4',
      '10.1.0.0/16|fd00:1::/32|10.2.0.0/16 suffix a.example 1',
      '192.0.2.7/32 suffix b.example 2'
    ]
  },
  {
    it: 'excluded clients',
    text: '||a.example^$client=~192.0.2.7|~"Aunt Mary"\n',
    says: ['pass 192.0.2.7/32|10.2.0.0/16 suffix a.example 1', 'suffix a.example 1']
  },
  {
    it: 'unknown clients',
    text: '||a.example^\n||b.example^$client=Frank\n||b.example^$client=unborn|kids\n',
    says: ['suffix a.example 1', '2 rules for unknown clients']
  },
  {
    it: 'answers',
    text: [
      '||a.example^$dnsrewrite=192.0.2.1',
      '||a.example^$dnsrewrite=NOERROR;A;192.0.2.2',
      '||a.example^$dnsrewrite=2001:db8::1',
      '|b.example^$dnsrewrite=c.example',
      '||d.example^$dnsrewrite=NXDOMAIN',
      '||e.example^$dnsrewrite=REFUSED;;',
      '||f.example^$dnsrewrite=NOERROR',
      '||g.example^$dnsrewrite=0.0.0.0',
      '||h.example^$dnsrewrite=NOERROR;TXT;hello_world',
      '||h.example^$dnsrewrite=NOERROR;MX;32 mail.example',
      '||_s._tcp.i.example^$dnsrewrite=NOERROR;SRV;1 2 3 i.example',
      '||j.example^$dnsrewrite=SERVFAIL',
      '||j.example^$dnsrewrite=NOERROR;HTTPS;1 . alpn=h3',
      '||j.example^$dnsrewrite=NOERROR;A;192.0.2',
      '||j.example^$dnsrewrite'
    ].join('\n'),
    says: [
      'nxdomain suffix d.example 5',
      'refused suffix e.example 6',
      'nodata suffix f.example 7',
      'suffix g.example 8',
      'data exact b.example 4 CNAME:0163076578616d706c6500',
      'data suffix a.example 1 A:c0000201 A:c0000202 AAAA:20010db8000000000000000000000001',
      'data suffix h.example 9 TXT:0b68656c6c6f5f776f726c64 MX:0020046d61696c076578616d706c6500',
      'data suffix _s._tcp.i.example 11 SRV:0001000200030169076578616d706c6500',
      '2 unsupported answers',
      'RULES_LIST_LINE lists/m.txt:14:1',
      'RULES_LIST_LINE lists/m.txt:15:1'
    ]
  },
  {
    it: 'answers above exceptions, and exceptions that cancel answers',
    text: [
      '@@||a.example^',
      '||www.a.example^$dnsrewrite=192.0.2.1',
      '||b.example^$dnsrewrite=192.0.2.1',
      '||b.example^',
      '@@||b.example^$dnsrewrite'
    ].join('\n'),
    says: [
      'data suffix www.a.example 2 A:c0000201',
      'pass suffix a.example 1',
      'suffix b.example 4'
    ]
  },
  {
    it: 'disabled rules, wherever they are',
    text: [
      ...['||a.example^$badfilter', '||a.example^', '||www.a.example^', '|a.example^'],
      ...['||b.example^$important', '||b.example^$important,badfilter', '||b.example^'],
      ...['@@||c.example^', '@@||c.example^$badfilter', '||d.c.example^'],
      ...['||e.example^$denyallow=f.e.example', '||e.example^$denyallow=f.e.example,badfilter']
    ].join('\n'),
    says: [
      'suffix www.a.example 3',
      'exact a.example 4',
      'suffix b.example 7',
      'suffix d.c.example 10'
    ]
  },
  {
    it: 'exceptions that exceed the limits',
    text: '||a.example^\n@@||a.example^$denyallow=b.a.example\n@@||a.example^$dnsrewrite=192.0.2.1\n',
    says: ['suffix a.example 1', '2 exceptions with exclusions']
  }
]

for (const { it, text, says } of rules) {
  t.test(`reads ${it}`, async t => {
    t.strictSame(saidBy(readOne(text, { format: 'adblock', clients })), [...says])
  })
}

t.test('applies an exception in one file to all files of the list', async t => {
  const result = readAll([
    '||a.example^\n||b.example^\n',
    '@@||a.example^\n||c.example^$badfilter\n'
  ])
  t.strictSame(saidBy(result), ['pass suffix a.example 1', 'suffix b.example 2'])
  t.match('parts' in result && result.parts.map(({ id, file }) => `${id} ${file}`), [
    'm lists/m2.txt',
    'm#1 lists/m.txt'
  ])
})

t.test('limits a list to a thousand different actions', async t => {
  const lines = Array.from(
    { length: 1002 },
    (_, i) => `||a${i}.example^$client=10.0.${i >> 8}.${i & 255}`
  )
  const said = saidBy(readOne(lines.join('\n'), { format: 'adblock' }))
  t.strictSame(said.slice(-2), [
    'RULES_LIST_LINE lists/m.txt:1001:1',
    'RULES_LIST_LINE lists/m.txt:1002:1'
  ])
})

t.test('rejects exceptions that would have to be repeated too often', async t => {
  const blocks = Array.from({ length: 210 }, (_, i) => `||a${i}.x.example^`)
  const except = Array.from(
    { length: 1000 },
    (_, i) => `@@||x.example^$client=10.0.${i >> 8}.${i & 255}`
  )
  const said = saidBy(readOne([...blocks, ...except].join('\n'), { format: 'adblock' }))
  t.strictSame(said, ['RULES_LIST_REFUSED lists/m.txt:1:1'])
})

import t from 'tap'
import type { ListFormat } from '../../src/policy/rules/model/list-format.js'
import { readOne, saidBy } from './list.js'

const lists: readonly {
  it: string
  format: ListFormat
  text: string
  says: readonly string[]
}[] = [
  {
    it: 'names that are blocked',
    format: 'dnsmasq',
    text: [
      ...[
        '# dnsmasq',
        '',
        'address=/a.example/',
        'address=/b.example/#',
        'address=/C.example/0.0.0.0'
      ],
      ...['address=/d.example/::', 'address=/e.example/127.0.0.1 # why', ' server=/f.example/'],
      ...[
        'local=/g.example/',
        'address=/.h.example/',
        'address=/*.i.example/',
        'local=/bücher.example/'
      ]
    ].join('\r\n'),
    says: [
      ...Array.from('abcdefgh', (name, i) => `suffix ${name}.example ${i + 3}`),
      'below i.example 11',
      'suffix xn--bcher-kva.example 12'
    ]
  },
  {
    it: 'several names per line',
    format: 'dnsmasq',
    text: 'address=/a.example/b.example/\naddress=/c.example/d.example/192.0.2.1\n',
    says: [
      'data suffix c.example 2 A:c0000201',
      'data suffix d.example 2 A:c0000201',
      'suffix a.example 1',
      'suffix b.example 1'
    ]
  },
  {
    it: 'addresses of real hosts',
    format: 'dnsmasq',
    text: [
      ...['address=/a.example/192.0.2.1', 'address=/b.example/2001:db8::1'],
      ...['address=/a.example/2001:db8::1', 'address=/a.example/']
    ].join('\n'),
    says: [
      'data suffix a.example 1 A:c0000201 AAAA:20010db8000000000000000000000001',
      'data suffix b.example 2 AAAA:20010db8000000000000000000000001',
      'suffix a.example 4'
    ]
  },
  {
    it: 'records of names that share only some lines',
    format: 'dnsmasq',
    text: [
      ...['address=/a.example/b.example/192.0.2.1', 'address=/a.example/192.0.2.2'],
      ...['address=/c.example/d.example/192.0.2.3', 'address=/c.example/d.example/192.0.2.4']
    ].join('\n'),
    says: [
      'data suffix a.example 2 A:c0000201 A:c0000202',
      'data suffix b.example 1 A:c0000201',
      'data suffix c.example 3 A:c0000203 A:c0000204',
      'data suffix d.example 3 A:c0000203 A:c0000204'
    ]
  },
  {
    it: 'names that pass, the longest first',
    format: 'dnsmasq',
    text: 'address=/a.example/\nserver=/b.a.example/#\naddress=/c.b.a.example/\n',
    says: ['pass suffix b.a.example 2', 'suffix a.example 1', 'suffix c.b.a.example 3']
  },
  {
    it: 'unsupported settings',
    format: 'dnsmasq',
    text: [
      ...['local=/a.example/', 'server=/b.example/192.0.2.1', 'server=8.8.8.8', 'no-resolv'],
      ...[
        'cache-size=1000',
        'address=/#/192.0.2.1',
        'local=/lan/',
        'local=//',
        'address=/*b.example/'
      ]
    ].join('\n'),
    says: [
      'suffix a.example 1',
      '1 per-domain upstream servers',
      '3 other settings',
      '3 top-level domains',
      '1 names with inner wildcards'
    ]
  },
  {
    it: 'invalid rules',
    format: 'dnsmasq',
    text: 'local=/a.example/\nb.example\naddress=/b.example/none\naddress=/b.example\nlocal=/b..example/\n',
    says: [
      'suffix a.example 1',
      'RULES_LIST_LINE lists/m.txt:2:1',
      'RULES_LIST_LINE lists/m.txt:3:20',
      'RULES_LIST_LINE lists/m.txt:4:10',
      'RULES_LIST_LINE lists/m.txt:5:8'
    ]
  },
  {
    it: 'zones that answer with nothing',
    format: 'unbound',
    text: [
      ...[
        '# unbound',
        'server:',
        'local-zone: "a.example" static',
        'local-zone: b.example. refuse'
      ],
      ...["\tlocal-zone: 'C.example' deny # why", 'local-zone:"d.example" redirect'],
      ...['  local-zone: "e.example." always_nxdomain', 'local-zone: "f.example" always_nodata'],
      ...['local-zone: "g.example" always_null', 'server: local-zone: "h.example" always_refuse'],
      ...['local-zone: "i.example" inform_deny', 'local-zone: "j.example" always_deny']
    ].join('\r\n'),
    says: Array.from('abcdefghij', (name, i) => `suffix ${name}.example ${i + 3}`)
  },
  {
    it: 'zones and names with blocking addresses',
    format: 'unbound',
    text: [
      ...['local-zone: "a.example" redirect', 'local-data: "a.example A 0.0.0.0"'],
      ...['local-data: "a.example 60 IN AAAA ::"', 'local-data: "b.example A 127.0.0.1"'],
      ...['local-zone: "c.example" transparent', 'local-data: "c.example A 0.0.0.0"']
    ].join('\n'),
    says: ['exact c.example 6', 'pass below c.example 5', 'suffix a.example 1', 'exact b.example 4']
  },
  {
    it: 'zones and names with data',
    format: 'unbound',
    text: [
      ...['local-zone: "a.example" redirect', 'local-data: "a.example A 192.0.2.1"'],
      ...['local-data: \'a.example TXT "why not"\'', 'local-zone: "b.example" static'],
      ...[
        'local-data: "www.b.example. 3600 IN CNAME portal.example."',
        'local-data: "b.example MX 5 m.b.example"'
      ],
      ...[
        'local-data: "c.example AAAA 2001:db8::1"',
        'local-data: "_s._tcp.c.example SRV 1 2 3 c.example"'
      ]
    ].join('\n'),
    says: [
      'data suffix a.example 2 A:c0000201 TXT:07776879206e6f74',
      'data exact www.b.example 5 CNAME:06706f7274616c076578616d706c6500',
      'data exact b.example 6 MX:0005016d0162076578616d706c6500',
      'data exact c.example 7 AAAA:20010db8000000000000000000000001',
      'data exact _s._tcp.c.example 8 SRV:0001000200030163076578616d706c6500',
      'suffix a.example 1',
      'suffix b.example 4'
    ]
  },
  {
    it: 'zones of other types',
    format: 'unbound',
    text: [
      ...['local-zone: "a.example" static', 'local-zone: "b.a.example" transparent'],
      ...['local-zone: "c.a.example" typetransparent', 'local-zone: "d.a.example" inform'],
      ...['local-zone: "e.example" block_a', 'local-zone: "f.example" nodefault']
    ].join('\n'),
    says: [
      'nodata A suffix e.example 5',
      'pass suffix b.a.example 2',
      'pass suffix c.a.example 3',
      'pass suffix d.a.example 4',
      'suffix a.example 1',
      '1 other settings'
    ]
  },
  {
    it: 'unsupported settings',
    format: 'unbound',
    text: [
      ...[
        'local-zone: "a.example" static',
        'forward-zone:',
        '  name: "."',
        'include: "other.conf"'
      ],
      ...['local-data-ptr: "192.0.2.1 b.example"', 'local-data: "b.example SOA a. b. 1 2 3 4 5"'],
      ...['local-zone: "lan" static', 'local-zone: "." refuse']
    ].join('\n'),
    says: [
      'suffix a.example 1',
      '3 other settings',
      '1 included lists',
      '1 unsupported answers',
      '2 top-level domains'
    ]
  },
  {
    it: 'invalid rules',
    format: 'unbound',
    text: [
      ...['local-zone: "a.example" static', 'b.example', 'local-zone: "b.example"'],
      ...[
        'local-zone: "b.example" never',
        'local-data: "b.example"',
        'local-data: "b.example A b"'
      ],
      ...['local-zone: "b..example" static', 'local-data:', 'local-zone: "b.example static']
    ].join('\n'),
    says: [
      'suffix a.example 1',
      ...['2:1', '3:24', '4:25', '5:14', '6:14', '7:14', '8:12', '9:31'].map(
        at => `RULES_LIST_LINE lists/m.txt:${at}`
      )
    ]
  },
  {
    it: 'names and attributes',
    format: 'v2fly',
    text: [
      ...['a.example', 'domain:b.example @ads', 'full:c.example @!cn &d # why', '# x', ''],
      ...[
        'regexp:^ads',
        'keyword:ads',
        'include:other',
        'odd:a.example',
        'a.example b.example',
        'com'
      ]
    ].join('\n'),
    says: [
      'suffix a.example 1',
      'suffix b.example 2',
      'exact c.example 3',
      '1 regular expressions',
      '1 partial names',
      '1 included lists',
      'RULES_LIST_LINE lists/m.txt:9:5',
      'RULES_LIST_LINE lists/m.txt:10:11',
      'RULES_LIST_LINE lists/m.txt:11:1'
    ]
  },
  {
    it: 'addresses and prefixes',
    format: 'addresses',
    text: '# x\n192.0.2.1 # a.example\n198.51.100.0/24\n2001:db8::/32\n192.0.2.1/24\na.example\n',
    says: [
      '192.0.2.1/32 2',
      '198.51.100.0/24 3',
      '2001:db8::/32 4',
      'RULES_LIST_LINE lists/m.txt:5:1',
      'RULES_LIST_LINE lists/m.txt:6:1'
    ]
  }
]

for (const { it, format, text, says } of lists) {
  t.test(`reads ${it} (${format})`, async t => {
    t.strictSame(saidBy(readOne(text, { format })), [...says])
  })
}

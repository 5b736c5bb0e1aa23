import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { InterdictError } from '../../src/base/errors/error.js'
import { readList } from '../../src/policy/rules/lists/read-list.js'
import type { LocalData, NameSource } from '../../src/policy/rules/model/types.js'
import { runs } from '../runs.js'
import { brief, poured } from './folder.js'

const read = (text: string | Uint8Array, format?: 'rpz') =>
  readList({ id: 'z', format }, [
    { octets: Buffer.from(text), file: 'z.rpz', displayName: 'z.rpz' }
  ])

/** `2 nxdomain 192.0.2.0/24 7`: rank, action, trigger; then records, and warnings. */
function taken(text: string | Uint8Array): readonly string[] {
  const result = read(text, 'rpz')
  if ('errors' in result) return brief(result.errors)
  const parts = result.parts.flatMap(part => poured(part).map(what => `${saidBy(part)} ${what}`))
  const data = result.parts
    .map(({ part }) => part!.effect)
    .find(says => typeof says === 'object' && says.data)
  const records = typeof data === 'object' ? recordsOf(data.data!) : []
  return [...parts, ...records, ...brief(result.warnings)]
}

function saidBy({ part }: NameSource): string {
  const { effect: says, triggerRank, prefixes = [] } = part!
  const action = typeof says === 'object' ? says.action : says
  return [triggerRank, action, ...prefixes.map(({ length }) => `of ${length}`)].join(' ')
}

/** `line 7: TYPE hex`, for each record. */
function recordsOf({ lines, starts, octets }: LocalData): string[] {
  const all = Buffer.from(octets)
  const ends = new Int32Array(starts)
  return [...new Int32Array(lines)].flatMap((line, i) => {
    const found: string[] = []
    for (let at = ends[i]!; at < ends[i + 1]!;) {
      const end = at + 4 + all.readUInt16BE(at + 2)
      found.push(`line ${line}: ${all.readUInt16BE(at)} ${all.toString('hex', at + 4, end)}`)
      at = end
    }
    return found
  })
}

const HEAD = '$TTL 300\n@ SOA localhost. root.localhost. 1 1h 15m 30d 2h\n  NS localhost.\n'
const NO_SOA = 'RULES_ZONE_NO_SOA z.rpz:1:1'

/** Each after `HEAD`, so that the first line is line 4. */
const zones: readonly { it: string; zone: string; gives: readonly string[] }[] = [
  { it: 'a name', zone: 'A.example CNAME .', gives: ['1 nxdomain exact a.example 4'] },
  {
    it: 'everything below a name',
    zone: '*.a.example CNAME .',
    gives: ['1 nxdomain below a.example 4']
  },
  { it: 'everything', zone: '* CNAME .', gives: ['1 nxdomain below  4'] },
  {
    it: 'every action',
    zone: 'a CNAME .\nb cname *.\nc CNAME rpz-passthru.\nd CNAME RPZ-drop.\ne CNAME rpz-tcp-only.',
    gives: [
      '1 pass exact c 6',
      '1 nxdomain exact a 4',
      '1 nodata exact b 5',
      '1 drop exact d 7',
      '1 truncate exact e 8',
      '1 pass exact e 8'
    ]
  },
  {
    it: 'the obsolete form of PASSTHRU',
    zone: 'a.example CNAME a.example.\n*.b.example CNAME *.b.example.\n32.1.2.0.192.rpz-ip CNAME 32.1.2.0.192.',
    gives: ['1 pass exact a.example 4', '1 pass below b.example 5', '2 pass 192.0.2.1/32 6']
  },
  {
    it: 'TTL and class in either order',
    zone: 'a 300 IN CNAME .\nb IN 1h30m CNAME .\nc IN CNAME .\nd 5 CNAME .',
    gives: ['a 4', 'b 5', 'c 6', 'd 7'].map(it => `1 nxdomain exact ${it}`)
  },
  {
    it: 'comments, parentheses and blank lines',
    zone: '; nothing\n\na ( ; here\n  CNAME\n  . ) ; there\nb CNAME .;x',
    gives: ['1 nxdomain exact a 6', '1 nxdomain exact b 9']
  },
  {
    it: 'escapes and names in Unicode',
    zone: 'a\\.b.example CNAME .\nbücher.example CNAME .',
    gives: ['1 nxdomain exact a\\.b.example 4', '1 nxdomain exact xn--bcher-kva.example 5']
  },
  {
    it: 'records of one owner',
    zone: 'a A 192.0.2.1\n  A 192.0.2.2\nb AAAA 2001:db8::1\na TXT "x y" z',
    gives: [
      '1 data exact a 4',
      '1 data exact b 6',
      'line 4: 1 c0000201',
      'line 4: 1 c0000202',
      'line 4: 16 03782079017a',
      'line 6: 28 20010db8000000000000000000000001'
    ]
  },
  {
    it: 'aliases',
    zone: 'a CNAME b.example.\n*.c CNAME *.d.',
    gives: [
      '1 data exact a 4',
      '1 data below c 5',
      'line 4: 5 0162076578616d706c6500',
      'line 5: 5 012a016400'
    ]
  },
  {
    it: 'no record beside an alias',
    zone: 'a CNAME b.example.\na A 192.0.2.1',
    gives: ['1 data exact a 4', 'line 4: 5 0162076578616d706c6500', 'RULES_LIST_LINE z.rpz:5:3']
  },
  {
    it: 'clients, the longest prefixes first',
    zone: '8.0.0.0.10.rpz-client-ip CNAME .\n32.1.2.0.192.rpz-client-ip CNAME rpz-passthru.',
    gives: ['0 pass of 128 suffix  5', '0 nxdomain of 104 suffix  4']
  },
  {
    it: 'addresses in answers',
    zone: '24.0.2.0.192.rpz-ip CNAME .\n48.zz.db8.2001.rpz-ip CNAME *.\n128.1.zz.rpz-ip CNAME .\n128.8.7.6.5.4.3.2.1.rpz-ip CNAME .',
    gives: [
      '2 nxdomain 192.0.2.0/24 4',
      '2 nxdomain ::1/128 6',
      '2 nxdomain 1:2:3:4:5:6:7:8/128 7',
      '2 nodata 2001:db8::/48 5'
    ]
  },
  {
    it: 'no name server triggers, which a forwarder cannot check',
    zone: 'a CNAME .\nns.b.rpz-nsdname CNAME .\n24.0.2.0.192.rpz-nsip CNAME .\n*.b.rpz-nsdname CNAME .\nc DNAME d.',
    gives: ['1 nxdomain exact a 4']
  },
  {
    it: 'no signatures and no records of the zone itself',
    zone: 'a CNAME .\na RRSIG x\n@ A 192.0.2.1\n@ TYPE65534 \\# 0',
    gives: ['1 nxdomain exact a 4']
  }
]

for (const { it, zone, gives } of zones) {
  t.test(`reads ${it}`, async t => t.strictSame(taken(`${HEAD}${zone}\n`), gives))
}

const wrong: readonly { zone: string; at: string }[] = [
  { zone: 'a CNAME', at: '5:1' },
  { zone: 'a CNAME b c', at: '5:9' },
  { zone: 'a CNAME rpz-unheard-of.', at: '5:9' },
  { zone: 'a CNAME b..c', at: '5:9' },
  { zone: 'a..b CNAME .', at: '5:1' },
  { zone: `${'a'.repeat(64)} CNAME .`, at: '5:1' },
  { zone: 'a', at: '5:1' },
  { zone: 'a CH TXT x', at: '5:3' },
  { zone: 'a NONE x', at: '5:3' },
  { zone: 'a A 192.0.2.256', at: '5:5' },
  { zone: 'a A 2001:db8::1', at: '5:5' },
  { zone: 'a A', at: '5:1' },
  { zone: 'a A 192.0.2.1 x', at: '5:15' },
  { zone: 'a TXT "x', at: '5:7' },
  { zone: 'a ( CNAME ( . )', at: '5:11' },
  { zone: 'a ) CNAME .', at: '5:3' },
  { zone: '$INCLUDE other.rpz', at: '5:1' },
  { zone: '$GENERATE 1-9 a$ CNAME .', at: '5:1' },
  { zone: '$TTL soon', at: '5:6' },
  { zone: '$ORIGIN a..b', at: '5:9' },
  { zone: '1.2.0.192.rpz-ip CNAME .', at: '5:1' },
  { zone: '33.1.2.0.192.rpz-ip CNAME .', at: '5:1' },
  { zone: '24.1.2.0.192.rpz-ip CNAME .', at: '5:1' },
  { zone: '0.0.0.0.0.rpz-client-ip CNAME .', at: '5:1' },
  { zone: '64.1.zz.2.zz.3.rpz-ip CNAME .', at: '5:1' },
  { zone: 'a.rpz-new CNAME .', at: '5:1' }
]

for (const { zone, at } of wrong) {
  t.test(`skips ${zone.slice(0, 30)}`, async t => {
    const gives = ['1 nxdomain exact good 4', `RULES_LIST_LINE z.rpz:${at}`]
    t.strictSame(taken(`${HEAD}good CNAME .\n${zone}\n`), gives)
  })
}

const origins = [
  {
    it: 'nowhere',
    zone: `@ SOA . . 1 1 1 1 1\na.example CNAME .\nb.example. CNAME .`,
    lines: [2, 3]
  },
  {
    it: 'in the owner of its SOA',
    zone: 'rpz.test. SOA . . 1 1 1 1 1\na.example CNAME .\nb.example.rpz.test. CNAME .',
    lines: [2, 3]
  },
  {
    it: 'in $ORIGIN',
    zone: '$ORIGIN rpz.test.\n@ SOA . . 1 1 1 1 1\na.example CNAME .\n$ORIGIN example\nb CNAME .',
    lines: [3, 5]
  },
  {
    it: 'in a relative $ORIGIN',
    zone: '$ORIGIN rpz.test\n@ SOA . . 1 1 1 1 1\na.example CNAME .\nb.example.rpz.test. CNAME .',
    lines: [3, 4]
  },
  {
    it: 'in $ORIGIN, without SOA',
    zone: '$ORIGIN rpz.test.\na.example CNAME .\nb.example.rpz.test. CNAME .',
    lines: [2, 3]
  },
  {
    it: 'in its SOA, relative to $ORIGIN',
    zone: '$ORIGIN test.\nrpz SOA . . 1 1 1 1 1\na.example.rpz CNAME .\n$ORIGIN rpz.test.\nb.example CNAME .',
    lines: [3, 5]
  },
  {
    it: 'in its SOA, relative to nothing',
    zone: 'rpz SOA . . 1 1 1 1 1\na.example.rpz CNAME .\nb.example.rpz. CNAME .',
    lines: [2, 3]
  },
  {
    it: 'in its SOA, below an $ORIGIN for other records',
    zone: '$ORIGIN test.\nrpz.test. SOA . . 1 1 1 1 1\n$ORIGIN rpz.test.\na.example CNAME .\nb.example CNAME .',
    lines: [4, 5]
  },
  {
    it: 'in an SOA after other records',
    zone: 'a.example.rpz.test. CNAME .\nb.example CNAME .\nrpz.test. SOA . . 1 1 1 1 1',
    lines: [1, 2]
  }
] as const

for (const { it, zone, lines } of origins) {
  t.test(`a zone whose name is ${it}`, async t => {
    const [a, b] = lines
    const gives = [`1 nxdomain exact a.example ${a}`, `1 nxdomain exact b.example ${b}`]
    const soa = zone.includes('SOA') ? [] : [NO_SOA]
    t.strictSame(taken(`${zone}\n`), [...gives, ...soa])
  })
}

t.test('an owner outside the zone is skipped', async t => {
  const zone = 'rpz.test. SOA . . 1 1 1 1 1\na CNAME .\nb.example. CNAME .\n  CNAME *.\n'
  const bad = ['RULES_LIST_LINE z.rpz:3:1', 'RULES_LIST_LINE z.rpz:4:3']
  t.strictSame(taken(zone), ['1 nxdomain exact a 2', ...bad])
})

t.test('a zone with most records outside its apex is rejected', async t => {
  const zone =
    '$ORIGIN test.\nrpz SOA . . 1 1 1 1 1\na.rpz CNAME .\nb CNAME .\nc CNAME .\nd CNAME .\n'
  const result = read(zone, 'rpz')
  const why = 'the owner is not in the zone rpz.test.'
  t.match(result, {
    errors: [
      { code: 'RULES_LIST_REFUSED', message: /3 of 6 records are not in the zone rpz\.test\./ },
      { code: 'RULES_LIST_LINE', message: new RegExp(why), position: { line: 4, column: 1 } },
      { position: { line: 5, column: 1 } },
      { position: { line: 6, column: 1 } }
    ]
  })
})

const truncated = [
  { it: 'in an owner', end: 'b.exam', at: '5:1' },
  { it: 'in a type', end: 'b.example CNA', at: '5:11' },
  { it: 'before a target', end: 'b.example CNAME', at: '5:1' },
  { it: 'in a quoted text', end: 'b.example TXT "te', at: '5:15' },
  { it: 'in an address', end: 'b.example A 192.0', at: '5:13' },
  { it: 'between parentheses', end: 'b.example TXT (\n  "a"\n', at: '5:15' },
  { it: 'between parentheses of several lines', end: 'b TXT (\n  "a"\n  "b', at: '7:3' }
]

for (const { it, end, at } of truncated) {
  t.test(`rejects a zone that is cut off ${it}`, async t => {
    t.strictSame(taken(`${HEAD}a CNAME .\n${end}`), [`RULES_LIST_REFUSED z.rpz:${at}`])
    const result = read(`${HEAD}a CNAME .\n${end}`, 'rpz')
    t.match(result, { errors: [{ message: /: file is truncated: / }] })
  })
}

t.test('rejects a zone that is cut off in its SOA', async t => {
  const zone = 'rpz.test. SOA localhost. root.localhost. ( 1\n  1h 15m\n'
  t.strictSame(taken(zone), ['RULES_LIST_REFUSED z.rpz:1:42'])
})

for (const end of ['b CNAME .', 'b CNAME . ; comment', 'b ( CNAME\n . )']) {
  t.test(`accepts a last line without line feed: ${end.replace('\n', ' ')}`, async t => {
    const gives = ['1 nxdomain exact a 4', '1 nxdomain exact b 5']
    t.strictSame(taken(`${HEAD}a CNAME .\n${end}`), gives)
  })
}

t.test('a zone without SOA is accepted, with a warning', async t => {
  t.strictSame(taken('a.example CNAME .\n'), ['1 nxdomain exact a.example 1', NO_SOA])
})

t.test('unsupported policies are counted', async t => {
  const zone = 'a CNAME .\nb.rpz-nsdname CNAME .\n32.1.2.0.192.rpz-nsip CNAME .\nc DNAME d.\n'
  const result = read(HEAD + zone)
  const unsupported = new Map([
    ['name server triggers', 2],
    ['DNAME and DS records', 1]
  ])
  t.match(result, { warnings: [], reports: [{ format: 'rpz', names: 1, unsupported }] })
})

t.test('zones of one list apply in order, before its other files', async t => {
  const file = (text: string, name: string) => {
    return { octets: Buffer.from(text), file: name, displayName: name }
  }
  const zones = [`${HEAD}a CNAME .\n`, 'c.example\nd.example\n', `${HEAD}b CNAME *.\n`]
  const result = readList(
    { id: 'z' },
    zones.map((zone, i) => file(zone, `${i}`))
  )
  const parts = 'parts' in result ? result.parts : []
  t.strictSame(
    parts.map(({ part }) => part!.triggerRank),
    [1, 4, undefined]
  )
  t.equal(new Set(parts.map(({ id }) => id)).size, 3)
  t.strictSame(
    parts.map(({ file }) => file),
    ['0', '2', '1']
  )
})

t.test('many client policies with one action and prefix length are one part', async t => {
  const lines = Array.from({ length: 100 }, (_, i) => `32.${i}.0.0.10.rpz-client-ip CNAME .\n`)
  const result = read(HEAD + lines.join(''))
  t.match(result, { parts: [{ part: { triggerRank: 0, prefixes: { length: 100 } } }] })
  t.equal('parts' in result && result.parts.length, 1)
})

const recognised = [
  { it: 'a zone', text: `; comment\n${HEAD}a.example CNAME .\n`, is: true },
  { it: 'a zone with a BOM', text: `\ufeff; comment\na.example CNAME .\n`, is: true },
  { it: 'policies alone', text: 'a.example 60 IN CNAME rpz-drop.\n', is: true },
  { it: 'names', text: 'a.example\ncname\n', is: false },
  { it: 'a hosts file', text: '# SOA CNAME .\n0.0.0.0 a.example\n', is: false }
]

for (const { it, text, is } of recognised) {
  t.test(`${is ? 'detects' : 'does not detect'} ${it}`, async t => {
    const result = read(text)
    t.equal('reports' in result && result.reports[0]!.format === 'rpz', is)
  })
}

const refused = [
  { it: 'a page', zone: '<html>', code: 'RULES_LIST_REFUSED' },
  { it: 'no policy', zone: HEAD, code: 'RULES_LIST_EMPTY' },
  { it: 'only invalid records', zone: `${HEAD}a A x\n`, code: 'RULES_LIST_REFUSED' },
  {
    it: 'addresses without lengths of prefixes',
    zone: `${HEAD}good CNAME .\n${'1.2.3.4.rpz-ip CNAME .\n'.repeat(200)}`,
    code: 'RULES_LIST_REFUSED'
  }
]

for (const { it, zone, code } of refused) {
  t.test(`rejects ${it}`, async t => {
    const result = read(zone, 'rpz')
    t.match('errors' in result && result.errors[0], { code })
  })
}

t.test('accepts any octets or rejects them with error codes', async t => {
  const piece = fc.constantFrom(
    ...['a', '.', ' ', '\n', '\t', '"', '(', ')', ';', '\\', '$ORIGIN ', '@ SOA ', 'CNAME ', '*.'],
    ...['rpz-ip', 'A ', 'TXT ', '192.0.2.1 ', 'é', '\r\n', 'HTTPS 1 . alpn=', 'IN ', '60 ']
  )
  const octets = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(piece, { maxLength: 60 }).map(parts => Buffer.from(parts.join('')))
  )
  const holds = (octets: Uint8Array): boolean => {
    const result = read(octets, 'rpz')
    if ('errors' in result) return result.errors.every(it => it instanceof InterdictError)
    return result.parts.every(part => {
      const { names } = part.bounds
      return poured(part).filter(line => !/^[\d.:a-f]+\/\d/.test(line)).length === names
    })
  }
  t.doesNotThrow(() => fc.assert(fc.property(octets, holds), runs(2000)))
})

t.test('reads a record of each type that the docs name', async t => {
  const [, types = ''] =
    /Supported record types: ([^.]+)\./.exec(
      readFileSync('docs/reference/rules.md', 'utf8').replaceAll('\n', ' ')
    ) ?? []
  const all = [...types.matchAll(/[A-Z]+/g)].map(([type]) => type)
  t.strictSame(all.sort(), Object.keys(RDATA).sort())
})

/** One record of each type, and its octets. */
const RDATA: Readonly<Record<string, readonly [text: string, hex: string]>> = {
  A: ['192.0.2.1', 'c0000201'],
  AAAA: ['2001:db8::1', '20010db8000000000000000000000001'],
  NS: ['ns.', '026e7300'],
  CNAME: ['c.', '016300'],
  PTR: ['p', '017000'],
  MX: ['10 m.', '000a016d00'],
  TXT: ['"a\\"b" \\065\\\\', '036122620241 5c'],
  HINFO: ['"x" y', '01780179'],
  SRV: ['1 2 443 s.', '0001000201bb017300'],
  NAPTR: ['1 2 "s" "x+y" "" n.', '0001000201730378 2b7900016e00'],
  TLSA: ['3 1 1 ABcd ef', '030101abcdef'],
  CAA: ['0 issue "ca.example"', '00056973737565 63612e6578616d706c65'],
  SVCB: ['1 s. dohpath=/q{?dns}', '0001017300 000700082f717b3f646e737d'],
  HTTPS: [
    '1 . port=443 alpn="h2,h3" ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 key9=x',
    '000100' +
      '0001000602683202 6833' +
      '000300020 1bb' +
      '00040004c0000201' +
      '0006001020010db8000000000000000000000001' +
      '0009000178'
  ]
}

for (const [type, [text, hex]] of Object.entries(RDATA)) {
  t.test(`reads ${type} ${text}`, async t => {
    const [, record] = taken(`${HEAD}a ${type} ${text}\n`)
    t.equal(record?.split(' ').at(-1), hex.replaceAll(' ', ''))
  })
}

t.test('reads records in the form of RFC 3597', async t => {
  const [, record] = taken(`${HEAD}a TYPE65280 \\# 4 c000 0201\n`)
  t.equal(record, 'line 4: 65280 c0000201')
})

const flaws = [
  ...['MX x m.', 'MX 65536 m.', 'MX 1', `TXT ${'x'.repeat(256)}`, 'TLSA 3 1 1 abc', 'LOC 1'],
  ...['HTTPS 1 . port=x', 'HTTPS 1 . alpn=', 'HTTPS 1 . what=1', 'HTTPS 1 . port=1 port=2'],
  ...['HTTPS 1 . no-default-alpn=1', 'HTTPS 1 . mandatory=what', 'HTTPS 1 . ipv4hint=x'],
  ...['TYPE1 \\# 3 c0000201', 'TYPE1 \\# 4 c000020', 'TYPE65280 x', 'NS a..b', 'TXT']
]

for (const flaw of flaws) {
  t.test(`skips ${flaw.slice(0, 40)}`, async t => {
    const found = taken(`${HEAD}good CNAME .\na ${flaw}\n`)
    t.match(found, ['1 nxdomain exact good 4', /^RULES_LIST_LINE z.rpz:5:/])
  })
}

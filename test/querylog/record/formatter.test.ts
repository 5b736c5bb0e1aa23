import fc from 'fast-check'
import t from 'tap'
import { showAddress } from '../../../src/base/values/address.js'
import { showCanonical, showName } from '../../../src/wire/dns/name/name.js'
import { showRcode } from '../../../src/wire/dns/registry/rcode.js'
import { RRTYPE, showRrtype } from '../../../src/wire/dns/registry/rrtype.js'
import { Formatter } from '../../../src/lookups/record/formatter.js'
import {
  DNSSEC_VERDICT,
  MATCH,
  NO_RCODE,
  PROTOCOL,
  QueryEvent,
  VERDICT
} from '../../../src/lookups/event/query-event.js'
import { QUERY_FIELDS, type QueryRecord } from '../../../src/lookups/event/schema.js'
import { runs } from '../../runs.js'
import { eventOf, matchedRule, SHA256, snapshotOf, WALL, wireName } from './events.js'
import { allClaims } from '../../../src/policy/tables/claim-table.js'

const UPSTREAMS = ['192.0.2.53', '[2001:db8::53]:853']

/** A formatter that knows generation 1, and what it wrote. */
function formatter() {
  const blocks: { text: string; lines: number }[] = []
  const made = new Formatter(UPSTREAMS, matchedRule, (block, lines) => {
    blocks.push({ text: Buffer.from(block).toString(), lines })
    return true
  })
  made.addSnapshot(snapshotOf(1))
  return { made, blocks }
}

function lineOf(event: QueryEvent): string {
  const { made, blocks } = formatter()
  made.append(event)
  made.flush()
  return blocks[0]!.text
}
const parsed = (event: QueryEvent) => JSON.parse(lineOf(event)) as QueryRecord

t.test('writes a blocked lookup with all its fields', async t => {
  const event = eventOf({
    ...{ clientClass: 1, qtype: 28, rcode: 3, verdict: VERDICT.blocked, match: MATCH.qname },
    ...{ claim: 0, entry: 7, latency: 12, ede: 16 }
  })
  t.equal(
    lineOf(event),
    '{"v":1,"time":"2023-03-13T09:26:53.589Z","generation":1,"sha256":"9f86d081884c",' +
      '"client":"10.20.3.4","network":"federal-phones","protocol":"udp","qname":"tiktok.com","qtype":"AAAA",' +
      '"rcode":"NXDOMAIN","verdict":"blocked","match":"qname","app":"tiktok",' +
      '"ban":"federal-phones/tiktok","rule":"networks.yaml:14","pattern":"=name7.example",' +
      '"source":"apps/0.yaml:7","us":12,"ede":16}\n'
  )
})

const names = [
  { it: 'the root', labels: [], qname: '.' },
  { it: 'upper case as lower case', labels: ['WwW', 'Example'], qname: 'www.example' },
  { it: 'a dot in a label', labels: ['a.b', 'example'], qname: 'a\\.b.example' },
  { it: 'a backslash', labels: ['a\\b'], qname: 'a\\\\b' },
  { it: 'a quote', labels: ['a"b'], qname: 'a"b' },
  { it: 'a space', labels: ['a b'], qname: 'a\\032b' },
  { it: 'control characters', labels: ['\u0000\n\u001b\u007f'], qname: '\\000\\010\\027\\127' },
  { it: 'octets above 127', labels: [Uint8Array.of(128, 255)], qname: '\\128\\255' },
  { it: 'a label that looks like markup', labels: ['</script>'], qname: '</script>' }
]
for (const { it, labels, qname } of names) {
  t.test(`writes a name with ${it}`, async t => t.equal(parsed(eventOf({ labels })).qname, qname))
}

const words = [
  { it: 'a type by its mnemonic', event: { qtype: 65 }, has: { qtype: 'HTTPS' } },
  { it: 'a type without one', event: { qtype: 65280 }, has: { qtype: 'TYPE65280' } },
  { it: 'an extended RCODE', event: { rcode: 16 }, has: { rcode: 'BADVERS' } },
  { it: 'an RCODE without mnemonic', event: { rcode: 3841 }, has: { rcode: 'RCODE3841' } },
  { it: 'no RCODE where nothing was sent', event: { rcode: NO_RCODE }, has: { rcode: undefined } },
  { it: 'TCP', event: { protocol: PROTOCOL.tcp }, has: { protocol: 'tcp' } },
  { it: 'TLS', event: { protocol: PROTOCOL.dot }, has: { protocol: 'dot' } },
  { it: 'HTTPS', event: { protocol: PROTOCOL.doh }, has: { protocol: 'doh' } },
  { it: 'an upstream', event: { upstream: 1 }, has: { upstream: '[2001:db8::53]:853' } },
  { it: 'no upstream', event: { upstream: -1 }, has: { upstream: undefined } },
  { it: 'EDE 0, which is a code', event: { ede: 0 }, has: { ede: 0 } },
  { it: 'no EDE', event: { ede: -1 }, has: { ede: undefined } },
  { it: 'no network', event: { clientClass: 0 }, has: { network: undefined } },
  {
    it: 'the network of the address',
    event: { clientClass: 2, addressClass: 1, protocol: PROTOCOL.doh },
    has: { network: 'guests', addressNetwork: 'federal-phones', protocol: 'doh' }
  },
  {
    it: 'no networks of rules that are not held any more',
    event: { generation: 9, clientClass: 2, addressClass: 1 },
    has: { network: undefined, addressNetwork: undefined, protocol: 'udp' }
  },
  { it: 'a list', event: { claim: 1 }, has: { list: 'malware', block: 'federal-phones/malware' } },
  { it: 'inline names', event: { claim: 2 }, has: { app: undefined, list: undefined } },
  { it: 'an exception', event: { claim: 2 }, has: { exception: 'federal-phones/press' } },
  { it: 'an odd rule id', event: { claim: 3 }, has: { allow: 'federal-phones/"odd" é' } },
  { it: 'a rule without a record', event: { claim: 0 }, has: { pattern: undefined } },
  { it: 'no rule', event: { claim: -1 }, has: { rule: undefined, ban: undefined } },
  { it: 'the first millisecond', event: { time: 0 }, has: { time: '1970-01-01T00:00:00.000Z' } },
  { it: 'the longest duration', event: { latency: 2 ** 32 - 1 }, has: { us: 2 ** 32 - 1 } }
]
for (const { it, event, has } of words) {
  t.test(`writes ${it}`, async t => {
    const record: Partial<QueryRecord> = parsed(eventOf(event))
    for (const [name, value] of Object.entries(has)) {
      t.equal(record[name as keyof QueryRecord], value)
    }
  })
}

t.test('a lookup has the rules that are paused when it is made', t => {
  const { made, blocks } = formatter()
  const snapshot = snapshotOf(2)
  const until = (seconds: number): number => Math.floor(WALL / 1000) + seconds
  const pauses = [
    { rule: 'office/ads', until: until(60), by: 'op', reason: 'ticket 7' },
    { rule: 'noise', until: until(30), by: 'op', reason: 'ticket 8' }
  ]
  made.addSnapshot({ ...snapshot, origin: { ...snapshot.origin, pauses } })
  for (const seconds of [0, 30, 59.999, 60, 0])
    made.append(eventOf({ generation: 2, time: until(seconds) * 1000 }))
  made.flush()
  const lines = blocks[0]!.text.trimEnd().split('\n')
  t.strictSame(
    lines.map(line => (JSON.parse(line) as QueryRecord).paused),
    ['office/ads, noise', 'office/ads', 'office/ads', undefined, 'office/ads, noise']
  )
  t.end()
})

/** A name of a ban of earlier days has no line any more. */
function placeOf({ sourceFile, sourceLine }: { sourceFile: string; sourceLine: number }): string {
  return sourceLine === 0 ? sourceFile : `${sourceFile}:${sourceLine}`
}

/** The same line by way of an object: slow and plain. */
function plainly(event: QueryEvent): string {
  const snapshot = snapshotOf(1)
  const { clients } = snapshot
  const claim = allClaims(snapshot).at(event.claim)
  const matched = event.entry < 0 ? undefined : matchedRule(snapshotOf(1), event.claim, event.entry)
  const address = new DataView(new ArrayBuffer(16))
  event.client.forEach((word, i) => address.setUint32(4 * i, word))
  const record: Record<keyof QueryRecord, unknown> = {
    v: 1,
    time: new Date(event.time).toISOString(),
    generation: event.generation,
    sha256: SHA256.slice(0, 12),
    serial: undefined,
    paused: undefined,
    client: showAddress(new Uint8Array(address.buffer)),
    device: undefined,
    privacy: undefined,
    network: clients.networks[clients.networkOf[event.clientClass] ?? -1],
    addressNetwork: undefined,
    protocol: ['udp', 'tcp', 'dot', 'doh'][event.protocol],
    qname: showCanonical(showName(event.qname)),
    qtype: showRrtype(event.qtype),
    rcode: event.rcode === NO_RCODE ? undefined : showRcode(event.rcode),
    verdict: Object.keys(VERDICT)[event.verdict],
    match: event.match === 0 ? undefined : Object.keys(MATCH)[event.match],
    app: claim?.source.kind === 'app' ? claim.source.id : undefined,
    list: claim?.source.kind === 'list' ? claim.source.id : undefined,
    ...{ ban: undefined, exception: undefined, allow: undefined, block: undefined },
    ...(claim && { [claim.kind]: claim.ruleId }),
    rule: claim && `${claim.ruleFile}:${claim.ruleLine}`,
    pattern: claim && matched?.pattern,
    source: claim && matched && placeOf(matched),
    upstream: UPSTREAMS[event.upstream],
    us: event.latency,
    ede: event.ede < 0 ? undefined : event.ede,
    dnssec: event.dnssec === 0 ? undefined : Object.keys(DNSSEC_VERDICT)[event.dnssec],
    dnssecReason: Buffer.from(event.dnssecReason).toString() || undefined,
    ...{ dnssecContact: undefined, validated: undefined, answers: undefined }
  }
  return `${JSON.stringify(record)}\n`
}

const word = fc.nat({ max: 2 ** 32 - 1 })
const anyEvent = fc
  .record({
    time: fc.oneof(fc.nat({ max: 4e12 }), fc.integer({ min: WALL, max: WALL + 3000 })),
    clientClass: fc.integer({ min: 0, max: 3 }),
    client: fc.array(fc.oneof(fc.constant(0), fc.constant(0xffff), word), {
      ...{ minLength: 4, maxLength: 4 }
    }),
    protocol: fc.constantFrom(...Object.values(PROTOCOL)),
    labels: fc.array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 3 }),
    qtype: fc.oneof(fc.constantFrom(...Object.values(RRTYPE)), fc.nat({ max: 0xffff })),
    rcode: fc.oneof(fc.nat({ max: 23 }), fc.constant(NO_RCODE)),
    verdict: fc.constantFrom(...Object.values(VERDICT)),
    match: fc.constantFrom(...Object.values(MATCH)),
    claim: fc.integer({ min: -1, max: 3 }),
    entry: fc.integer({ min: -1, max: 5 }),
    upstream: fc.integer({ min: -1, max: 1 }),
    latency: word,
    ede: fc.integer({ min: -1, max: 30 }),
    dnssec: fc.constantFrom(...Object.values(DNSSEC_VERDICT)),
    reason: fc.string({ unit: 'grapheme', maxLength: 40 })
  })
  .map(({ labels, client, reason, ...rest }) => {
    const qname = wireName(labels)
    const dnssecReason = Buffer.from(rest.dnssec >= DNSSEC_VERDICT.bogus ? reason : '')
    const fields = { generation: 1, qname, qnameLength: qname.length, dnssecReason }
    return Object.assign(new QueryEvent(), rest, fields, { client: Uint32Array.from(client) })
  })

t.test('writes the verdict of validation, its reason and what a sample stands for', async t => {
  const dnssec = DNSSEC_VERDICT.bogus
  const dnssecReason = Buffer.from('a.example A: "\u0085\u007f\n" expired')
  const event = eventOf({ ede: 7, dnssec, dnssecReason, verdict: VERDICT.observed })
  const end =
    '"ede":7,"dnssec":"bogus","dnssecReason":"a.example A: \\"\\u0085\\u007f\\n\\" expired"'
  t.ok(lineOf(event).endsWith(`${end}}\n`))
  const { made, blocks } = formatter()
  const counts = { validated: 3, answers: 40 }
  made.append(event, { ...counts, contact: 'ops@example', isAnonymous: false })
  made.append(event, { ...counts, contact: undefined, isAnonymous: true })
  made.flush()
  const [whole = '', anonymous = ''] = blocks[0]!.text.split('\n')
  t.ok(whole.endsWith(`${end},"dnssecContact":"ops@example","validated":3,"answers":40}`))
  t.match(JSON.parse(anonymous), { privacy: 'none', client: undefined, ...counts })
  const long = {
    dnssec,
    dnssecReason: new Uint8Array(255).fill(1),
    labels: Array<Uint8Array>(63).fill(Uint8Array.of(0, 0, 0))
  }
  t.equal(parsed(eventOf(long)).dnssecReason, '\u0001'.repeat(255))
})

t.test('writes the same as JSON.stringify, whatever the event', async t => {
  const { made, blocks } = formatter()
  fc.assert(
    fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 20 }), events => {
      blocks.length = 0
      for (const event of events) made.append(event)
      made.flush()
      const text = blocks.map(block => block.text).join('')
      return text === events.map(plainly).join('')
    }),
    runs(500)
  )
  t.equal(made.unknownGenerations, 0)
})

t.test('never lets a control character through, and keeps the fields in order', async () => {
  const order = Object.keys(QUERY_FIELDS)
  fc.assert(
    fc.property(anyEvent, event => {
      const line = lineOf(event)
      const positions = Object.keys(JSON.parse(line) as object).map(name => order.indexOf(name))
      const sorted = positions.every((at, i) => i === 0 || at > positions[i - 1]!)
      return /^[^\p{Cc}]*\n$/u.test(line) && sorted && !positions.includes(-1)
    }),
    runs(200)
  )
})

import { readFileSync } from 'node:fs'
import t from 'tap'
import { Formatter } from '../../../src/lookups/record/formatter.js'
import {
  DNSSEC_VERDICT,
  MATCH,
  NO_RCODE,
  PROTOCOL,
  VERDICT,
  type Observation,
  type QueryEvent
} from '../../../src/lookups/event/query-event.js'
import {
  QUERY_FIELDS,
  SCHEMA_VERSION,
  type QueryRecord
} from '../../../src/lookups/event/schema.js'
import { formatTerminalLine } from '../../../src/base/log/terminal-line.js'
import { eventOf, snapshotOf, type EventFields } from './events.js'

// From dist/test/log, where the tests run.
const DOC = readFileSync(
  new URL('../../../../docs/reference/query-log.md', import.meta.url),
  'utf8'
)

/** Everything in code blocks of a language. */
const blocksOf = (language: string) =>
  [...DOC.matchAll(/^```(\w+)\n(.*?)^```/gms)].flatMap(([, of, text]) =>
    of === language ? [text!] : []
  )
const examples = blocksOf('ndjson').join('').trim().split('\n')
const section = (title: string) => DOC.split(`### ${title}\n`)[1]?.split('\n### ')[0] ?? ''

t.test('the table has every field, in order, with its type, and no other', async t => {
  const rows = [...section('Fields').matchAll(/^\| `(\w+)` +\| (\w+) +\| (.+?) +\|/gm)]
  t.strictSame(
    rows.map(([, field, type]) => [field, type]),
    Object.entries(QUERY_FIELDS)
  )
  const always = rows.flatMap(([, field, , present]) => (present === 'always' ? [field] : []))
  for (const line of examples) {
    const fields = Object.keys(JSON.parse(line) as object)
    t.strictSame(
      always.filter(field => !fields.includes(field!)),
      [],
      'what is always there is in the example'
    )
  }
  t.match(section('Fields'), `Version of this schema: ${SCHEMA_VERSION}.`)
})

t.test('the values of verdict, match and protocol are explained', async t => {
  for (const word of Object.keys(VERDICT)) t.match(section('Verdicts'), `\`${word}\``)
  for (const word of [...Object.keys(MATCH).slice(1), ...Object.keys(PROTOCOL)]) {
    t.match(section('Fields'), `\`${word}\``)
  }
})

t.test('there is an example of each verdict', async t => {
  const verdicts = new Set(examples.map(line => (JSON.parse(line) as QueryRecord).verdict))
  t.same(verdicts, new Set(Object.keys(VERDICT)))
})

const ban = { clientClass: 1, claim: 0, entry: 1, match: MATCH.qname }
const tiktok = { ...ban, labels: ['www', 'tiktok', 'com'] }
const plain = { clientClass: 1, labels: ['www', 'example'] }
const { blocked, monitored, allowed, forwarded, cached, stale, probe } = VERDICT
const { refused, failed, local, observed } = VERDICT
const expired = {
  ...{ ede: 7, dnssec: DNSSEC_VERDICT.bogus },
  dnssecReason: Buffer.from('www.example A: RRSIG of key 4711 expired on 2023-03-12T00:00:00Z')
}
/** Of the lookups with the verdict `observed`, in their order. */
const observations: Observation[] = [
  { contact: 'hostmaster@example', validated: 12, answers: 240, isAnonymous: false },
  { contact: undefined, validated: 20, answers: 410, isAnonymous: true }
]

/** The lookups of the examples, in their order. */
const lookups: EventFields[] = [
  { ...tiktok, verdict: blocked, qtype: 28, rcode: 3, latency: 12, ede: 16 },
  {
    ...{ verdict: blocked, clientClass: 1, claim: 1, entry: 2, match: MATCH.cname, rcode: 3 },
    ...{ client: '2001:db8:20::7', protocol: PROTOCOL.tcp, labels: ['shop', 'example'] },
    ...{ upstream: 0, latency: 8120, ede: 15 }
  },
  {
    ...ban,
    verdict: blocked,
    labels: ['v16', 'tiktok', 'com'],
    qtype: 65,
    rcode: NO_RCODE,
    latency: 9
  },
  {
    ...{ ...tiktok, verdict: blocked, rcode: 3, latency: 12, ede: 16 },
    ...{ clientClass: 2, addressClass: 1, protocol: PROTOCOL.dot },
    device: Buffer.from('phones/17')
  },
  { ...tiktok, verdict: monitored, upstream: 0, latency: 7310 },
  {
    ...tiktok,
    verdict: allowed,
    claim: 2,
    entry: 3,
    client: '10.20.7.2',
    upstream: 0,
    latency: 6950
  },
  { ...plain, verdict: forwarded, upstream: 0, latency: 9400 },
  { ...plain, verdict: cached, latency: 4 },
  { ...plain, verdict: stale, upstream: 0, latency: 1_790_000, ede: 3 },
  { ...tiktok, verdict: probe, client: '10.20.0.0', rcode: 3, latency: 12, ede: 16 },
  { ...plain, ...expired, verdict: observed, latency: 41_200 },
  { ...plain, verdict: observed, latency: 38_100, dnssec: DNSSEC_VERDICT.secure },
  { verdict: refused, client: '203.0.113.9', labels: [], qtype: 2, rcode: 5, latency: 3, ede: 18 },
  { ...plain, verdict: failed, rcode: 2, upstream: 0, latency: 2_000_113, ede: 22 },
  {
    ...{
      clientClass: 1,
      labels: ['printer', 'local'],
      rcode: 3,
      verdict: local,
      latency: 3,
      ede: 0
    },
    ...{ claim: 4, entry: 4, match: MATCH.qname }
  },
  {
    ...{ verdict: local, clientClass: 1, labels: ['printer', 'site', 'example'], latency: 3 },
    ...{ claim: 5, entry: 5, match: MATCH.record }
  },
  { ...plain, verdict: cached, latency: 4, dnssec: DNSSEC_VERDICT.secure },
  { ...plain, ...expired, verdict: failed, rcode: 2, upstream: 0, latency: 8300 }
]
const MATCHES = [
  { pattern: '', sourceFile: '', sourceLine: 0, length: 0 },
  { pattern: 'tiktok.com', sourceFile: 'apps/tiktok.yaml', sourceLine: 9, length: 0 },
  { pattern: '*.tracker.example', sourceFile: 'lists/malware.txt', sourceLine: 120, length: 0 },
  { pattern: 'tiktok.com', sourceFile: 'networks.yaml', sourceLine: 24, length: 0 },
  { pattern: 'local', sourceFile: 'RFC 6762 §22.1', sourceLine: 0, length: 0 },
  { pattern: '=printer.site.example', sourceFile: 'networks.yaml', sourceLine: 41, length: 0 }
]

t.test('the examples are what the formatter writes', async t => {
  let text = ''
  const formatter = new Formatter(
    ['192.0.2.53'],
    (_, __, record) => MATCHES[record],
    block => {
      text += Buffer.from(block).toString()
      return true
    }
  )
  formatter.addSnapshot(snapshotOf(7))
  const events: QueryEvent[] = lookups.map(lookup => eventOf({ generation: 7, ...lookup }))
  const left = [...observations]
  for (const event of events)
    formatter.append(event, event.verdict === observed ? left.shift() : undefined)
  formatter.flush()
  t.strictSame(text.trim().split('\n'), examples)
})

t.test('the jq examples use existing fields', async t => {
  const scripts = blocksOf('sh').join('')
  const named = [...scripts.matchAll(/(?<=[ ([])\.([a-z]\w*)/g)].map(([, field]) => field!)
  t.ok(named.length > 10)
  for (const field of named) t.ok(Object.hasOwn(QUERY_FIELDS, field), field)
})

t.test('the service log line matches what a terminal shows', async t => {
  const [example] = blocksOf('text')
  const line = {
    ...{
      level: 'warn',
      time: '2023-03-13T09:26:53.589Z',
      code: 'LOG_WRITE',
      written: 120,
      lost: 0
    },
    msg: 'cannot write query log queries.jsonl: no space left on the disk; free some'
  }
  t.equal(formatTerminalLine(JSON.stringify(line), false), example)
})

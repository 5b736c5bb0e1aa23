import t from 'tap'
import { readAddress } from '../../../src/base/values/address.js'
import { FULL_ADDRESSES, type PrivacyOptions } from '../../../src/lookups/privacy/privacy-mode.js'
import {
  devicePseudonymOf,
  prefixPreservingPseudonymOf,
  pseudonymOf
} from '../../../src/lookups/privacy/pseudonym.js'
import { Formatter } from '../../../src/lookups/record/formatter.js'
import type { QueryRecord } from '../../../src/lookups/event/schema.js'
import { eventOf, matchedRule, snapshotOf, WALL, type EventFields } from '../record/events.js'

const DAY = 86_400_000

/** A key for each day, made of its number. */
const keyOn = (day: number) => Buffer.alloc(32, day & 0xff)
function dailyKeys() {
  const asked: number[] = []
  const keyAt = (wall: number) => {
    const day = Math.floor(wall / DAY)
    asked.push(day)
    return { secret: keyOn(day), start: day * DAY, end: (day + 1) * DAY }
  }
  return { asked, keyAt }
}
const KEY = keyOn(Math.floor(WALL / DAY))

function linesOf(options: Partial<PrivacyOptions>, ...events: EventFields[]): string[] {
  let text = ''
  const sink = (block: Uint8Array): boolean => {
    text += Buffer.from(block).toString()
    return true
  }
  const privacy = { ...FULL_ADDRESSES, bits: { ipv4: 24, ipv6: 56 }, ...options }
  const made = new Formatter([], matchedRule, sink, privacy, dailyKeys())
  made.addSnapshot(snapshotOf(1))
  for (const event of events) made.append(eventOf(event))
  made.flush()
  return text.trim().split('\n')
}

const recordOf = (options: Partial<PrivacyOptions>, event: EventFields) =>
  JSON.parse(linesOf(options, event)[0]!) as QueryRecord

const IPV6 = '2001:db8:20:42ff:1::7'
const cases: {
  it: string
  options: Partial<PrivacyOptions>
  event: EventFields
  client?: string
}[] = [
  { it: 'full', options: {}, event: {}, client: '10.20.3.4' },
  { it: 'prefix', options: { default: 'prefix' }, event: {}, client: '10.20.3.0/24' },
  {
    it: 'prefix, of IPv6',
    options: { default: 'prefix' },
    event: { client: IPV6 },
    client: '2001:db8:20:4200::/56'
  },
  {
    it: 'prefix, of no whole octets',
    options: { default: 'prefix', bits: { ipv4: 13, ipv6: 45 } },
    event: { client: '10.255.3.4' },
    client: '10.248.0.0/13'
  },
  {
    it: 'prefix of all bits',
    options: { default: 'prefix', bits: { ipv4: 32, ipv6: 128 } },
    event: { client: IPV6 },
    client: `${IPV6}/128`
  },
  {
    it: 'pseudonym',
    options: { default: 'pseudonym' },
    event: {},
    client: pseudonymOf(readAddress('10.20.3.4'), KEY)
  },
  {
    it: 'pseudonym, prefix-preserving',
    options: { default: 'pseudonym', preservePrefix: true },
    event: { client: IPV6 },
    client: prefixPreservingPseudonymOf(readAddress(IPV6), KEY)
  },
  { it: 'none', options: { default: 'none' }, event: {} }
]

const device = Buffer.from('phones/17')

for (const { it, options, event, client } of cases) {
  t.test(`writes a client as ${it}`, async t => {
    const record = recordOf(options, event)
    t.equal(record.client, client)
    t.equal(record.privacy, options.default, 'says how it is written')
    if (client !== '10.20.3.4') t.notMatch(linesOf(options, event)[0], '10.20.3.4')
  })
}

t.test(
  'a recognized client has a name in full, and a pseudonym that its address does not change',
  async t => {
    t.match(recordOf({}, { device }), { client: '10.20.3.4', device: 'phones/17' })
    t.equal(recordOf({}, {}).device, undefined)
    const pseudonyms = ['10.20.3.4', '192.0.2.1'].map(
      client => recordOf({ default: 'pseudonym' }, { client, device }).client
    )
    t.strictSame(pseudonyms, Array(2).fill(devicePseudonymOf('phones/17', KEY)))
    for (const mode of ['prefix', 'pseudonym', 'none'] as const)
      t.notMatch(linesOf({ default: mode }, { device })[0], 'phones')
  }
)

t.test('each network has its own mode, other clients the default', async t => {
  const networks = [
    { id: 'federal-phones', mode: 'pseudonym' },
    { id: 'guests', mode: 'none' }
  ] as const
  const modeIn = (clientClass: number, rest: EventFields = {}) =>
    recordOf({ default: 'prefix', networks }, { clientClass, ...rest }).privacy
  t.equal(modeIn(1), 'pseudonym')
  t.equal(modeIn(2), 'none')
  t.equal(modeIn(0), 'prefix', 'a client in no network')
  t.equal(modeIn(1, { addressClass: 2 }), 'none', 'of two networks, the stricter one')
  t.equal(modeIn(2, { addressClass: 1 }), 'none', 'whichever it is')
  t.equal(modeIn(1, { generation: 9 }), 'none', 'rules that are not held any more: the strictest')
})

t.test('the key of the day of a lookup, even out of order', async t => {
  const walls = [WALL, WALL + DAY, WALL, WALL + DAY, WALL + DAY + 1]
  const lines = linesOf({ default: 'pseudonym' }, ...walls.map(time => ({ time })))
  const clients = lines.map(line => (JSON.parse(line) as QueryRecord).client)
  const of = (wall: number) => pseudonymOf(readAddress('10.20.3.4'), keyOn(Math.floor(wall / DAY)))
  t.strictSame(clients, walls.map(of))
})

t.test('more clients than are cached', async t => {
  const ids = Array.from({ length: 70_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
  const events = [...ids, ids[0]!, ids[69_999]!].map(client => ({ client }))
  const lines = linesOf({ default: 'pseudonym' }, ...events)
  const clients = lines.map(line => (JSON.parse(line) as QueryRecord).client)
  t.equal(new Set(clients).size, ids.length)
  for (const i of [0, 35_000, 69_999]) t.equal(clients[i], pseudonymOf(readAddress(ids[i]!), KEY))
  t.equal(clients.at(-2), clients[0])
  t.equal(clients.at(-1), clients[69_999])
})

const reverse6 = Array.from(Buffer.from(readAddress(IPV6)).toString('hex')).reverse()
const names = [
  {
    it: 'its own address',
    labels: ['4', '3', '20', '10', 'in-addr', 'arpa'],
    qname: 'in-addr.arpa'
  },
  {
    it: 'a name below it',
    labels: ['b', '_d', '4', '3', '20', '10', 'IN-ADDR', 'arpa'],
    qname: 'in-addr.arpa'
  },
  { it: 'its own address', client: IPV6, labels: [...reverse6, 'IP6', 'ARPA'], qname: 'ip6.arpa' },
  {
    it: 'another address',
    labels: ['5', '3', '20', '10', 'in-addr', 'arpa'],
    qname: '5.3.20.10.in-addr.arpa'
  },
  { it: 'its network', labels: ['3', '20', '10', 'in-addr', 'arpa'], qname: '3.20.10.in-addr.arpa' }
]
for (const { it, qname, ...event } of names) {
  t.test(`${event.client ?? '10.20.3.4'} queries the PTR record of ${it}`, async t => {
    for (const mode of ['prefix', 'pseudonym', 'none'] as const) {
      t.equal(recordOf({ default: mode }, event).qname, qname, mode)
    }
    t.equal(recordOf({}, event).qname, event.labels.join('.').toLowerCase(), 'full')
  })
}

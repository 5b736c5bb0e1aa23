import { createSocket } from 'node:dgram'
import t, { type Test } from 'tap'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { tableAfter } from '../house/markdown.js'
import { BadUpstream, type Behaviour } from '../upstream/bad-upstream.js'
import { questionOf, wire } from '../upstream/messages.js'
import { serving } from './serve.js'

/*
 * Octets that we send over UDP for octets that we get, from whoever has shown no cookie: the larger
 * the ratio, the better we are for floods in another's name. Names are as short as they can be, so
 * that each ratio is the largest of its kind.
 */

const A = 1
const NS = 2
const SOA = 6
const PTR = 12
const TXT = 16
const AAAA = 28
const HTTPS = 65
const ANY = 255
const IN = 1
const CH = 3
const NSID = Buffer.of(0, 3, 0, 0)
const COOKIE = Buffer.of(0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8)

interface Ask {
  readonly name: string
  readonly type?: number
  readonly class?: number
  /** Offered size; 0: no EDNS. */
  readonly size?: number
  readonly options?: Buffer
  readonly version?: number
  readonly dnssecOk?: boolean
  readonly opcode?: number
}

function query(ask: Ask): Buffer {
  const { name, type = A, size = 4096, options = Buffer.of(), version = 0, opcode = 0 } = ask
  const flags = ask.dnssecOk === true ? 0x80 : 0
  const opt = [0, 0, 41, size >> 8, size & 255, 0, version, flags, 0, 0, options.length, ...options]
  const head = [0, 7, (opcode << 3) | 1, 0, 0, 1, 0, 0, 0, 0, 0, size > 0 ? 1 : 0]
  const question = [...wire(name), type >> 8, type & 255, 0, ask.class ?? IN]
  return Buffer.from([...head, ...question, ...(size > 0 ? opt : [])])
}

/** The first reply to this many identical datagrams. */
async function replyTo(t: Test, { address, port }: Endpoint, octets: Buffer, from: string) {
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  const replies: Buffer[] = []
  await new Promise<void>(resolve => socket.bind(0, from, resolve))
  const heard = new Promise<void>(resolve => {
    socket.on('message', reply => {
      replies.push(reply)
      resolve()
    })
  })
  socket.send(octets, port, address)
  await heard
  return replies[0]!
}

/** TXT records of this size in all, without header and question. */
const large =
  (most: number): Behaviour =>
  ({ message, send }) => {
    const question = questionOf(message)
    const record = (length: number): number[] => {
      const rdata = length - 12
      const text = Array<number>(rdata - 1).fill(0x61)
      return [0xc0, 12, 0, TXT, 0, IN, 0, 0, 1, 44, rdata >> 8, rdata & 255, rdata - 1, ...text]
    }
    const sizes: number[] = []
    for (let left = most; left > 0; left -= sizes.at(-1)!) sizes.push(Math.min(left, 268))
    const head = [message[0]!, message[1]!, 0x81, 0x80, 0, 1, 0, sizes.length, 0, 0, 0, 0]
    send(Uint8Array.from([...head, ...question, ...sizes.flatMap(record)]))
  }

/** A one-letter name banned by each action, with the longest extended error text. */
const ACTIONS = {
  a: 'action: nxdomain',
  b: 'action: nodata',
  c: 'action: null-address',
  d: 'action: sinkhole, sinkhole: { ipv4: 192.0.2.80, ipv6: 2001:db8::80 }',
  e: `action: cname, target: ${'g'.repeat(63)}.${'h'.repeat(63)}.${'i'.repeat(63)}.${'j'.repeat(60)}`,
  f: 'action: refused',
  g: 'action: truncate'
}
const REFERENCE = 'a long reference '.repeat(20).trim()

const bans = Object.entries(ACTIONS).map(
  ([name, action]) => `{ names: ['=${name}'], authority: A, reference: '${REFERENCE}', ${action} }`
)
const files = {
  'rules/networks.yaml': `networks:
  all:
    prefixes: [127.0.0.1/32]
    bans:
${bans.map(ban => `      - ${ban}\n`).join('')}`
}

const OURS = '127.0.0.1'
const STRANGER = '127.0.0.2'
const long = 'x'.repeat(63)

const types = [A, AAAA, HTTPS, TXT, NS, SOA, PTR, ANY, 65280]
const names = [
  ...Object.keys(ACTIONS),
  ...['localhost', 'test', 'local', 'alt', 'onion', 'home.arpa', 'resolver.arpa', 'd.f.ip6.arpa'],
  '1.0.0.127.in-addr.arpa'
]
const sizes = [0, 512, 4096]

/** Every kind of question and sender: by the rows of the table in docs/reference/settings.md. */
const kinds: Readonly<Record<string, { readonly from: string; readonly asks: readonly Ask[] }>> = {
  'to a client in no network': {
    from: STRANGER,
    asks: [
      ...sizes.flatMap(size => ['', 'a', 'localhost'].map(name => ({ name, size }))),
      { name: 'version.bind', type: TXT, class: CH },
      { name: '', options: NSID },
      { name: '', type: ANY },
      { name: '', options: COOKIE },
      { name: '', version: 1 },
      { name: '', opcode: 5 }
    ]
  },
  'from rules and special-use names': {
    from: OURS,
    asks: names.flatMap(name => types.flatMap(type => sizes.map(size => ({ name, type, size }))))
  },
  'from this server, and errors': {
    from: OURS,
    asks: [
      ...['version.bind', 'id.server', 'other'].flatMap(name =>
        sizes.map(size => ({ name, type: TXT, class: CH, size }))
      ),
      { name: '', options: NSID, type: ANY },
      { name: '', options: Buffer.concat([NSID, COOKIE]), class: CH },
      { name: '', options: COOKIE, type: ANY },
      { name: '', type: ANY },
      { name: '', type: ANY, dnssecOk: true },
      { name: '', version: 1 },
      { name: '', opcode: 5 },
      { name: '', type: 252 }
    ]
  },
  'from upstreams and the cache': {
    from: OURS,
    asks: [...sizes.map(size => ({ name: '', type: TXT, size })), { name: '', type: NS }]
  }
}

const promised = new Map(
  tableAfter('docs/reference/settings.md', '### Amplification').map(
    ([what, octets, ratio]) => [what!, { octets: Number(octets), ratio: Number(ratio) }] as const
  )
)

/** The largest of a row, compared to the documented value. */
function holds(t: Test, what: string, pairs: readonly (readonly [Buffer, Buffer])[]): void {
  const ratio = Math.max(...pairs.map(([sent, got]) => got.length / sent.length))
  const octets = Math.max(...pairs.map(([, got]) => got.length))
  const [worst] = pairs.filter(([sent, got]) => got.length / sent.length === ratio)
  t.comment(`${what}: ${ratio.toFixed(2)} times, ${worst![0].length} to ${worst![1].length} octets`)
  t.comment(`${what}: at most ${octets} octets`)
  const said = promised.get(what)
  t.strictSame(said, { octets, ratio: Math.ceil(ratio * 10) / 10 }, 'as documented')
}

t.test('amplification is as documented', async t => {
  // With header, question of the root and OPT it is just what a UDP reply may have.
  const upstream = await BadUpstream.open(large(1232 - 12 - 5 - 11))
  t.teardown(() => upstream.close())
  const more = `identity: { version: ${long}, name: ${long} }`
  const { at } = await serving(t, { files, upstream: upstream.endpoint, more })
  for (const [what, { from, asks }] of Object.entries(kinds)) {
    const pairs: [Buffer, Buffer][] = []
    for (const ask of asks) {
      const sent = query(ask)
      pairs.push([sent, await replyTo(t, at, sent, from)])
    }
    holds(t, what, pairs)
  }
})

t.test('above a limit, no reply is larger than its query, except for a cookie', async t => {
  const pairs: [Buffer, Buffer][] = []
  for (const limit of ['queries-per-second: 1', 'responses-per-second: 1']) {
    const more = `limits: { ${limit}, burst: 1s, slip: 1 }`
    const { at } = await serving(t, { files, more })
    for (const ask of [{ name: 'a' }, { name: 'a', size: 0 }, { name: 'a', options: COOKIE }]) {
      const sent = query(ask)
      // The first ones are below the limit.
      for (let i = 0; i < 4; i++) {
        const reply = await replyTo(t, at, sent, OURS)
        if ((reply[3]! & 15) === 3 && (reply[2]! & 2) === 0) continue
        pairs.push([sent, reply])
      }
    }
  }
  t.ok(pairs.length >= 12, 'most are above the limit')
  holds(t, 'above a limit', pairs)
})

t.test('the documented table has no other rows', async t => {
  t.strictSame([...promised.keys()].sort(), [...Object.keys(kinds), 'above a limit'].sort())
})

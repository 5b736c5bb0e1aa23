import type { ConnectionOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { readPrefix } from '../../src/base/values/address.js'
import { compilePrefixes, PrefixTable } from '../../src/base/values/prefix-table.js'
import { ERROR, FLAG, FRAME, PREFACE, SETTING } from '../../src/wire/http2/frame.js'
import { ConnectionLimit } from '../../src/resolver/server/connection-limit.js'
import type { TcpService } from '../../src/resolver/server/tcp-service.js'
import { serveTcp } from '../../src/resolver/server/tcp.js'
import { TrustedProxies } from '../../src/resolver/server/trusted-proxies.js'
import { header, octets, opt, question, u16 } from '../dns/octets.js'
import { proxyHeader } from '../resolver/socket-stage.js'
import { block, blockOf, DohClient, frame, getOf, POST, type Fields } from './doh-client.js'
import { FakeResponder, query, textOf } from './fake-responder.js'
import { TcpClient } from './tcp-client.js'
import { tlsListenOptions } from './tls-options.js'
import { transports, until } from './transports.js'

const IDLE = 10_000
const IN_FLIGHT = 10

/** With OpenSSL directly where that is possible, and with node:tls. */
let transport = transports()[0]!

function test(name: string, run: (t: Test) => Promise<void>): void {
  for (const each of transports()) {
    t.test(`${name} (${each.kind})`, async t => {
      transport = each
      await run(t)
    })
  }
}

interface Stage {
  readonly service: TcpService
  readonly responder: FakeResponder
  readonly connect: (tls?: ConnectionOptions, preamble?: Uint8Array) => DohClient
  readonly pass: (ms: number) => void
}

async function stage(t: Test, proxies?: TrustedProxies): Promise<Stage> {
  const responder = new FakeResponder()
  let now = 1
  const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
  const service = await serveTcp(transport, { address: '127.0.0.1', port: 0 }, responder, {
    limits: { idle: IDLE, connections: 100, queriesInFlight: IN_FLIGHT },
    clock: { now: () => now, wall: () => now },
    connectionLimit: new ConnectionLimit(100, terms),
    proxies,
    tls: { ...tlsListenOptions(), dohPath: '/dns-query' }
  })
  t.teardown(() => service.close())
  const connect: Stage['connect'] = (tls, preamble) => {
    const client = new DohClient(service.local.port, tls, preamble)
    t.teardown(() => client.socket.destroy())
    return client
  }
  return { service, responder, connect, pass: ms => (now += ms) }
}

const local = new PrefixTable(compilePrefixes([readPrefix('127.0.0.0/8')], () => 1))

async function textsOf(client: DohClient, ...streams: readonly number[]): Promise<string[]> {
  await until(() => streams.every(stream => client.isDone(stream)))
  return streams.map(stream => textOf(client.responses.get(stream)!.body))
}

test('answers POST and GET', async t => {
  const { connect, responder, service } = await stage(t)
  const client = connect().begin()
  const streams = [
    client.post(query('now 1')),
    client.send(getOf(query('now 2'))),
    client.send({ ...POST, 'content-type': 'Application/DNS-Message; a=b' }, query('now 3')),
    client.send({ ...getOf(query('')), ':path': '/dns-query?a=b&dns=LS0tLS0tLS0tLS0tbm93' })
  ]
  t.strictSame(await textsOf(client, ...streams), [
    're: now 1',
    're: now 2',
    're: now 3',
    're: now'
  ])
  t.strictSame(client.responses.get(1)!.fields, {
    ':status': '200',
    'content-type': 'application/dns-message',
    'content-length': '21',
    'cache-control': 'private, max-age=0'
  })
  t.strictSame(responder.protocols, [3, 3, 3, 3])
  t.match(service, { protocol: 3, counts: { queries: 4 }, tls: { handshakes: 1 } })
  t.equal(responder.batches, responder.ended)
})

const other = (fields: Fields): Fields => ({ ...POST, ...fields })
const get = (path: string): Fields => ({ ...getOf(query('')), ':path': path })
/** Each counts for 36 octets, and takes six. */
const MANY = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`a${100 + i}`, '']))
const requests = [
  { it: 'another path', fields: get('/'), is: '404' },
  { it: 'a path below', fields: get('/dns-query/x?dns=AAAA'), is: '404' },
  { it: 'GET without a query', fields: get('/dns-query'), is: '400' },
  { it: 'GET with another parameter', fields: get('/dns-query?name=a.test'), is: '400' },
  { it: 'GET with an empty query', fields: get('/dns-query?dns='), is: '400' },
  { it: 'GET with padding', fields: get('/dns-query?dns=LS0tLS0tLS0tLS0tbm93YQ=='), is: '400' },
  { it: 'GET with base64', fields: get('/dns-query?dns=LS0tLS0tLS0tLS0tbm93/+8'), is: '400' },
  { it: 'GET with a rest of one character', fields: get('/dns-query?dns=LS0tL'), is: '400' },
  { it: 'GET with less than a header', fields: get('/dns-query?dns=LS0tLQ'), is: '400' },
  { it: 'GET with a response', fields: getOf(Buffer.alloc(12, 0xff)), is: '400' },
  { it: 'GET with a body', fields: get('/dns-query?dns=LS0tLQ'), body: query('now'), is: '400' },
  { it: 'a path too long', fields: get(`/dns-query?dns=${'A'.repeat(8192)}`), is: '414' },
  { it: 'POST without a body', fields: POST, is: '400' },
  { it: 'POST with less than a header', fields: POST, body: Buffer.alloc(11), is: '400' },
  { it: 'POST with a response', fields: POST, body: Buffer.alloc(12, 0xff), is: '400' },
  {
    it: 'another type',
    fields: other({ 'content-type': 'text/html' }),
    body: query('now'),
    is: '415'
  },
  {
    it: 'no type',
    fields: { ...get('/dns-query'), ':method': 'POST' },
    body: query('now'),
    is: '415'
  },
  { it: 'PUT', fields: other({ ':method': 'PUT' }), body: query('now'), is: '405' },
  { it: 'HEAD', fields: { ...get('/dns-query'), ':method': 'HEAD' }, is: '405' },
  {
    it: 'a length too great',
    fields: other({ 'content-length': '65536' }),
    body: query('now'),
    is: '413'
  },
  { it: 'fields too large', fields: other(MANY), body: query('now'), is: '431' },
  {
    it: 'another length',
    fields: other({ 'content-length': '14' }),
    body: query('now'),
    is: 'reset 1'
  },
  { it: 'no length', fields: other({ 'content-length': 'x' }), body: query('now'), is: 'reset 1' },
  { it: 'no method', fields: { ':scheme': 'https', ':path': '/' }, is: 'reset 1' },
  { it: 'no scheme', fields: { ':method': 'GET', ':path': '/' }, is: 'reset 1' },
  { it: 'no path', fields: { ':method': 'GET', ':scheme': 'https' }, is: 'reset 1' },
  { it: 'an unknown pseudo-header field', fields: { ...get('/'), ':x': '' }, is: 'reset 1' },
  { it: 'a pseudo-header field behind others', fields: { a: 'b', ...get('/') }, is: 'reset 1' },
  { it: 'a name in upper case', fields: { ...get('/'), A: 'b' }, is: 'reset 1' },
  { it: 'a line break in a value', fields: { ...get('/'), a: 'b\r\nc' }, is: 'reset 1' },
  { it: 'a space before a value', fields: { ...get('/'), a: ' b' }, is: 'reset 1' },
  { it: 'a field of HTTP/1.1', fields: { ...get('/'), connection: 'close' }, is: 'reset 1' },
  { it: 'TE', fields: { ...get('/'), te: 'gzip' }, is: 'reset 1' },
  { it: 'TE of trailers', fields: { ...get('/'), te: 'trailers' }, is: '404' },
  { it: 'a query that is dropped', fields: POST, body: query('drop'), is: 'reset 8' }
]
t.test('answers requests that are no query with a status, or resets them', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  for (const { it, fields, body, is } of requests) {
    const stream = client.send(fields, body)
    await until(() => client.isDone(stream))
    t.equal(client.outcome(stream), is, it)
    t.equal(client.responses.get(stream)!.body.length, 0)
    if (is === '405') t.equal(client.responses.get(stream)!.fields.allow, 'GET, POST')
  }
  t.equal(client.goAway, undefined)
})

t.test('a method given twice makes a request malformed', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  const fields = [...Object.entries(getOf(query('now'))), [':method', 'GET']] as [string, string][]
  client.write(
    frame(
      FRAME.HEADERS,
      FLAG.END_HEADERS | FLAG.END_STREAM,
      1,
      blockOf([fields.at(-1)!, ...fields])
    )
  )
  await until(() => client.isDone(1))
  t.equal(client.outcome(1), 'reset 1')
})

t.test('reads bodies in parts, with padding and with trailers', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  const q = query('now')
  const open = (stream: number): Buffer =>
    frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, block(POST))
  const padded = Buffer.concat([Buffer.of(3), q, Buffer.alloc(3)])
  const last = FLAG.END_HEADERS | FLAG.END_STREAM
  client.write(
    ...[
      open(1),
      frame(FRAME.DATA, 0, 1, q.subarray(0, 5)),
      frame(FRAME.DATA, 0, 1, q.subarray(5, 9))
    ],
    frame(FRAME.DATA, FLAG.END_STREAM, 1, q.subarray(9)),
    ...[open(3), frame(FRAME.DATA, FLAG.END_STREAM | FLAG.PADDED, 3, padded)],
    ...[open(5), frame(FRAME.DATA, 0, 5, q), frame(FRAME.HEADERS, last, 5, block({ a: 'b' }))]
  )
  t.strictSame(await textsOf(client, 1, 3, 5), ['re: now', 're: now', 're: now'])
})

t.test('reads fields in parts, with padding and priority, octet by octet', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  const fields = block(getOf(query('now')))
  const flags = FLAG.PADDED | FLAG.PRIORITY | FLAG.END_STREAM
  const first = Buffer.concat([
    Buffer.of(2, 0, 0, 0, 0, 9),
    fields.subarray(0, 20),
    Buffer.alloc(2)
  ])
  const octets = Buffer.concat([
    frame(FRAME.PRIORITY, 0, 1, Buffer.alloc(5)),
    frame(0xbe, 0, 0, Buffer.from('extension')),
    frame(FRAME.HEADERS, flags, 1, first),
    frame(FRAME.CONTINUATION, 0, 1, fields.subarray(20, 30)),
    frame(FRAME.CONTINUATION, FLAG.END_HEADERS, 1, fields.subarray(30))
  ])
  for (const octet of octets) client.write(Buffer.of(octet))
  t.strictSame(await textsOf(client, 1), ['re: now'])
})

t.test('answers later in any order, and resets a query without an answer', async t => {
  const { connect, responder } = await stage(t)
  const client = connect().begin()
  const streams = ['later 1', 'later 2', 'later 3'].map(text => client.post(query(text)))
  await until(() => responder.pending.size === 3)
  responder.release('later 3')
  responder.silence('later 2')
  responder.release('later 1')
  await until(() => streams.every(stream => client.isDone(stream)))
  t.strictSame(
    streams.map(stream => client.outcome(stream)),
    ['200', 'reset 8', '200']
  )
  t.strictSame(await textsOf(client, streams[0]!, streams[2]!), ['re: later 1', 're: later 3'])
  t.strictSame(responder.protocols.slice(-1), [3])
})

test('each TLS record has the end of one response at most', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  await until(() => client.frames.length >= 2)
  const requests = Array.from({ length: 9 }, (_, i) =>
    client.request(POST, query(`now ${'x'.repeat(40 * i)}`))
  )
  client.records.length = 0
  client.write(...requests.map(({ octets }) => octets))
  await textsOf(client, ...requests.map(({ stream }) => stream))
  const sizes = client.records.slice(0, -1)
  t.ok(sizes.length >= 8 && sizes.every(size => size === 512), client.records.join(' '))
})

t.test('sends long replies as far as the windows of the client allow', async t => {
  const { connect } = await stage(t)
  const client = connect().begin([SETTING.INITIAL_WINDOW_SIZE, 1000])
  const stream = client.post(query('big'))
  const size = (): number => client.responses.get(stream)?.body.length ?? 0
  const grow = (id: number, by: number): void => {
    const words = Buffer.alloc(4)
    words.writeUInt32BE(by)
    client.write(frame(FRAME.WINDOW_UPDATE, 0, id, words))
  }
  await until(() => size() === 1000)
  grow(stream, 500)
  await until(() => size() === 1500)
  const settings = Buffer.from('000400000800', 'hex')
  client.write(frame(FRAME.SETTINGS, 0, 0, settings))
  await until(() => size() === 1500 + 2048 - 1000)
  grow(stream, 1_000_000)
  await until(() => size() === 65_535)
  t.equal(client.responses.get(stream)!.fields['content-length'], '65535')
  await until(() => client.isDone(stream))
  // The window of the connection is used up now.
  const next = client.post(query('now'))
  await until(() => client.responses.has(next))
  grow(0, 5)
  await until(() => client.responses.get(next)!.body.length === 5)
  grow(0, 1_000_000)
  t.strictSame(await textsOf(client, next), ['re: now'])
  t.ok(client.frames.every(({ payload }) => payload.length <= 16_384))
})

t.test('gives back the window that bodies take', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  const body = Buffer.concat([query('drop'), Buffer.alloc(9_000)])
  for (let i = 0; i < 20; i++) {
    const stream = client.post(body)
    await until(() => client.isDone(stream))
    t.equal(client.outcome(stream), 'reset 8')
  }
  t.ok(client.frames.filter(({ type }) => type === FRAME.WINDOW_UPDATE).length >= 4)
})

test('takes the client address from a PROXY header before TLS', async t => {
  const { connect, responder } = await stage(t, new TrustedProxies(local, undefined))
  const client = connect({}, proxyHeader('192.0.2.7')).begin()
  // Nobody is believed who names a client in a field of HTTP.
  const stream = client.send({ ...POST, 'x-forwarded-for': '198.51.100.1' }, query('now'))
  t.strictSame(await textsOf(client, stream), ['re: now'])
  t.strictSame(responder.clients, [[0, 0, 0xffff, 0xc0000207]])
})

t.test('takes the client address from EDNS client subnet of a listed front end', async t => {
  const { connect, responder } = await stage(t, new TrustedProxies(undefined, local))
  const client = connect().begin()
  const ecs = (bits: number, ...address: readonly number[]): Uint8Array =>
    octets(
      header(1, 0x0100, 1, 0, 0, 1),
      question('a.test'),
      opt(1232, [...u16(8), ...u16(4 + address.length), ...u16(1), bits, 0, ...address])
    )
  const full = client.post(ecs(32, 192, 0, 2, 7))
  const short = client.post(ecs(24, 192, 0, 2))
  await until(() => client.isDone(full) && client.isDone(short))
  t.strictSame(responder.clients, [[0, 0, 0xffff, 0xc0000207]])
  t.equal(client.responses.get(short)!.body[3]! & 0xf, 1, 'FORMERR')
})

test('tells a client of HTTP/1.1 that it needs HTTP/2', async t => {
  const { service } = await stage(t)
  for (const ALPNProtocols of [['http/1.1'], undefined]) {
    const client = new TcpClient(service.local.port, undefined, undefined, {
      ...(ALPNProtocols && { ALPNProtocols })
    })
    t.teardown(() => client.socket.destroy())
    let text = ''
    client.socket.on('data', (data: Buffer) => (text += data.toString()))
    await client.send(Buffer.from('GET /dns-query?dns=AAAA HTTP/1.1\r\nHost: a\r\n\r\n'))
    await until(() => client.ended)
    t.match(text, /^HTTP\/1\.1 505 /)
  }
})

test('closes what is not HTTP', async t => {
  const { connect } = await stage(t)
  for (const octets of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.of(0, 1, 2)]) {
    const client = connect()
    client.write(octets)
    await until(() => client.ended)
    t.strictSame(client.frames, [])
  }
})

const H = FLAG.END_HEADERS | FLAG.END_STREAM
const FIELDS = block(getOf(query('later')))
const NOW = block(getOf(query('now')))
const OPEN = frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, block(POST))
const empty = Buffer.alloc(0)
const word = (value: number): Buffer => {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(value)
  return octets
}
const setting = (id: number, value: number): Buffer =>
  frame(FRAME.SETTINGS, 0, 0, Buffer.concat([Buffer.of(0, id), word(value)]))
const errors = [
  {
    it: 'a frame too long',
    send: [frame(FRAME.DATA, 0, 1, Buffer.alloc(16_385))],
    is: ERROR.FRAME_SIZE_ERROR
  },
  {
    it: 'DATA on the connection',
    send: [frame(FRAME.DATA, 0, 0, empty)],
    is: ERROR.PROTOCOL_ERROR
  },
  { it: 'DATA of no stream', send: [frame(FRAME.DATA, 0, 1, empty)], is: ERROR.PROTOCOL_ERROR },
  {
    it: 'DATA with nothing but a flag',
    send: [OPEN, frame(FRAME.DATA, FLAG.PADDED, 1, empty)],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'DATA with more padding than there is',
    send: [OPEN, frame(FRAME.DATA, FLAG.PADDED, 1, Buffer.of(2, 0))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'HEADERS on the connection',
    send: [frame(FRAME.HEADERS, H, 0, FIELDS)],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'HEADERS of an even stream',
    send: [frame(FRAME.HEADERS, H, 2, FIELDS)],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'HEADERS with nothing but a flag',
    send: [frame(FRAME.HEADERS, H | FLAG.PADDED, 1, empty)],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'HEADERS with more padding than there is',
    send: [frame(FRAME.HEADERS, H | FLAG.PADDED, 1, Buffer.of(9, 0))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'HEADERS that cannot be decoded',
    send: [frame(FRAME.HEADERS, H, 1, Buffer.of(0x80))],
    is: ERROR.COMPRESSION_ERROR
  },
  {
    it: 'HEADERS of a lower stream that was never opened',
    send: [frame(FRAME.HEADERS, H, 5, FIELDS), frame(FRAME.HEADERS, H, 3, FIELDS)],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'HEADERS on a stream that was answered',
    send: [frame(FRAME.HEADERS, H, 1, NOW), frame(FRAME.HEADERS, H, 1, NOW)],
    is: ERROR.STREAM_CLOSED
  },
  {
    it: 'DATA on a stream that was answered',
    send: [frame(FRAME.HEADERS, H, 1, NOW), frame(FRAME.DATA, FLAG.END_STREAM, 1, empty)],
    is: ERROR.STREAM_CLOSED
  },
  {
    it: 'DATA on a stream that the client has reset',
    send: [OPEN, frame(FRAME.RST_STREAM, 0, 1, word(8)), frame(FRAME.DATA, 0, 1, empty)],
    is: ERROR.STREAM_CLOSED
  },
  {
    it: 'HEADERS on a stream that the client has reset',
    send: [OPEN, frame(FRAME.RST_STREAM, 0, 1, word(8)), frame(FRAME.HEADERS, H, 1, FIELDS)],
    is: ERROR.STREAM_CLOSED
  },
  {
    it: 'CONTINUATION without HEADERS',
    send: [frame(FRAME.CONTINUATION, H, 1, FIELDS)],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'CONTINUATION of another stream',
    send: [frame(FRAME.HEADERS, 0, 1, FIELDS), frame(FRAME.CONTINUATION, H, 3, empty)],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'another frame before CONTINUATION',
    send: [frame(FRAME.HEADERS, 0, 1, FIELDS), frame(FRAME.PING, 0, 0, Buffer.alloc(8))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'CONTINUATION without end',
    send: [
      frame(FRAME.HEADERS, 0, 1, FIELDS),
      ...Array.from({ length: 2000 }, () => frame(FRAME.CONTINUATION, 0, 1, empty))
    ],
    is: ERROR.ENHANCE_YOUR_CALM
  },
  {
    it: 'fields longer than the limit',
    send: [
      frame(FRAME.HEADERS, 0, 1, Buffer.alloc(16_000)),
      frame(FRAME.CONTINUATION, 0, 1, Buffer.alloc(16_000))
    ],
    is: ERROR.ENHANCE_YOUR_CALM
  },
  {
    it: 'PRIORITY on the connection',
    send: [frame(FRAME.PRIORITY, 0, 0, Buffer.alloc(5))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'PRIORITY of another size',
    send: [frame(FRAME.PRIORITY, 0, 1, Buffer.alloc(4))],
    is: ERROR.FRAME_SIZE_ERROR
  },
  {
    it: 'RST_STREAM on the connection',
    send: [frame(FRAME.RST_STREAM, 0, 0, word(0))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'RST_STREAM of no stream',
    send: [frame(FRAME.RST_STREAM, 0, 1, word(0))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'RST_STREAM of another size',
    send: [OPEN, frame(FRAME.RST_STREAM, 0, 1, empty)],
    is: ERROR.FRAME_SIZE_ERROR
  },
  {
    it: 'SETTINGS of a stream',
    send: [frame(FRAME.SETTINGS, 0, 1, empty)],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'SETTINGS of half a setting',
    send: [frame(FRAME.SETTINGS, 0, 0, Buffer.of(0))],
    is: ERROR.FRAME_SIZE_ERROR
  },
  {
    it: 'an acknowledgement with settings',
    send: [frame(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(6))],
    is: ERROR.FRAME_SIZE_ERROR
  },
  {
    it: 'a setting for pushes that is not 0 or 1',
    send: [setting(SETTING.ENABLE_PUSH, 2)],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'a window setting too great',
    send: [setting(SETTING.INITIAL_WINDOW_SIZE, 0x8000_0000)],
    is: ERROR.FLOW_CONTROL_ERROR
  },
  {
    it: 'a frame size setting too small',
    send: [setting(SETTING.MAX_FRAME_SIZE, 16_383)],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'a window grown too great by a setting',
    send: [
      OPEN,
      frame(FRAME.WINDOW_UPDATE, 0, 1, word(0x7fff_0000)),
      setting(SETTING.INITIAL_WINDOW_SIZE, 0x7fff_ffff)
    ],
    is: ERROR.FLOW_CONTROL_ERROR
  },
  {
    it: 'PUSH_PROMISE',
    send: [frame(FRAME.PUSH_PROMISE, H, 1, Buffer.alloc(9))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'PING of a stream',
    send: [frame(FRAME.PING, 0, 1, Buffer.alloc(8))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'PING of another size',
    send: [frame(FRAME.PING, 0, 0, Buffer.alloc(7))],
    is: ERROR.FRAME_SIZE_ERROR
  },
  {
    it: 'GOAWAY of a stream',
    send: [frame(FRAME.GOAWAY, 0, 1, Buffer.alloc(8))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'GOAWAY of another size',
    send: [frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(4))],
    is: ERROR.FRAME_SIZE_ERROR
  },
  {
    it: 'WINDOW_UPDATE of another size',
    send: [frame(FRAME.WINDOW_UPDATE, 0, 0, empty)],
    is: ERROR.FRAME_SIZE_ERROR
  },
  {
    it: 'WINDOW_UPDATE by 0',
    send: [frame(FRAME.WINDOW_UPDATE, 0, 0, word(0))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'WINDOW_UPDATE of no stream',
    send: [frame(FRAME.WINDOW_UPDATE, 0, 1, word(1))],
    is: ERROR.PROTOCOL_ERROR
  },
  {
    it: 'WINDOW_UPDATE beyond the greatest',
    send: [frame(FRAME.WINDOW_UPDATE, 0, 0, word(0x7fff_ffff))],
    is: ERROR.FLOW_CONTROL_ERROR
  },
  {
    it: 'resets without end',
    send: Array.from({ length: 600 }, (_, i) =>
      Buffer.concat([
        frame(FRAME.HEADERS, FLAG.END_HEADERS, 2 * i + 1, block(POST)),
        frame(FRAME.RST_STREAM, 0, 2 * i + 1, word(8))
      ])
    ),
    is: ERROR.ENHANCE_YOUR_CALM
  },
  {
    it: 'pings without end',
    send: Array.from({ length: 1001 }, () => frame(FRAME.PING, 0, 0, Buffer.alloc(8))),
    is: ERROR.ENHANCE_YOUR_CALM
  },
  {
    it: 'settings without end',
    send: Array.from({ length: 1001 }, () => frame(FRAME.SETTINGS, 0, 0, empty)),
    is: ERROR.ENHANCE_YOUR_CALM
  },
  {
    it: 'empty bodies without end',
    send: [OPEN, ...Array.from({ length: 1001 }, () => frame(FRAME.DATA, 0, 1, empty))],
    is: ERROR.ENHANCE_YOUR_CALM
  }
]
t.test('ends connections against the rules with GOAWAY', async t => {
  const { connect, service } = await stage(t)
  for (const { it, send, is } of errors) {
    const client = connect().begin()
    client.write(...send)
    await until(() => client.ended || client.closed)
    t.equal(client.goAway, is, it)
    client.socket.destroy()
  }
  const early = connect()
  early.write(PREFACE, frame(FRAME.PING, 0, 0, Buffer.alloc(8)))
  await until(() => early.ended)
  t.equal(early.goAway, ERROR.PROTOCOL_ERROR, 'a first frame that is not SETTINGS')
  await until(() => service.connections === 1)
})

t.test('refuses more requests than it takes at once, also abandoned ones', async t => {
  const { connect, responder } = await stage(t)
  const client = connect().begin()
  const ask = (i: number): number => client.post(query(`later ${i}`))
  const streams = Array.from({ length: IN_FLIGHT }, (_, i) => ask(i))
  await until(() => responder.pending.size === IN_FLIGHT)
  const more = ask(IN_FLIGHT)
  await until(() => client.isDone(more))
  t.equal(client.outcome(more), `reset ${ERROR.REFUSED_STREAM}`)
  client.write(frame(FRAME.RST_STREAM, 0, streams[0]!, word(8)))
  const another = ask(IN_FLIGHT + 1)
  await until(() => client.isDone(another))
  t.equal(client.outcome(another), `reset ${ERROR.REFUSED_STREAM}`)
  responder.release('later 0')
  const last = client.post(query('now'))
  t.strictSame(await textsOf(client, last), ['re: now'])
  t.notOk(client.responses.has(streams[0]!))
  t.match(client.frames[0]!.payload.toString('hex'), /^00030000000a/)
})

t.test('refuses further queries while too much of its replies is not taken', async t => {
  const { connect } = await stage(t)
  const client = connect().begin([SETTING.INITIAL_WINDOW_SIZE, 0])
  for (let i = 0; i < 3; i++) client.post(query('big'))
  const refused = client.post(query('now'))
  await until(() => client.isDone(refused))
  t.equal(client.outcome(refused), `reset ${ERROR.REFUSED_STREAM}`)
})

t.test('does not keep more of bodies than two messages', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  const part = Buffer.alloc(16_000)
  for (let stream = 1; stream <= 9; stream += 2) {
    client.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, block(POST)))
    const parts = Array.from({ length: stream < 9 ? 2 : 1 }, () =>
      frame(FRAME.DATA, 0, stream, part)
    )
    client.write(...parts)
    const before = client.frames.length
    client.write(frame(FRAME.PING, 0, 0, Buffer.alloc(8)))
    await until(() => client.frames.length > before && client.frames.at(-1)!.type === FRAME.PING)
  }
  t.equal(client.outcome(9), '413')
  client.write(frame(FRAME.RST_STREAM, 0, 1, word(8)), frame(FRAME.RST_STREAM, 0, 3, word(8)))
  const long = 11
  client.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, long, block(POST)))
  for (let i = 0; i < 4; i++) {
    client.write(frame(FRAME.DATA, 0, long, Buffer.alloc(16_384)))
    await until(() => i < 3 || client.isDone(long))
  }
  t.equal(client.outcome(long), '413')
})

t.test('ends a connection whose client sends more than the window', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  // Each counts with its padding; nothing is given back before half the window is used.
  const padded = Buffer.concat([Buffer.of(255), Buffer.alloc(255 + 15_000)])
  const parts = [0, 1, 2].map(() => frame(FRAME.DATA, FLAG.PADDED, 1, padded))
  client.write(OPEN, ...parts)
  await until(() => client.frames.some(({ type }) => type === FRAME.WINDOW_UPDATE))
  t.equal(client.goAway, undefined)
})

t.test('ignores frames of streams that are closed', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  client.post(query('now'))
  client.write(
    frame(FRAME.RST_STREAM, 0, 1, word(8)),
    frame(FRAME.WINDOW_UPDATE, 0, 1, word(1)),
    frame(FRAME.PING, FLAG.ACK, 0, Buffer.alloc(8)),
    frame(FRAME.SETTINGS, FLAG.ACK, 0, empty)
  )
  const again = client.post(query('now'))
  t.strictSame(await textsOf(client, 1, again), ['re: now', 're: now'])
})

t.test('ignores the rest of a request that was answered before its end', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  const open = (stream: number, fields: Fields): Buffer =>
    frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, block(fields))
  client.write(
    open(1, other({ 'content-type': 'text/html' })),
    frame(FRAME.DATA, 0, 1, query('now')),
    ...[frame(FRAME.HEADERS, H, 1, block({ a: 'b' })), open(3, POST)],
    frame(FRAME.DATA, 0, 3, Buffer.alloc(16_384)),
    ...Array.from({ length: 4 }, () => frame(FRAME.DATA, 0, 3, Buffer.alloc(16_000))),
    frame(FRAME.DATA, FLAG.END_STREAM, 3, empty),
    frame(FRAME.HEADERS, H, 5, NOW)
  )
  t.strictSame(await textsOf(client, 5), ['re: now'])
  t.strictSame([client.outcome(1), client.outcome(3)], ['415', '413'])
  t.equal(client.goAway, undefined)
})

t.test('answers GET that ends with an empty body or trailers, and takes no other body', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  const open = (stream: number): Buffer => frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, NOW)
  const part = (stream: number, flags: number, octets: Uint8Array = empty): Buffer =>
    frame(FRAME.DATA, flags, stream, octets)
  const trailers = frame(FRAME.HEADERS, H, 3, block({ a: 'b' }))
  client.write(
    ...[open(1), part(1, 0), part(1, FLAG.END_STREAM), open(3), trailers],
    ...[open(5), part(5, FLAG.END_STREAM, query('now')), open(7), part(7, 0, Buffer.of(0))]
  )
  t.strictSame(await textsOf(client, 1, 3), ['re: now', 're: now'])
  await until(() => client.isDone(5) && client.isDone(7))
  t.strictSame([client.outcome(5), client.outcome(7)], ['400', '400'])
})

t.test('resets a request with fields behind it that are no trailers', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  const open = (stream: number): Buffer =>
    frame(FRAME.HEADERS, FLAG.END_HEADERS, stream, block(POST))
  const body = (stream: number): Buffer => frame(FRAME.DATA, 0, stream, query('now'))
  const behind = (stream: number, flags: number, fields: Fields): Buffer =>
    frame(FRAME.HEADERS, flags, stream, block(fields))
  client.write(
    ...[open(1), body(1), behind(1, H, { ':path': '/' })],
    ...[open(3), body(3), behind(3, H, { connection: 'close' })],
    ...[open(5), body(5), behind(5, FLAG.END_HEADERS, { a: 'b' })],
    ...[frame(FRAME.HEADERS, H, 7, FIELDS), behind(7, H, { a: 'b' })]
  )
  const streams = [1, 3, 5, 7]
  await until(() => streams.every(stream => client.isDone(stream)))
  t.strictSame(
    streams.map(stream => client.outcome(stream)),
    ['reset 1', 'reset 1', 'reset 1', 'reset 5']
  )
  t.equal(client.goAway, undefined)
})

t.test('of several window settings in a frame, the last counts', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  const one = (octets: number): Buffer =>
    Buffer.concat([Buffer.of(0, SETTING.INITIAL_WINDOW_SIZE), word(octets)])
  const settings = Array.from({ length: 2730 }, (_, i) => one(i % 2 === 0 ? 0x7fff_ffff : 0))
  client.write(
    OPEN,
    frame(FRAME.WINDOW_UPDATE, 0, 1, word(1)),
    frame(FRAME.SETTINGS, 0, 0, Buffer.concat(settings)),
    frame(FRAME.DATA, FLAG.END_STREAM, 1, query('big'))
  )
  const size = (): number => client.responses.get(1)?.body.length ?? 0
  await until(() => size() > 0)
  t.equal(size(), 1, 'what is left of a window of nothing')
  t.equal(client.goAway, undefined)
})

t.test('resets a stream that goes on behind its end, or whose window grows too great', async t => {
  const { connect } = await stage(t)
  const client = connect().begin()
  const late = client.post(query('later'))
  client.write(frame(FRAME.DATA, 0, late, empty))
  const wide = client.post(query('later 2'))
  client.write(frame(FRAME.WINDOW_UPDATE, 0, wide, word(0x7fff_ffff)))
  await until(() => client.isDone(late) && client.isDone(wide))
  t.strictSame(
    [late, wide].map(it => client.outcome(it)),
    ['reset 5', 'reset 3']
  )
})

t.test('closes connections without a query, whatever else they send', async t => {
  const { connect, service, pass, responder } = await stage(t)
  const [silent, pinging, waiting] = [connect(), connect().begin(), connect().begin()]
  waiting.post(query('later'))
  await until(() => responder.pending.size === 1 && service.connections === 3)
  await until(() => pinging.frames.length === 2)
  pass(IDLE - 1)
  pinging.write(frame(FRAME.PING, 0, 0, Buffer.alloc(8)))
  await until(() => pinging.frames.length === 3)
  await until(() => service.tls!.handshakes === 3)
  service.closeIdle()
  t.equal(service.connections, 3)
  pass(1)
  service.closeIdle()
  await until(() => silent.ended && pinging.ended)
  t.equal(pinging.goAway, ERROR.NO_ERROR)
  t.match(service.counts, { idleClosed: 2 })
  // Neither closes its side.
  pass(IDLE)
  service.closeIdle()
  await until(() => service.connections === 1)
  responder.release('later')
  t.strictSame(await textsOf(waiting, 1), ['re: later'])
})

t.test('resets requests that do not go on, and replies that are not taken', async t => {
  const { connect, service, pass } = await stage(t)
  const client = connect().begin()
  client.write(OPEN, frame(FRAME.DATA, 0, 1, Buffer.alloc(3)))
  client.write(setting(SETTING.INITIAL_WINDOW_SIZE, 0))
  client.write(frame(FRAME.HEADERS, H, 3, block(getOf(query('now')))))
  await until(() => client.responses.has(3))
  pass(IDLE - 1)
  client.write(frame(FRAME.HEADERS, H, 5, block(getOf(query('drop')))))
  await until(() => client.isDone(5))
  service.closeIdle()
  pass(1)
  service.closeIdle()
  await until(() => client.isDone(1) && client.isDone(3))
  t.strictSame([client.outcome(1), client.responses.get(3)!.reset], ['reset 8', 8])
  t.notOk(client.ended, 'a query came meanwhile')
})

t.test('draining answers what was received, and nothing more', async t => {
  const { connect, service, responder } = await stage(t)
  const client = connect().begin()
  const pending = client.post(query('later'))
  client.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, 3, block(POST)))
  await until(() => responder.pending.size === 1)
  const drained = service.drain(60_000)
  await until(() => client.goAway === ERROR.NO_ERROR)
  client.write(
    frame(FRAME.HEADERS, H, 5, FIELDS),
    frame(FRAME.DATA, FLAG.END_STREAM, 3, query('now'))
  )
  t.strictSame(await textsOf(client, 3), ['re: now'])
  responder.release('later')
  t.strictSame(await textsOf(client, pending), ['re: later'])
  t.notOk(client.responses.has(5))
  await until(() => client.ended)
  client.socket.end()
  await drained
})

t.test('a client that says GOAWAY, or closes its side, gets its answers first', async t => {
  const { connect, service, responder } = await stage(t)
  const [leaving, closing] = [connect().begin(), connect().begin()]
  const [one, two] = [leaving.post(query('later 1')), closing.post(query('later 2'))]
  leaving.write(frame(FRAME.GOAWAY, 0, 0, Buffer.alloc(8)))
  closing.write(frame(FRAME.HEADERS, FLAG.END_HEADERS, 3, block(POST)))
  closing.socket.end()
  await until(() => responder.pending.size === 2)
  responder.release('later 1')
  responder.release('later 2')
  t.strictSame(await textsOf(leaving, one), ['re: later 1'])
  t.strictSame(await textsOf(closing, two), ['re: later 2'])
  await until(() => closing.ended)
  leaving.socket.end()
  await until(() => service.connections === 0)
})

t.test('a client that closes its side gets of long replies what its window allows', async t => {
  const { connect, service, responder } = await stage(t)
  const client = connect().begin()
  const streams = [client.post(query('later')), client.post(query('big'))]
  client.socket.end()
  await until(() => responder.pending.size === 1)
  responder.release('later')
  await until(() => client.ended && service.connections === 0)
  t.ok(streams.every(stream => client.responses.get(stream)!.body.length > 0 === (stream === 3)))
})

t.test('a client that goes away leaves nothing', async t => {
  const { connect, service, responder } = await stage(t)
  const client = connect().begin()
  client.post(query('later'))
  await until(() => responder.pending.size === 1)
  client.socket.destroy()
  await until(() => service.connections === 0)
  responder.release('later')
})

t.test('takes other limits while connections are open', async t => {
  const { connect, service, responder } = await stage(t)
  const client = connect().begin()
  client.post(query('later'))
  await until(() => responder.pending.size === 1)
  const terms = { bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
  service.configure({
    limits: { idle: IDLE, connections: 100, queriesInFlight: 1 },
    clock: { now: () => 1, wall: () => 1 },
    connectionLimit: new ConnectionLimit(100, terms),
    proxies: undefined
  })
  const more = client.post(query('now'))
  await until(() => client.isDone(more))
  t.equal(client.outcome(more), `reset ${ERROR.REFUSED_STREAM}`)
})

test('reads no further while a client does not read', async t => {
  const { connect } = await stage(t)
  const client = connect().begin([SETTING.INITIAL_WINDOW_SIZE, 0x7fff_ffff])
  client.write(frame(FRAME.WINDOW_UPDATE, 0, 0, word(0x7000_0000)))
  await until(() => client.frames.length >= 2)
  client.socket.pause()
  const streams = Array.from({ length: 100 }, () => client.post(query('big')))
  client.socket.resume()
  await until(() => streams.every(stream => client.isDone(stream)))
  t.ok(streams.every(stream => client.responses.get(stream)!.body.length === 65_535))
})

import t from 'tap'
import { DEFAULT_FRAME_SIZE, ERROR, FLAG, FRAME, SETTING } from '../../src/wire/http2/frame.js'
import { Dice } from '../fuzz/dice.js'
import { block, blockOf, frame } from '../server/doh-client.js'
import {
  ANSWER,
  answer,
  data,
  GOOD,
  head,
  Http2Stage,
  QUERY,
  settings,
  TYPE,
  words
} from './http2-stage.js'

const empty = Buffer.alloc(0)

t.test('begins with preface, settings and a larger window, without waiting', async t => {
  const stage = new Http2Stage()
  stage.client.begin()
  stage.ask(1)
  await stage.turn()
  const [first, second] = stage.frames
  t.match(first, { type: FRAME.SETTINGS, flags: 0, stream: 0 }, 'RFC 9113 §3.4')
  t.match(first!.payload.toString('hex'), /^000200000000/, 'pushes are refused, §8.4')
  t.match(second, { type: FRAME.WINDOW_UPDATE, stream: 0 })
  t.match(stage.frames[2], { type: FRAME.HEADERS, stream: 1, flags: FLAG.END_HEADERS })
  t.match(stage.frames[3], { type: FRAME.DATA, stream: 1, flags: FLAG.END_STREAM })
  t.strictSame(stage.frames[3]!.payload, Buffer.from(QUERY))
  t.strictSame(stage.fields(), [
    {
      ':method': 'POST',
      ':scheme': 'https',
      ':authority': 'dns.example:8443',
      ':path': '/dns-query',
      accept: 'application/dns-message',
      'content-type': 'application/dns-message',
      'content-length': String(QUERY.length)
    }
  ])
})

t.test('requests of one turn leave at once, each with its own length', async t => {
  const stage = await Http2Stage.open(0)
  stage.ask(1)
  stage.ask(3, new Uint8Array(128))
  stage.ask(5)
  t.equal(stage.of(FRAME.HEADERS).length, 0)
  await stage.turn()
  t.strictSame(
    stage.fields().map(fields => fields['content-length']),
    [QUERY.length, 128, QUERY.length].map(String)
  )
})

t.test('takes answers in any order, cut anywhere', async t => {
  const octets = Buffer.concat([
    head(3),
    answer(1),
    data(3, ANSWER.subarray(0, 20), 0),
    data(3, empty, 0),
    head(5),
    data(3, ANSWER.subarray(20)),
    data(5)
  ])
  for (const size of [1, 7, 50, 1000]) {
    const stage = await Http2Stage.open(3)
    for (let at = 0; at < octets.length; at += size)
      await stage.receive(octets.subarray(at, at + size))
    t.strictSame(stage.events, ['answer 1', 'answer 3', 'answer 5'], `${size} octets at a time`)
    t.strictSame(stage.of(FRAME.RST_STREAM), [])
  }
})

/** Responses to stream 1 that are as good as any. */
const ACCEPTED: readonly (readonly [it: string, octets: Buffer])[] = [
  [
    'with trailers',
    Buffer.concat([head(1), data(1, ANSWER, 0), head(1, [['x-checked', 'yes']], FLAG.END_STREAM)])
  ],
  ['after interim responses', Buffer.concat([head(1, [[':status', '103']]), answer(1)])],
  ['with padding', frame(FRAME.DATA, FLAG.PADDED | FLAG.END_STREAM, 1, padded(ANSWER, 200))],
  ['with its length', answer(1, [...GOOD, ['content-length', String(ANSWER.length)]])],
  [
    'with a priority',
    Buffer.concat([
      frame(
        ...([FRAME.HEADERS, FLAG.END_HEADERS | FLAG.PRIORITY, 1] as const),
        Buffer.concat([Buffer.alloc(5), blockOf(GOOD)])
      ),
      data(1)
    ])
  ],
  [
    'with a parameter of the media type',
    answer(1, [GOOD[0]!, ['content-type', 'Application/DNS-Message; charset=x']])
  ],
  [
    'in CONTINUATION frames',
    Buffer.concat([
      frame(FRAME.HEADERS, 0, 1, blockOf(GOOD).subarray(0, 9)),
      frame(FRAME.CONTINUATION, 0, 1, blockOf(GOOD).subarray(9, 11)),
      frame(FRAME.CONTINUATION, FLAG.END_HEADERS, 1, blockOf(GOOD).subarray(11)),
      data(1)
    ])
  ],
  [
    'between frames of unknown types',
    Buffer.concat([frame(0x42, 0xff, 1, Buffer.alloc(9)), answer(1)])
  ],
  [
    'followed by a reset without an error',
    Buffer.concat([answer(1), words(FRAME.RST_STREAM, 1, ERROR.NO_ERROR)])
  ]
]
t.test('takes answers', async t => {
  for (const [it, octets] of ACCEPTED) {
    const stage = await Http2Stage.open()
    if (it === 'with padding') await stage.receive(head(1))
    await stage.receive(octets)
    t.strictSame(stage.events, ['answer 1'], it)
    t.strictSame(stage.resetsOf(1), [], it)
    t.strictSame(stage.goAways, [], it)
  }
})

function padded(body: Uint8Array, padding: number): Buffer {
  return Buffer.concat([Buffer.of(padding), body, Buffer.alloc(padding)])
}

const status = (value: string): Buffer => answer(1, [[':status', value], TYPE])
const MALFORMED = 'malformed header fields'

/** Responses to stream 1 that are refused, with the code with which the stream is reset. */
const REFUSED: readonly (readonly [rule: string, octets: Buffer, says: string, reset: number])[] = [
  // RFC 9113 §8.3.2
  ['no status', answer(1, [TYPE]), MALFORMED, ERROR.PROTOCOL_ERROR],
  ['two statuses', answer(1, [...GOOD, GOOD[0]!]), MALFORMED, ERROR.PROTOCOL_ERROR],
  ['a status of two digits', status('20'), MALFORMED, ERROR.PROTOCOL_ERROR],
  ['a status of text', status('abc'), MALFORMED, ERROR.PROTOCOL_ERROR],
  // §8.6
  ['status 101', status('101'), MALFORMED, ERROR.PROTOCOL_ERROR],
  // §8.3
  [
    'a pseudo-header field of requests',
    answer(1, [...GOOD.slice(0, 1), [':path', '/'], TYPE]),
    MALFORMED,
    ERROR.PROTOCOL_ERROR
  ],
  ['an unknown pseudo-header field', answer(1, [[':a', 'b'], ...GOOD]), MALFORMED, 1],
  ['a pseudo-header field behind others', answer(1, [TYPE, GOOD[0]!]), MALFORMED, 1],
  // §8.2.1
  ['an upper-case name', answer(1, [...GOOD, ['Age', '1']]), MALFORMED, ERROR.PROTOCOL_ERROR],
  ['an empty name', answer(1, [...GOOD, ['', '1']]), MALFORMED, ERROR.PROTOCOL_ERROR],
  ['a line feed in a value', answer(1, [...GOOD, ['x', 'a\nb']]), MALFORMED, 1],
  ['white space in front of a value', answer(1, [...GOOD, ['x', ' a']]), MALFORMED, 1],
  // §8.2.2
  ...['connection', 'transfer-encoding', 'upgrade', 'keep-alive', 'proxy-connection'].map(
    name => [`field ${name}`, answer(1, [...GOOD, [name, 'x']]), MALFORMED, 1] as const
  ),
  // §8.1.1
  [
    'another length than announced',
    Buffer.concat([
      head(1, [...GOOD, ['content-length', '5']]),
      data(1, ANSWER, 0),
      data(1, empty)
    ]),
    `${ANSWER.length} octets, and Content-Length 5`,
    -1
  ],
  ['a length that is no number', answer(1, [...GOOD, ['content-length', '+1']]), MALFORMED, 1],
  [
    'two lengths',
    answer(1, [...GOOD, ['content-length', '1'], ['content-length', '2']]),
    MALFORMED,
    1
  ],
  // §8.1
  [
    'a body without header fields',
    data(1, ANSWER, 0),
    'a body without header fields',
    ERROR.PROTOCOL_ERROR
  ],
  [
    'a body after an interim response',
    Buffer.concat([head(1, [[':status', '100']]), data(1, ANSWER, 0)]),
    'a body without header fields',
    1
  ],
  [
    'trailers that do not end the response',
    Buffer.concat([head(1), head(1, [['x', 'y']])]),
    'malformed trailers',
    ERROR.PROTOCOL_ERROR
  ],
  [
    'a status in trailers',
    Buffer.concat([head(1), data(1, ANSWER, 0), head(1, GOOD, FLAG.END_STREAM)]),
    'malformed trailers',
    -1
  ],
  [
    'only an interim response',
    head(1, [[':status', '103']], FLAG.END_STREAM),
    'only an interim response',
    -1
  ],
  // RFC 8484 §4.2.1
  ['status 404', status('404'), 'status 404', ERROR.CANCEL],
  ['status 204', head(1, [[':status', '204'], TYPE], FLAG.END_STREAM), 'status 204', -1],
  ['a page', answer(1, [GOOD[0]!, ['content-type', 'text/html']]), 'content type text/html', 8],
  ['no content type', answer(1, [GOOD[0]!]), 'content type missing', ERROR.CANCEL],
  ['no body', head(1, GOOD, FLAG.END_STREAM), 'a truncated message of 0 octets', -1],
  // Limits
  [
    'a length above the longest message',
    answer(1, [...GOOD, ['content-length', '65536']]),
    'more than 65535 octets',
    ERROR.CANCEL
  ],
  [
    'a body above the longest message',
    Buffer.concat([head(1), ...Array.from({ length: 4 }, () => data(1, full(16_384), 0))]),
    'more than 65535 octets',
    ERROR.CANCEL
  ],
  [
    'padding without end',
    Buffer.concat([
      head(1),
      ...Array.from({ length: 515 }, () => frame(FRAME.DATA, FLAG.PADDED, 1, padded(empty, 255)))
    ]),
    'more than flow control allows',
    ERROR.FLOW_CONTROL_ERROR
  ],
  // §6.5.2
  [
    'a list of fields that is too long',
    // 200 entries of 4 kB each, in one octet each.
    Buffer.concat([
      frame(
        ...([FRAME.HEADERS, FLAG.END_HEADERS, 1] as const),
        Buffer.concat([Buffer.of(0x88), bomb(3000), Buffer.alloc(200, 0x80 | 62)])
      ),
      data(1)
    ]),
    'header fields of more than 16384 octets',
    ERROR.PROTOCOL_ERROR
  ],
  // §6.9.1
  [
    'a window that is too large',
    words(FRAME.WINDOW_UPDATE, 1, 0x7fff_ffff),
    'a flow-control window that is too large',
    ERROR.FLOW_CONTROL_ERROR
  ]
]

function full(size: number): Buffer {
  return Buffer.alloc(size, 1)
}

/** A field of `size` octets that enters the dynamic table. */
function bomb(size: number): Buffer {
  const length = Buffer.of(0x7f, ((size - 127) & 0x7f) | 0x80, (size - 127) >> 7)
  return Buffer.concat([Buffer.of(0x40, 1, 0x78), length, Buffer.alloc(size, 0x61)])
}

t.test('refuses responses, and the connection goes on', async t => {
  for (const [rule, octets, says, reset] of REFUSED) {
    const stage = await Http2Stage.open(2)
    await stage.receive(octets)
    t.strictSame(stage.events, [`bad 1 ${says}`], rule)
    t.strictSame(stage.resetsOf(1), reset < 0 ? [] : [reset], `${rule}: RST_STREAM`)
    // What was sent before the reset arrived is ignored.
    if (reset >= 0) await stage.receive(head(1, [['x', 'y']]), data(1))
    await stage.receive(answer(3))
    t.strictSame(stage.events.slice(1), ['answer 3'], rule)
    t.strictSame(stage.goAways, [], rule)
  }
})

const maxWindow = 0x7fff_ffff
/** Frames that end the connection, while stream 1 is open. */
const VIOLATIONS: readonly (readonly [
  rule: string,
  octets: Uint8Array,
  error: keyof typeof ERROR
])[] = [
  // RFC 9113 §4.2
  ['a frame that is too long', full(DEFAULT_FRAME_SIZE + 10).fill(0x40, 0, 1), 'FRAME_SIZE_ERROR'],
  // §4.3
  ['an invalid header block', frame(1, FLAG.END_HEADERS, 1, Buffer.of(0xff)), 'COMPRESSION_ERROR'],
  [
    'a dynamic table that is too large',
    frame(1, FLAG.END_HEADERS, 1, Buffer.of(0x3f, 0xff, 0x7f, 0x88)),
    'COMPRESSION_ERROR'
  ],
  // §5.1
  ['HEADERS on an idle stream', head(3), 'PROTOCOL_ERROR'],
  ['DATA on an idle stream', data(3), 'PROTOCOL_ERROR'],
  ['RST_STREAM on an idle stream', words(FRAME.RST_STREAM, 3, 0), 'PROTOCOL_ERROR'],
  ['WINDOW_UPDATE on an idle stream', words(FRAME.WINDOW_UPDATE, 3, 1), 'PROTOCOL_ERROR'],
  ['DATA behind the end of a response', Buffer.concat([answer(1), data(1)]), 'STREAM_CLOSED'],
  ['HEADERS behind the end of a response', Buffer.concat([answer(1), head(1)]), 'STREAM_CLOSED'],
  [
    'DATA behind RST_STREAM',
    Buffer.concat([words(FRAME.RST_STREAM, 1, 0), data(1)]),
    'STREAM_CLOSED'
  ],
  // §5.1.1
  ['a stream of the server', head(2), 'PROTOCOL_ERROR'],
  ['DATA on a stream of the server', data(2), 'PROTOCOL_ERROR'],
  // §6.1, §6.2
  ['DATA on stream 0', data(0), 'PROTOCOL_ERROR'],
  ['HEADERS on stream 0', head(0), 'PROTOCOL_ERROR'],
  ['too much padding', frame(FRAME.DATA, FLAG.PADDED, 1, Buffer.of(5, 0)), 'PROTOCOL_ERROR'],
  ['padding without a length', frame(FRAME.DATA, FLAG.PADDED, 1, empty), 'PROTOCOL_ERROR'],
  // §6.3
  ['PRIORITY of four octets', frame(FRAME.PRIORITY, 0, 1, Buffer.alloc(4)), 'FRAME_SIZE_ERROR'],
  // §6.4
  ['RST_STREAM on stream 0', words(FRAME.RST_STREAM, 0, 0), 'PROTOCOL_ERROR'],
  ['RST_STREAM of three octets', frame(3, 0, 1, Buffer.alloc(3)), 'FRAME_SIZE_ERROR'],
  // §6.5
  ['SETTINGS on a stream', frame(FRAME.SETTINGS, 0, 1, empty), 'PROTOCOL_ERROR'],
  ['SETTINGS of five octets', frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(5)), 'FRAME_SIZE_ERROR'],
  ['an ACK with settings', frame(FRAME.SETTINGS, 1, 0, Buffer.alloc(6)), 'FRAME_SIZE_ERROR'],
  // §6.5.2
  ['ENABLE_PUSH of a server', settings([SETTING.ENABLE_PUSH, 1]), 'PROTOCOL_ERROR'],
  [
    'a window above the largest',
    settings([SETTING.INITIAL_WINDOW_SIZE, 2 ** 31]),
    'FLOW_CONTROL_ERROR'
  ],
  ['frames below the least size', settings([SETTING.MAX_FRAME_SIZE, 16_383]), 'PROTOCOL_ERROR'],
  // §6.6, §8.4
  ['PUSH_PROMISE', frame(5, FLAG.END_HEADERS, 1, Buffer.alloc(4)), 'PROTOCOL_ERROR'],
  // §6.7
  ['PING on a stream', frame(FRAME.PING, 0, 1, Buffer.alloc(8)), 'PROTOCOL_ERROR'],
  ['PING of seven octets', frame(FRAME.PING, 0, 0, Buffer.alloc(7)), 'FRAME_SIZE_ERROR'],
  // §6.8
  ['GOAWAY on a stream', words(FRAME.GOAWAY, 1, 0, 0), 'PROTOCOL_ERROR'],
  ['GOAWAY of four octets', words(FRAME.GOAWAY, 0, 0), 'FRAME_SIZE_ERROR'],
  // §6.9
  ['a WINDOW_UPDATE by nothing', words(FRAME.WINDOW_UPDATE, 0, 0), 'PROTOCOL_ERROR'],
  ['a WINDOW_UPDATE of three octets', frame(8, 0, 0, Buffer.alloc(3)), 'FRAME_SIZE_ERROR'],
  // §6.9.1
  [
    'a window above the largest, at last',
    words(FRAME.WINDOW_UPDATE, 0, maxWindow),
    'FLOW_CONTROL_ERROR'
  ],
  // §6.9.2
  [
    'a window above the largest by settings',
    Buffer.concat([
      words(8, 1, maxWindow - 65_535),
      settings([SETTING.INITIAL_WINDOW_SIZE, 65_637])
    ]),
    'FLOW_CONTROL_ERROR'
  ],
  // §6.10
  ['CONTINUATION of nothing', frame(9, FLAG.END_HEADERS, 1, blockOf(GOOD)), 'PROTOCOL_ERROR'],
  [
    'a frame between HEADERS and CONTINUATION',
    Buffer.concat([frame(1, 0, 1, blockOf(GOOD)), frame(FRAME.PING, 0, 0, Buffer.alloc(8))]),
    'PROTOCOL_ERROR'
  ],
  [
    'CONTINUATION of another stream',
    Buffer.concat([frame(1, 0, 1, blockOf(GOOD)), frame(9, FLAG.END_HEADERS, 3, empty)]),
    'PROTOCOL_ERROR'
  ],
  // §10.5: limits
  [
    'CONTINUATION without end',
    Buffer.concat([
      frame(1, 0, 1, empty),
      ...Array.from({ length: 1900 }, () => frame(9, 0, 1, empty))
    ]),
    'ENHANCE_YOUR_CALM'
  ],
  [
    'a header block that is too long',
    Buffer.concat([frame(1, 0, 1, full(16_000)), frame(9, 0, 1, full(1000))]),
    'ENHANCE_YOUR_CALM'
  ],
  ['pings without end', many(frame(FRAME.PING, 0, 0, Buffer.alloc(8))), 'ENHANCE_YOUR_CALM'],
  ['settings without end', many(settings()), 'ENHANCE_YOUR_CALM'],
  [
    'empty bodies without end',
    Buffer.concat([head(1), many(data(1, empty, 0))]),
    'ENHANCE_YOUR_CALM'
  ],
  ['interim responses without end', many(head(1, [[':status', '103']])), 'ENHANCE_YOUR_CALM'],
  ['windows without end', many(words(FRAME.WINDOW_UPDATE, 0, 1)), 'ENHANCE_YOUR_CALM'],
  ['unknown frames without end', many(frame(0x77, 0, 0, empty)), 'ENHANCE_YOUR_CALM']
]

function many(octets: Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: 1100 }, () => octets))
}

t.test('ends connections against the rules with GOAWAY', async t => {
  for (const [rule, octets, error] of VIOLATIONS) {
    const stage = await Http2Stage.open()
    await stage.receive(octets)
    t.strictSame(stage.goAways, [ERROR[error]], rule)
    t.equal(stage.events.at(-1), `violation ${error}`, rule)
    const { length } = stage.events
    await stage.receive(answer(1))
    t.equal(stage.events.length, length, `${rule}: nothing is read afterwards`)
  }
})

t.test('a server begins with its settings', async t => {
  for (const first of [
    frame(FRAME.PING, 0, 0, Buffer.alloc(8)),
    frame(FRAME.SETTINGS, 1, 0, empty)
  ]) {
    const stage = new Http2Stage()
    stage.client.begin()
    await stage.receive(first)
    t.strictSame(stage.goAways, [ERROR.PROTOCOL_ERROR])
  }
  const http1 = new Http2Stage()
  http1.client.begin()
  await http1.receive(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
  t.equal(http1.goAways.length, 1)
})

t.test('answers SETTINGS and PING', async t => {
  const stage = await Http2Stage.open(0)
  t.ok(stage.frames.some(({ type, flags }) => type === FRAME.SETTINGS && flags === FLAG.ACK))
  await stage.receive(frame(FRAME.PING, 0, 0, Buffer.from('12345678')))
  await stage.receive(frame(FRAME.PING, FLAG.ACK, 0, Buffer.from('87654321')))
  t.match(stage.of(FRAME.PING), [{ flags: FLAG.ACK, payload: Buffer.from('12345678') }])
  t.equal(stage.of(FRAME.PING).length, 1)
})

t.test('gives back what it has read', async t => {
  const stage = await Http2Stage.open(20)
  const body = full(60_000)
  for (let i = 0; i < 20; i++) {
    const id = 2 * i + 1
    await stage.receive(head(id))
    for (let at = 0; at < body.length; at += 15_000)
      await stage.receive(data(id, body.subarray(at, at + 15_000), 0))
    await stage.receive(data(id, empty))
  }
  t.equal(stage.events.length, 20)
  const given = stage.of(FRAME.WINDOW_UPDATE).filter(({ stream }) => stream === 0)
  t.equal(given.length, 3, 'once at the start')
  t.strictSame(stage.goAways, [])
})

t.test('keeps a limited number of incomplete responses', async t => {
  const stage = await Http2Stage.open(40)
  for (let i = 0; i < 40; i++) {
    const id = 2 * i + 1
    await stage.receive(head(id), ...Array.from({ length: 4 }, () => data(id, full(16_000), 0)))
  }
  const refused = stage.events.filter(event => event.endsWith('too many incomplete responses'))
  t.equal(refused.length, 40 - Math.floor((2 * 1_048_576) / 64_000))
  t.equal(refused.length, stage.events.length)
  const id = Number(refused[0]!.split(' ')[1])
  t.strictSame(stage.resetsOf(id), [ERROR.ENHANCE_YOUR_CALM])
})

t.test('waits for flow control with the rest of a query', async t => {
  const stage = await Http2Stage.open(0, [SETTING.INITIAL_WINDOW_SIZE, 10])
  stage.ask(1)
  stage.ask(3)
  await stage.turn()
  const sent = (id: number): number =>
    stage
      .of(FRAME.DATA)
      .reduce((sum, { stream, payload }) => sum + (stream === id ? payload.length : 0), 0)
  t.strictSame([sent(1), sent(3)], [10, 10])
  await stage.receive(words(FRAME.WINDOW_UPDATE, 1, 5))
  t.strictSame([sent(1), sent(3)], [15, 10])
  await stage.receive(settings([SETTING.INITIAL_WINDOW_SIZE, 2]))
  await stage.receive(words(FRAME.WINDOW_UPDATE, 3, 8))
  t.strictSame([sent(1), sent(3)], [15, 10], 'a window may be negative, RFC 9113 §6.9.2')
  await stage.receive(settings([SETTING.INITIAL_WINDOW_SIZE, 1000]))
  t.strictSame([sent(1), sent(3)], [QUERY.length, QUERY.length])
  const last = stage.of(FRAME.DATA).filter(({ flags }) => flags === FLAG.END_STREAM)
  t.strictSame(last.map(({ stream }) => stream).sort(), [1, 3])
  await stage.receive(answer(3), answer(1))
  t.strictSame(stage.events.slice(-2), ['answer 3', 'answer 1'])
})

t.test('an answer before all of the query was sent is taken, and the stream reset', async t => {
  const stage = await Http2Stage.open(1, [SETTING.INITIAL_WINDOW_SIZE, 10])
  await stage.receive(answer(1))
  t.strictSame(stage.events, ['answer 1'])
  t.strictSame(stage.resetsOf(1), [ERROR.CANCEL])
  await stage.receive(words(FRAME.WINDOW_UPDATE, 1, 1000))
  t.equal(stage.of(FRAME.DATA).length, 1)
})

t.test('waits for the window of the connection', async t => {
  const stage = await Http2Stage.open(0)
  const query = new Uint8Array(600)
  const count = Math.ceil(65_535 / 600) + 5
  for (let i = 0; i < count; i++) stage.ask(2 * i + 1, query)
  await stage.turn()
  const sent = (): number =>
    stage.of(FRAME.DATA).reduce((sum, { payload }) => sum + payload.length, 0)
  t.equal(sent(), 65_535)
  await stage.receive(words(FRAME.WINDOW_UPDATE, 0, 700))
  t.equal(sent(), 66_235)
  await stage.receive(words(FRAME.WINDOW_UPDATE, 0, 100_000))
  t.equal(sent(), count * 600)
})

t.test('has no more streams open than the upstream accepts', async t => {
  const stage = new Http2Stage({ streams: 3, most: 128 })
  stage.client.begin()
  for (let i = 0; i < 9; i++) stage.ask(2 * i + 1)
  await stage.turn()
  const opened = (): number[] => stage.of(FRAME.HEADERS).map(({ stream }) => stream)
  t.strictSame(opened(), [1, 3, 5], 'as before, until it says how many')
  await stage.receive(settings([SETTING.MAX_CONCURRENT_STREAMS, 4]))
  t.strictSame(opened(), [1, 3, 5, 7])
  await stage.receive(answer(3))
  t.strictSame(opened(), [1, 3, 5, 7, 9])
  stage.client.cancel(11)
  stage.client.cancel(1)
  await stage.turn()
  t.strictSame(opened(), [1, 3, 5, 7, 9, 13], 'not one that was cancelled while it waited')
  t.strictSame([stage.resetsOf(1), stage.resetsOf(11)], [[ERROR.CANCEL], []])
  await stage.receive(settings([SETTING.MAX_CONCURRENT_STREAMS, 0]), answer(5))
  t.strictSame(opened().length, 6)
  await stage.receive(settings())
  t.strictSame(opened().length, 6, 'settings without a limit change nothing')
  await stage.receive(settings([SETTING.MAX_CONCURRENT_STREAMS, 2 ** 32 - 1]))
  t.strictSame(opened(), [1, 3, 5, 7, 9, 13, 15, 17])
  t.strictSame(stage.events, ['limit 4', 'answer 3', 'limit 0', 'answer 5', 'limit 128'])
})

t.test('a server without a limit accepts the most streams', async t => {
  const stage = new Http2Stage({ streams: 1, most: 128 })
  stage.client.begin()
  stage.ask(1)
  stage.ask(3)
  await stage.receive(settings())
  t.equal(stage.of(FRAME.HEADERS).length, 2)
  t.strictSame(stage.events, ['limit 128'])
})

t.test('GOAWAY: requests above its number are lost, the others are answered', async t => {
  const stage = await Http2Stage.open(4, [SETTING.MAX_CONCURRENT_STREAMS, 3])
  await stage.receive(words(FRAME.GOAWAY, 0, maxWindow, ERROR.NO_ERROR))
  t.strictSame(stage.events, ['goaway', 'lost 7'], 'what has not been sent is not sent any more')
  await stage.receive(words(FRAME.GOAWAY, 0, 3, ERROR.NO_ERROR), answer(1))
  t.strictSame(stage.events.slice(2), ['goaway', 'lost 5', 'answer 1'])
  await stage.receive(answer(3))
  t.equal(stage.events.at(-1), 'answer 3')
  t.equal(stage.of(FRAME.HEADERS).length, 3)
})

t.test('a request on a stream that is reset is lost', async t => {
  const stage = await Http2Stage.open(2)
  await stage.receive(
    words(FRAME.RST_STREAM, 1, ERROR.REFUSED_STREAM),
    head(3),
    words(FRAME.RST_STREAM, 3, ERROR.INTERNAL_ERROR)
  )
  t.strictSame(stage.events, ['lost 1', 'lost 3'])
})

t.test('a request that is cancelled is reset, and its response ignored', async t => {
  const stage = await Http2Stage.open(2)
  stage.client.cancel(1)
  await stage.receive(answer(1), answer(3), words(FRAME.WINDOW_UPDATE, 1, 1))
  t.strictSame(stage.events, ['answer 3'])
  t.strictSame(stage.resetsOf(1), [ERROR.CANCEL])
})

t.test('a header block on a stream that was reset still counts for compression', async t => {
  const stage = await Http2Stage.open(2)
  stage.client.cancel(1)
  // content-type, added to the dynamic table.
  const type = Buffer.concat([Buffer.of(0x40), block({ a: TYPE[1] }).subarray(1)])
  const added = Buffer.concat([Buffer.of(0x5f, type[3]!), type.subarray(4)])
  await stage.receive(
    frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, Buffer.concat([Buffer.of(0x88), added])),
    frame(FRAME.HEADERS, FLAG.END_HEADERS, 3, Buffer.of(0x88, 0x80 | 62)),
    data(3)
  )
  t.strictSame(stage.events, ['answer 3'])
})

t.test('says goodbye once', async t => {
  const stage = await Http2Stage.open()
  stage.client.close()
  stage.client.close()
  t.strictSame(stage.goAways, [ERROR.NO_ERROR])
  const early = new Http2Stage()
  early.client.close()
  t.strictSame(early.frames, [], 'not before it has begun')
})

t.test('many requests on one connection', async t => {
  const stage = await Http2Stage.open(0)
  const expected: string[] = []
  for (let i = 0; i < 3000; i++) {
    const id = 2 * i + 1
    stage.ask(id)
    await stage.receive(answer(id), frame(FRAME.PING, 0, 0, Buffer.alloc(8)))
    expected.push(`answer ${id}`)
    if (i % 20 === 19) await stage.receive(words(FRAME.WINDOW_UPDATE, 0, 20 * QUERY.length))
  }
  t.strictSame(stage.events, expected)
  t.strictSame(stage.goAways, [])
})

t.test('ends each request once at most, whatever an upstream sends', async t => {
  const violations = VIOLATIONS.map(([, octets]) => Buffer.from(octets))
  const pieces = [
    ...ACCEPTED.map(([, octets]) => octets),
    ...REFUSED.map(([, octets]) => octets),
    words(FRAME.GOAWAY, 0, 5, ERROR.NO_ERROR),
    settings([SETTING.INITIAL_WINDOW_SIZE, 0]),
    settings([SETTING.MAX_CONCURRENT_STREAMS, 2])
  ]
  const isShort = ({ length }: Buffer): boolean => length < 3000
  let answers = 0
  for (let seed = 1; seed <= 300; seed++) {
    const dice = new Dice(seed)
    const stage = await Http2Stage.open(4)
    for (let i = 0; i < 30; i++) {
      const from = dice.chance(5) ? violations : pieces
      const id = 2 * (4 + i) + 1
      stage.ask(id)
      const octets = dice.chance(40) ? answer(id) : Buffer.from(dice.pick(from.filter(isShort)))
      // Most pieces are about stream 1.
      if (octets.length > 8 && dice.chance(50)) octets.writeUInt32BE(2 * dice.below(5) + 1, 5)
      if (dice.chance(20)) octets[dice.below(octets.length)] = dice.below(256)
      const size = 1 + dice.below(octets.length)
      for (let at = 0; at < octets.length; at += size)
        await stage.receive(octets.subarray(at, at + size))
      if (dice.chance(10)) stage.client.cancel(2 * dice.below(4) + 1)
    }
    const ended = stage.events
      .filter(event => /^(answer|other|bad|lost)/.test(event))
      .map(event => event.split(' ')[1])
    t.equal(new Set(ended).size, ended.length, `seed ${seed}`)
    t.ok(stage.goAways.length <= 1)
    answers += stage.events.filter(event => event.startsWith('answer')).length
  }
  t.ok(answers > 100, `${answers} answers`)
})

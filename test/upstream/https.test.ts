import { constants, type SecureServerOptions } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import type { UpstreamOutcome } from '../../src/resolver/upstream/forwarder.js'
import type { UpstreamTls } from '../../src/wire/sockets/upstream-server.js'
import { makeCertificate } from '../tls/certificates.js'
import { framed, good } from './bad-upstream.js'
import { BlockRandom } from '../../src/base/bytes/random.js'
import { systemTimers } from '../../src/base/time/timers.js'
import { HttpConnection } from '../../src/resolver/upstream/https/http-connection.js'
import { Attempt, UpstreamQuery } from '../../src/resolver/upstream/query/upstream-query.js'
import { TlsConnector } from '../../src/resolver/upstream/tcp/tls-connector.js'
import { DEFAULT_LIMITS } from '../../src/resolver/upstream/upstream-limits.js'
import { openSslObjects } from '../tls/open-ssl-objects.js'
import { TlsUpstream } from './tls-upstream.js'
import { goodHttp, HttpsUpstream, respond, type HttpBehaviour } from './https-upstream.js'
import { labelOf, markOf, questionFor, responseTo } from './messages.js'
import { messageOf, rig, TRANSPORTS, type Rig, type RigOptions } from './rig.js'
import {
  AUTHORITY,
  CA,
  impatiently,
  OTHER_PIN,
  PIN,
  sendsNothing,
  served,
  until
} from './tls-rig.js'

const PATH = { path: '/dns-query' }

/** With OpenSSL directly where that is possible, and with node:tls. */
let transport = TRANSPORTS[0]!

function test(name: string, run: (t: Test) => Promise<void>): void {
  for (const each of TRANSPORTS) {
    t.test(`${name} (${each.kind})`, async t => {
      transport = each
      await run(t)
    })
  }
}

async function forwarding(
  t: Test,
  upstream: HttpsUpstream,
  tls: Partial<UpstreamTls> = { ca: CA },
  options: RigOptions = {}
): Promise<Rig> {
  return rig(t, [], { others: [upstream.with(tls)], transport, ...options })
}

const open = (
  t: Test,
  behaviour: HttpBehaviour = goodHttp,
  options: SecureServerOptions = {}
): Promise<HttpsUpstream> => HttpsUpstream.open(t, { ...served(), ...options }, behaviour)

const verified: readonly (readonly [it: string, tls: Partial<UpstreamTls>])[] = [
  ['by its name', { ca: CA }],
  ['by its public key', { name: undefined, pins: [OTHER_PIN, PIN] }],
  ['not at all, if that is wanted', { name: 'other.example', opportunistic: true }]
]
for (const [it, tls] of verified) {
  test(`queries over HTTPS a server that is verified ${it}`, async t => {
    const upstream = await open(t)
    const { ask, forwarder } = await forwarding(t, upstream, { ...tls, path: '/a/b?c' })
    t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
    const encryption = tls.opportunistic === true ? 'opportunistic' : 'strict'
    t.match(forwarder.states, [
      { encryption, error: undefined, health: 'up', counts: { responses: 1, overTcp: 1 } }
    ])
    const [{ headers, message }] = upstream.queries as [HttpsUpstream['queries'][number]]
    const host = 'name' in tls ? (tls.name ?? '127.0.0.1') : 'dns.example'
    t.match(headers, {
      ':method': 'POST',
      ':path': '/a/b?c',
      ':authority': `${host}:${upstream.port}`,
      'content-type': 'application/dns-message',
      accept: 'application/dns-message',
      'content-length': String(message.length)
    })
    t.strictSame(
      Object.keys(headers).filter(name => /cookie|agent|referer/.test(name)),
      [],
      'nothing that tells gateways apart'
    )
    t.equal(message.readUInt16BE(0), 0, 'message ID')
    t.equal(message.length % 128, 0, 'padded')
    t.match(message.toString('latin1'), /\x03www\x07example/, 'in the letter case of the client')
  })
}

for (const each of TRANSPORTS) sendsNothing(t, 'h2', PATH, each)

const long = Buffer.alloc(70_000)
const REFUSED: readonly (readonly [it: string, behaviour: HttpBehaviour, says: RegExp])[] = [
  ['status 404', query => respond(query, responseTo(query.message), { ':status': 404 }), /404/],
  ['status 503', query => respond(query, Buffer.alloc(0), { ':status': 503 }), /503/],
  [
    'a redirect',
    query => respond(query, Buffer.alloc(0), { ':status': 302, location: 'https://127.0.0.1/' }),
    /302/
  ],
  [
    'a web page',
    query => respond(query, responseTo(query.message), { 'content-type': 'text/html; charset=x' }),
    /content type text\/html/
  ],
  [
    'no content type',
    ({ stream, message }) => {
      stream.respond({ ':status': 200 })
      stream.end(responseTo(message))
    },
    /content type missing/
  ],
  ['an empty body', query => respond(query, Buffer.alloc(0)), /truncated message of 0 octets/],
  [
    'a truncated body',
    query => respond(query, responseTo(query.message).subarray(0, -3)),
    /truncated message/
  ],
  [
    'a body that ends in a name',
    query => respond(query, responseTo(query.message).subarray(0, -15)),
    /truncated message/
  ],
  ['a body that is too large', query => respond(query, long), /more than 65535 octets/],
  [
    'a frame of DNS over TLS',
    query => respond(query, framed(responseTo(query.message))),
    /truncated|does not answer/
  ],
  [
    'another message ID',
    query => respond(query, responseTo(query.message, { id: 7 })),
    /does not answer the query/
  ],
  [
    'another question',
    query =>
      respond(query, responseTo(query.message, { question: Uint8Array.of(1, 120, 0, 0, 1, 0, 1) })),
    /does not answer the query/
  ]
]
for (const [it, behaviour, says] of REFUSED) {
  test(`an upstream is down that answers with ${it}`, async t => {
    const upstream = await open(t, behaviour)
    const { ask, time, health, forwarder } = await forwarding(t, upstream)
    const outcome = await ask('www.example.com')
    t.match(outcome, { kind: 'failure', ede: 23 })
    if (outcome.kind === 'failure') t.match(outcome.text, says)
    for (let i = 0; i < 4; i++) {
      time.advance(11_000)
      await ask(`n${i}.example.com`)
    }
    t.strictSame(health, ['down 0'])
    t.match(forwarder.states, [{ health: 'down', error: says }])
    t.ok(upstream.queries.every(({ headers }) => headers[':path'] === '/dns-query'))

    upstream.behaviour = goodHttp
    t.equal(markOf(messageOf(await ask('again.example.com'))), 1)
    t.strictSame(health, ['down 0', 'up 0'])
    t.match(forwarder.states, [{ health: 'up', error: undefined }])
  })
}

const STALLED: readonly (readonly [it: string, behaviour: HttpBehaviour])[] = [
  ['never answers', () => undefined],
  [
    'stops within the body',
    ({ stream, message }) => {
      stream.respond({ ':status': 200, 'content-type': 'application/dns-message' })
      stream.write(responseTo(message).subarray(0, 20))
    }
  ]
]
for (const [it, behaviour] of STALLED) {
  test(`cancels the stream to an upstream that ${it}`, async t => {
    const upstream = await open(t, behaviour)
    const { ask, time, forwarder, health } = await forwarding(t, upstream)
    await until(() => upstream.sessions.length === 1)
    for (const label of ['a', 'b', 'c', 'd']) {
      const outcome = await impatiently(time, ask(`${label}.example.com`))
      t.match(outcome, { kind: 'failure', ede: /^2[23]$/ })
      time.advance(11_000)
    }
    t.strictSame(health, ['down 0'])
    t.equal(forwarder.inFlight, 0)
    // A probe, for the root, may be in flight for ever, since no more time passes.
    const queries = upstream.queries.filter(({ message }) => labelOf(message) !== '')
    await until(() => queries.every(({ stream }) => stream.closed))
    t.ok(queries.length > 0)
  })
}

test('a query on a stream that is reset is sent again once', async t => {
  const upstream = await open(t, query => {
    if (upstream.queries.length > 1) goodHttp(query)
    else query.stream.close(constants.NGHTTP2_REFUSED_STREAM)
  })
  const { ask, forwarder } = await forwarding(t, upstream)
  t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
  t.equal(upstream.queries.length, 2)
  t.match(forwarder.states, [{ health: 'up', counts: { lost: 1 } }])
})

test('an upstream that resets every stream is not asked for ever', async t => {
  const upstream = await open(t, ({ stream }) => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
  const { ask } = await forwarding(t, upstream)
  t.match(await ask('www.example.com'), { kind: 'failure', ede: 23 })
  t.ok(upstream.queries.length <= 3)
})

test('queries that GOAWAY excludes move to the next connection; the others are answered', async t => {
  const waiting: (() => void)[] = []
  const upstream = await open(t, query => {
    const { session } = query.stream
    if (session === upstream.sessions[0]) {
      waiting.push(() => goodHttp(query))
      if (waiting.length < 3) return
      // The first stream of a client is 1; this one was processed, the others were not.
      session!.goaway(constants.NGHTTP2_NO_ERROR, 1)
      waiting[0]!()
    } else respond(query, responseTo(query.message, { mark: 2 }))
  })
  const { ask, forwarder } = await forwarding(t, upstream)
  await until(() => upstream.sessions.length === 1)
  const marks = await Promise.all(
    ['a', 'b', 'c'].map(async label => markOf(messageOf(await ask(`${label}.example.com`))))
  )
  t.strictSame(marks, [1, 2, 2])
  t.equal(upstream.sessions.length, 2)
  t.match(forwarder.states, [{ health: 'up', counts: { lost: 2, timeouts: 0 } }])
})

test('a query that follows a response does not go to a connection with GOAWAY', async t => {
  const upstream = await open(t, query => {
    query.stream.session!.goaway()
    goodHttp(query)
  })
  const { ask, forwarder } = await forwarding(t, upstream)
  await until(() => upstream.sessions.length === 1)
  const outcome = await new Promise<UpstreamOutcome>(done => {
    forwarder.forward(questionFor('first.example.com'), {
      onOutcome: () =>
        forwarder.forward(questionFor('next.example.com'), { onOutcome: it => done({ ...it }) })
    })
  })
  t.equal(outcome.kind, 'response')
  t.equal(markOf(messageOf(await ask('last.example.com'))), 1)
})

test('queries in flight on a connection that breaks move to the next one', async t => {
  const upstream = await open(t, query => {
    if (upstream.queries.length > 1) goodHttp(query)
    else query.stream.session!.destroy()
  })
  const { ask, forwarder } = await forwarding(t, upstream)
  t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
  t.equal(upstream.sessions.length, 2)
  t.match(forwarder.states, [{ health: 'up', counts: { lost: 1, timeouts: 0 } }])
})

test('has no more streams open than the upstream accepts', async t => {
  let most = 0
  let openStreams = 0
  const upstream = await open(
    t,
    query => {
      most = Math.max(most, ++openStreams)
      setImmediate(() => {
        openStreams--
        goodHttp(query)
      })
    },
    { settings: { maxConcurrentStreams: 2 } }
  )
  const { ask } = await forwarding(t, upstream)
  // Then its settings are known.
  await ask('first.example.com')
  const all = Array.from({ length: 40 }, (_, i) => ask(`n${i}.example.com`))
  for (const outcome of await Promise.all(all)) t.equal(outcome.kind, 'response')
  t.ok(upstream.sessions.length > 1, 'further connections were opened')
  t.ok(most <= 2 * upstream.sessions.length, `${most} at a time`)
})

test('resumes the session, and replaces a connection before the upstream closes it', async t => {
  const upstream = await open(t)
  const { ask, time } = await forwarding(t, upstream)
  await ask('www.example.com')
  time.advance(10_000)
  // After ten seconds of idleness the upstream closes the connection.
  upstream.sessions[0]!.close()
  await until(() => upstream.sessions.length === 2)
  await ask('b.example.com')
  time.advance(8000)
  await until(() => upstream.sessions.length === 3 && upstream.sessions[1]!.closed)
  t.strictSame(upstream.resumed, [false, true, true])
  t.equal(markOf(messageOf(await ask('c.example.com'))), 1)
  t.equal(upstream.sessions.length, 3)
})

test('subtracts the time that a response spent in an HTTP cache from its TTLs', async t => {
  const upstream = await open(t, query =>
    respond(query, responseTo(query.message, { cookie: undefined }), { age: 100 })
  )
  const { ask } = await forwarding(t, upstream)
  const message = Buffer.from(messageOf(await ask('www.example.com')))
  t.equal(message.readUInt32BE(message.length - 10), 200)
})

test('forwards a domain, and another upstream answers instead of a broken one', async t => {
  const upstream = await open(t, query => respond(query, Buffer.alloc(0), { ':status': 500 }))
  const { ask } = await rig(t, [good(7)], { others: [upstream.with({ ca: CA })], transport })
  for (const label of ['a', 'b', 'c']) t.equal(markOf(messageOf(await ask(`${label}.example`))), 7)
})

test('equal questions share one stream', async t => {
  const upstream = await open(t)
  const { ask } = await forwarding(t, upstream)
  const both = await Promise.all([ask('www.example.com'), ask('WWW.example.com')])
  t.strictSame(
    both.map(outcome => markOf(messageOf(outcome))),
    [1, 1]
  )
  t.strictSame(
    upstream.queries.map(({ message }) => labelOf(message)),
    ['www']
  )
})

test('presents a client certificate', async t => {
  const client = makeCertificate({ issuer: AUTHORITY, names: ['gateway.example'] })
  const upstream = await open(t, goodHttp, { requestCert: true, ca: CA })
  const { certificate, key } = client
  const { ask } = await forwarding(t, upstream, { ca: CA, client: { certificate, key } })
  await ask('www.example.com')
  const socket = upstream.sessions[0]!.socket as TLSSocket
  t.equal(socket.getPeerCertificate().subject.CN, 'gateway.example')
})

test('an upstream that violates HTTP/2 is left, and its queries go to another', async t => {
  const bad = await TlsUpstream.open(t, { ...served(), ALPNProtocols: ['h2'] })
  const { ask, forwarder } = await rig(t, [good(7)], {
    others: [bad.with({ ca: CA, ...PATH })],
    transport
  })
  await until(() => bad.connections.length > 0)
  bad.connections[0]!.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  for (const label of ['a', 'b', 'c']) t.equal(markOf(messageOf(await ask(`${label}.example`))), 7)
  await until(() =>
    forwarder.states.some(({ error }) => error?.includes('violates HTTP/2') === true)
  )
  const sent = Buffer.concat(bad.received)
  t.match(sent.subarray(0, 24).toString('latin1'), /^PRI \* HTTP\/2\.0/)
  t.match(forwarder.states[1], {
    error: /it violates HTTP\/2 \(FRAME_SIZE_ERROR\): connection closed/
  })
})

test('a connection whose numbers for streams are used up takes no more queries', async t => {
  const upstream = await open(t)
  const server = upstream.with({ ca: CA })
  const connector = new TlsConnector(server, server.tls!, transport.kind === 'batch')
  const events: string[] = []
  const attemptFor = (name: string): Attempt => {
    const query = new UpstreamQuery()
    query.start(questionFor(name), [], undefined, 0, 0)
    const attempt = new Attempt(query)
    attempt.edns = false
    return attempt
  }
  const connection = new HttpConnection(
    connector,
    100,
    60_000,
    {
      random: new BlockRandom(),
      timers: systemTimers,
      now: () => performance.now(),
      limits: DEFAULT_LIMITS,
      isDirect: transport.kind === 'batch',
      handler: {
        onResponse: attempt => {
          events.push(`response ${attempt.id}`)
          attempt.release()
        },
        onMismatch: () => void events.push('mismatch'),
        onCaseMismatch: () => undefined,
        onUndelivered: () => undefined,
        onConnectionLost: ({ id }) => void events.push(`lost ${id}`)
      }
    },
    {
      onOpen: () => void events.push('open'),
      onIdle: () => undefined,
      onRetired: () => void events.push('retired'),
      onClosed: () => void events.push('closed'),
      onCapacity: () => undefined,
      onBadResponse: ({ message }) => void events.push(message)
    },
    5
  )
  await until(() => events.length > 0)
  connection.send(attemptFor('a.example'))
  await until(() => events.length > 1)
  connection.send(attemptFor('b.example'))
  t.ok(connection.hasRoom)
  connection.send(attemptFor('c.example'))
  t.notOk(connection.hasRoom || connection.canQueue)
  await until(() => events.includes('closed'))
  t.strictSame(events, ['open', 'response 1', 'retired', 'response 3', 'response 5', 'closed'])
  connector.close()
})

test('frees what OpenSSL has for an upstream that is removed', async t => {
  const { contexts, connections } = openSslObjects(t)
  const upstream = await open(t)
  const { ask, forwarder } = await forwarding(t, upstream)
  await ask('www.example.com')
  forwarder.configure({ upstreams: [] }, new Set())
  await until(() => contexts.size + connections.size === 0)
})

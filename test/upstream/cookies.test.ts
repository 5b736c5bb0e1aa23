import t from 'tap'
import { RCODE } from '../../src/wire/dns/registry/rcode.js'
import { framed, silent, type Behaviour, type Seen } from './bad-upstream.js'
import { cookieOf, markOf, rcodeOf, responseTo, type ResponseOptions } from './messages.js'
import { messageOf, rig, TRANSPORTS } from './rig.js'

/** Server cookies, in hexadecimal: the shortest allowed, the size of RFC 9018, the longest. */
const SHORTEST = 'a1a2a3a4a5a6a7a8'
const SERVER = '010000005cf79f111f8130c3eee29480'
const LONGEST = 'f1'.repeat(32)
/** Spoofed responses have mark 66, the right one mark 1. */
const FORGED = { mark: 66 }
const MINUTE = 60_000

const name = (n: number): string => `n${n}.example.com`
const clientOf = ({ message }: Seen): string => cookieOf(message).slice(0, 16)
const reply = (query: Seen, options: ResponseOptions = {}): void => {
  const response = responseTo(query.message, options)
  query.send(query.overTcp ? framed(response) : response)
}

/** Returns this server cookie to queries with a client cookie. */
const giving =
  (server = SERVER, options: ResponseOptions = {}): Behaviour =>
  query => {
    const client = clientOf(query)
    reply(query, client === '' ? options : { ...options, cookie: client + server })
  }

const plain: Behaviour = query => {
  reply(query)
}

/** The first query and all over TCP are answered with a cookie, others by `then`. */
const first = (then: Behaviour): Behaviour => {
  let count = 0
  return query => {
    if (count++ === 0 || query.overTcp) giving()(query)
    else then(query)
  }
}

const cookiesOf = ({ seen }: { seen: readonly Seen[] }): string[] =>
  seen.map(({ message }) => cookieOf(message))
/** Transport and cookie length of each query: `udp 8 udp 24 tcp 24`. */
const ways = ({ seen }: { seen: readonly Seen[] }): string =>
  seen
    .map(({ overTcp, message }) => `${overTcp ? 'tcp' : 'udp'} ${cookieOf(message).length / 2}`)
    .join(' ')

const flipped = (hex: string): string => (hex.startsWith('0') ? '1' : '0') + hex.slice(1)

/** Responses that are right except for their cookie. */
const forgeries: { it: string; cookie: (client: string) => string | undefined }[] = [
  { it: 'no cookie', cookie: () => undefined },
  { it: 'another client cookie', cookie: client => flipped(client) + SERVER },
  { it: 'another client cookie alone', cookie: flipped },
  { it: 'an empty cookie', cookie: () => '' },
  { it: 'less than a client cookie', cookie: client => client.slice(2) },
  { it: 'a server cookie of 7 octets', cookie: client => client + SHORTEST.slice(2) },
  { it: 'a server cookie of 33 octets', cookie: client => `${client}${LONGEST}00` }
]

/** Upstreams without cookie support. */
const without: { it: string; answer: Behaviour; queries: string }[] = [
  { it: 'ignores the option', answer: plain, queries: 'udp 8 udp 0' },
  {
    it: 'echoes the option',
    answer: query => {
      const cookie = cookieOf(query.message)
      reply(query, cookie === '' ? {} : { cookie })
    },
    queries: 'udp 8 udp 0'
  },
  ...[RCODE.FORMERR, RCODE.NOTIMP, RCODE.BADVERS, RCODE.BADCOOKIE].map(rcode => ({
    it: `answers the option with RCODE ${rcode}`,
    answer: (query: Seen) => {
      reply(query, clientOf(query) === '' ? {} : { rcode })
    },
    queries: 'udp 8 udp 0 udp 0'
  })),
  {
    it: 'returns an unknown cookie, over TCP too',
    answer: query => {
      reply(query, clientOf(query) === '' ? {} : { cookie: `0000000000000000${SERVER}` })
    },
    queries: 'udp 8 tcp 8 udp 0'
  }
]

for (const transport of TRANSPORTS) {
  const { kind } = transport

  for (const server of [SHORTEST, SERVER, LONGEST]) {
    t.test(`${kind}: returns a server cookie of ${server.length / 2} octets`, async t => {
      const { ask, upstreams, forwarder } = await rig(t, [giving(server)], { transport })
      for (let n = 0; n < 3; n++) t.match(await ask(name(n)), { kind: 'response' })
      const [alone, ...others] = cookiesOf(upstreams[0]!)
      t.match(alone, /^[0-9a-f]{16}$/)
      t.strictSame(others, [`${alone}${server}`, `${alone}${server}`])
      t.match(forwarder.states, [{ cookies: true }])
    })
  }

  t.test(`${kind}: returns it over TCP, and accepts a newer one there`, async t => {
    const { ask, upstreams } = await rig(
      t,
      [
        query => {
          if (query.overTcp) giving(LONGEST)(query)
          else giving(SERVER, { truncated: true })(query)
        }
      ],
      { transport }
    )
    await ask(name(1))
    await ask(name(2))
    t.equal(ways(upstreams[0]!), 'udp 8 tcp 24 udp 40 tcp 24')
  })

  t.test(`${kind}: has a client cookie per upstream, and new ones after a restart`, async t => {
    const domains = { 'one.example': 0, 'two.example': 1 }
    const asked = async (): Promise<string[]> => {
      const { ask, upstreams } = await rig(t, [giving(), giving()], { transport, domains })
      await ask('one.example')
      await ask('two.example')
      return upstreams.flatMap(cookiesOf)
    }
    t.equal(new Set([...(await asked()), ...(await asked())]).size, 4)
  })

  t.test(`${kind}: accepts a cookie in an error response`, async t => {
    const { ask, upstreams } = await rig(t, [giving(SERVER, { rcode: RCODE.SERVFAIL })], {
      transport
    })
    t.equal(rcodeOf(messageOf(await ask(name(1)))), RCODE.SERVFAIL)
    await ask(name(2))
    t.equal(ways(upstreams[0]!), 'udp 8 udp 24')
  })

  for (const { it, cookie } of forgeries) {
    t.test(`${kind}: discards a response with ${it}, and retries over TCP`, async t => {
      const forging = first(query => {
        reply(query, { ...FORGED, cookie: cookie(clientOf(query)) })
      })
      const { ask, upstreams, forwarder } = await rig(t, [forging], { transport })
      for (let n = 0; n < 3; n++) t.equal(markOf(messageOf(await ask(name(n)))), 1)
      t.equal(ways(upstreams[0]!), 'udp 8 udp 24 tcp 24 udp 24 tcp 24')
      t.match(forwarder.counts, { mismatches: 2, doubts: 2, responses: 3, timeouts: 0 })
      t.match(forwarder.states, [{ cookies: true }], 'who answers over TCP has cookies still')
    })
  }

  for (const { it, answer, queries } of without) {
    t.test(`${kind}: sends no cookies to an upstream that ${it}`, async t => {
      const { ask, upstreams, time } = await rig(t, [answer], { transport })
      t.equal(markOf(messageOf(await ask(name(1)))), 1)
      t.equal(markOf(messageOf(await ask(name(2)))), 1)
      t.equal(ways(upstreams[0]!), queries)
      time.advance(5 * MINUTE + 1)
      upstreams[0]!.behaviour = giving()
      await ask(name(3))
      await ask(name(4))
      t.equal(ways(upstreams[0]!), `${queries} udp 8 udp 24`, 'but for five minutes')
      const [before, ...later] = cookiesOf(upstreams[0]!).filter(cookie => cookie !== '')
      t.not(later.at(-1)!.slice(0, 16), before, 'and then with another client cookie')
    })
  }

  t.test(`${kind}: sends no cookies to an upstream that does not answer them`, async t => {
    const { ask, upstreams, time } = await rig(
      t,
      [
        query => {
          if (clientOf(query) === '') plain(query)
        }
      ],
      { transport }
    )
    const outcome = ask(name(1))
    await upstreams[0]!.sees(1)
    time.advance(820)
    t.equal(markOf(messageOf(await outcome)), 1)
    await ask(name(2))
    t.equal(ways(upstreams[0]!), 'udp 8 udp 0 udp 0')
  })

  t.test(`${kind}: accepts a cookie in a late response`, async t => {
    const { ask, upstreams, time } = await rig(t, [silent], { transport })
    const upstream = upstreams[0]!
    const outcome = ask(name(1))
    await upstream.sees(1)
    time.advance(820)
    await upstream.sees(2)
    giving()(upstream.seen[0]!)
    t.match(await outcome, { kind: 'response' })
    upstream.behaviour = giving()
    await ask(name(2))
    t.equal(ways(upstream), 'udp 8 udp 0 udp 24')
  })

  t.test(`${kind}: BADCOOKIE: retries with the cookie in it`, async t => {
    const { ask, upstreams, forwarder } = await rig(
      t,
      [
        query => {
          const fresh = cookieOf(query.message).endsWith(SERVER)
          giving(SERVER, fresh ? {} : { rcode: RCODE.BADCOOKIE })(query)
        }
      ],
      { transport }
    )
    t.equal(markOf(messageOf(await ask(name(1)))), 1)
    await ask(name(2))
    t.equal(ways(upstreams[0]!), 'udp 8 udp 24 udp 24')
    t.match(forwarder.counts, { rewordings: 1 })
  })

  t.test(`${kind}: second BADCOOKIE: retries over TCP`, async t => {
    const { ask, upstreams } = await rig(
      t,
      [
        query => {
          giving(SERVER, query.overTcp ? {} : { rcode: RCODE.BADCOOKIE })(query)
        }
      ],
      { transport }
    )
    t.equal(markOf(messageOf(await ask(name(1)))), 1)
    t.equal(ways(upstreams[0]!), 'udp 8 udp 24 tcp 24')
  })

  t.test(`${kind}: BADCOOKIE over TCP, too: fails over`, async t => {
    const { ask, upstreams } = await rig(
      t,
      [giving(SERVER, { rcode: RCODE.BADCOOKIE }), giving(SHORTEST)],
      { transport }
    )
    t.match(await ask(name(1)), { kind: 'response', upstream: 1 })
    t.equal(ways(upstreams[0]!), 'udp 8 udp 24 tcp 24')
  })

  t.test(`${kind}: an upstream without cookie support any more shows it over TCP`, async t => {
    const { ask, upstreams, forwarder } = await rig(t, [giving()], { transport })
    await ask(name(1))
    upstreams[0]!.behaviour = plain
    await ask(name(2))
    await ask(name(3))
    t.equal(ways(upstreams[0]!), 'udp 8 udp 24 tcp 24 udp 0')
    t.match(forwarder.states, [{ cookies: false }])
  })

  t.test(`${kind}: one without TCP either is believed the third time`, async t => {
    const { ask, upstreams } = await rig(t, [giving()], { transport })
    await ask(name(1))
    upstreams[0]!.behaviour = plain
    await upstreams[0]!.killTcp()
    for (let n = 2; n < 5; n++) t.match(await ask(name(n)), { kind: 'failure', ede: 23 })
    t.equal(markOf(messageOf(await ask(name(5)))), 1)
    t.equal(ways(upstreams[0]!), 'udp 8 udp 24 udp 24 udp 24 udp 0')
  })

  t.test(`${kind}: an upstream that was down starts without cookies`, async t => {
    const { ask, upstreams, time, health } = await rig(t, [giving()], { transport })
    await ask(name(1))
    upstreams[0]!.behaviour = query => {
      if (clientOf(query) === '') plain(query)
    }
    const outcome = ask(name(2))
    for (let step = 0; step < 5; step++) time.advance(820)
    t.match(await outcome, { kind: 'failure' })
    t.strictSame(health, ['down 0'])
    t.equal(markOf(messageOf(await ask(name(3)))), 1)
    t.equal(cookiesOf(upstreams[0]!).at(-1), '')
  })

  t.test(`${kind}: sends no cookies if so configured`, async t => {
    const { ask, upstreams } = await rig(t, [giving()], { transport, cookies: false })
    t.equal(markOf(messageOf(await ask(name(1)))), 1)
    t.equal(ways(upstreams[0]!), 'udp 0')
  })
}

import t from 'tap'
import { RCODE } from '../../src/wire/dns/registry/rcode.js'
import { framed, good, type Behaviour, type Seen } from './bad-upstream.js'
import {
  cookieOf,
  labelOf,
  markOf,
  questionOf,
  rcodeOf,
  responseTo,
  type ResponseOptions
} from './messages.js'
import { messageOf, rig, TRANSPORTS } from './rig.js'

const MINUTE = 60_000
const name = (n: number): string => `n${n}.example.com`

/** ARCOUNT of the query: it has an OPT. */
const hasOpt = ({ message }: Seen): boolean => message[11] === 1

const reply = (query: Seen, options: ResponseOptions): void => {
  const response = responseTo(query.message, options)
  query.send(query.overTcp ? framed(response) : response)
}

/** Answers queries with OPT by this RCODE, without OPT, and others by `then`. */
const rejecting =
  (rcode: number, then: Behaviour = good()): Behaviour =>
  query => {
    if (hasOpt(query)) reply(query, { rcode })
    else then(query)
  }

/** Each query as `udp OPT`, `tcp plain` and so on. */
const ways = ({ seen }: { seen: readonly Seen[] }): string =>
  seen
    .map(query => `${query.overTcp ? 'tcp' : 'udp'} ${hasOpt(query) ? 'OPT' : 'plain'}`)
    .join(', ')

for (const transport of TRANSPORTS) {
  for (const rcode of [RCODE.FORMERR, RCODE.NOTIMP]) {
    t.test(
      `${transport.kind}: after RCODE ${rcode} without OPT, queries go without EDNS`,
      async t => {
        const { ask, upstreams, forwarder, time } = await rig(t, [rejecting(rcode)], { transport })
        const [upstream] = upstreams
        t.match(forwarder.states, [{ edns: true }])
        t.equal(markOf(messageOf(await ask(name(1)))), 1)
        // The first retry is without a cookie: perhaps only that was rejected.
        t.equal(ways(upstream!), 'udp OPT, udp OPT, udp plain')
        t.strictSame(
          upstream!.seen.map(({ message }) => cookieOf(message).length),
          [16, 0, 0]
        )
        t.match(forwarder.states, [{ edns: false, cookies: false, counts: { ednsRejections: 1 } }])
        for (let n = 2; n < 5; n++) t.equal(markOf(messageOf(await ask(name(n)))), 1)
        t.equal(ways(upstream!), 'udp OPT, udp OPT, udp plain, udp plain, udp plain, udp plain')
        const plain = upstream!.seen.at(-1)!.message
        t.equal(plain.length, 12 + questionOf(plain).length, 'the question alone')

        upstream!.seen.length = 0
        time.advance(15 * MINUTE)
        t.match(forwarder.states, [{ edns: true }])
        t.equal(markOf(messageOf(await ask(name(5)))), 1)
        t.equal(ways(upstream!), 'udp OPT, udp OPT, udp plain', 'tried again after a while')
      }
    )
  }
}

t.test(
  'an error without OPT to the query without EDNS as well is an error like any other',
  async t => {
    const all = [rejecting(RCODE.FORMERR, query => reply(query, { rcode: RCODE.FORMERR })), good(2)]
    const { ask, upstreams, forwarder } = await rig(t, all, { cookies: false })
    t.equal(markOf(messageOf(await ask(name(1)))), 2)
    t.equal(ways(upstreams[0]!), 'udp OPT, udp plain')
    t.match(forwarder.states, [{ edns: true }, {}], 'EDNS is not what it rejects')
  }
)

t.test('FORMERR with OPT comes from an upstream that knows EDNS', async t => {
  const formerr: Behaviour = query => {
    const opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
    const message = responseTo(query.message, { rcode: RCODE.FORMERR })
    message[11] = 1
    query.send(Uint8Array.from([...message, ...opt]))
  }
  const { ask, upstreams, forwarder } = await rig(t, [formerr], { cookies: false })
  t.equal(rcodeOf(messageOf(await ask(name(1)))), RCODE.FORMERR)
  t.equal(ways(upstreams[0]!), 'udp OPT')
  t.match(forwarder.states, [{ edns: true }])
})

t.test('any other error without EDNS is the answer, and EDNS is what was rejected', async t => {
  const refusing = rejecting(RCODE.FORMERR, query => reply(query, { rcode: RCODE.REFUSED }))
  const { ask, upstreams, forwarder } = await rig(t, [refusing], { cookies: false })
  t.equal(rcodeOf(messageOf(await ask(name(1)))), RCODE.REFUSED)
  t.match(forwarder.states, [{ edns: false }])
  await ask(name(2))
  t.equal(ways(upstreams[0]!), 'udp OPT, udp plain, udp plain')
})

t.test('a truncated answer without EDNS is retried over TCP, without EDNS', async t => {
  const long: Behaviour = query => reply(query, { truncated: !query.overTcp, mark: 7 })
  const { ask, upstreams } = await rig(t, [rejecting(RCODE.FORMERR, long)], { cookies: false })
  t.equal(markOf(messageOf(await ask(name(1)))), 7)
  t.equal(ways(upstreams[0]!), 'udp OPT, udp plain, tcp plain')
})

t.test(
  'an upstream that has answered with OPT goes on getting it, one bad name or not',
  async t => {
    const answering: Behaviour = query => {
      const isBad = labelOf(query.message) === 'bad'
      if (!hasOpt(query)) return reply(query, { mark: 7 })
      if (isBad) return reply(query, { rcode: RCODE.FORMERR })
      const message = responseTo(query.message, { mark: 1 })
      message[11] = 1
      query.send(Uint8Array.from([...message, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]))
    }
    const { ask, upstreams, forwarder } = await rig(t, [answering], { cookies: false })
    await ask(name(1))
    t.equal(markOf(messageOf(await ask('bad.example.com'))), 7)
    await ask(name(2))
    t.equal(ways(upstreams[0]!), 'udp OPT, udp OPT, udp plain, udp OPT')
    t.match(forwarder.states, [{ edns: true }])
  }
)

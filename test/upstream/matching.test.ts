import dgram from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { silent, type Seen } from './bad-upstream.js'
import { idOf, markOf, questionOf, responseTo, wire } from './messages.js'
import { messageOf, rig, settled, TRANSPORTS } from './rig.js'

/** Spoofed responses have mark 66, the right one mark 1. */
const FORGED = { mark: 66 }

const flipped = (octets: Uint8Array, at: number, bits = 1): Uint8Array => {
  const copy = octets.slice()
  copy[at]! ^= bits
  return copy
}

/** A spoofed response with an octet of the question changed: `at` counts from its end. */
const asking = ({ message }: Seen, at: number): Uint8Array => {
  const question = questionOf(message)
  return responseTo(message, { ...FORGED, question: flipped(question, question.length - at) })
}

const forgeries: { it: string; forge: (query: Seen) => void }[] = [
  {
    it: 'another ID',
    forge: ({ message, send }) => {
      send(responseTo(message, { ...FORGED, id: idOf(message) ^ 1 }))
    }
  },
  {
    it: 'another port',
    forge: ({ message, sendFromElsewhere }) => {
      sendFromElsewhere(responseTo(message, FORGED))
    }
  },
  {
    it: 'another QNAME',
    forge: ({ message, send }) => {
      const question = Uint8Array.from([...wire('www.example.net'), 0, 1, 0, 1])
      send(responseTo(message, { ...FORGED, question }))
    }
  },
  {
    it: 'another QTYPE',
    forge: query => {
      query.send(asking(query, 3))
    }
  },
  {
    it: 'another QCLASS',
    forge: query => {
      query.send(asking(query, 1))
    }
  },
  {
    it: 'no QR bit',
    forge: ({ message, send }) => {
      send(flipped(responseTo(message, FORGED), 2, 0x80))
    }
  },
  {
    it: 'nothing behind the header',
    forge: ({ message, send }) => {
      send(responseTo(message, FORGED).slice(0, 12))
    }
  },
  {
    it: 'less than a header',
    forge: ({ message, send }) => {
      send(message.slice(0, 11))
    }
  },
  {
    it: 'no octets at all',
    forge: ({ send }) => {
      send(new Uint8Array(0))
    }
  },
  {
    it: 'garbage',
    forge: ({ send }) => {
      send(new Uint8Array(700).fill(0xff))
    }
  }
]

const guesses: { it: string; guess: (message: Uint8Array, n: number) => Uint8Array }[] = [
  { it: 'IDs', guess: (message, n) => responseTo(message, { ...FORGED, id: idOf(message) ^ n }) },
  {
    it: 'questions',
    guess: (message, n) =>
      responseTo(message, { ...FORGED, question: flipped(questionOf(message), 1, n) })
  }
]

for (const transport of TRANSPORTS) {
  for (const { it, forge } of forgeries) {
    t.test(
      `${transport.kind}: ignores a response with ${it} and waits for the right one`,
      async t => {
        // Both are sent before either is received, the spoofed one first.
        const { forwarder, ask } = await rig(
          t,
          [
            query => {
              forge(query)
              query.send(responseTo(query.message))
            }
          ],
          { transport }
        )
        t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
        t.match(forwarder.counts, { mismatches: 1, responses: 1, queries: 1 })
      }
    )
  }

  t.test(
    `${transport.kind}: accepts a question in another case, since names have none`,
    async t => {
      const { ask } = await rig(
        t,
        [
          ({ message, send }) => {
            send(responseTo(message, { question: flipped(questionOf(message), 1, 0x20) }))
          }
        ],
        { transport, caseRandomization: false }
      )
      t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
    }
  )

  t.test(`${transport.kind}: delivers the whole message and the index of its upstream`, async t => {
    const sent: Uint8Array[] = []
    const { ask } = await rig(
      t,
      [
        ({ message, send }) => {
          sent.push(responseTo(message))
          send(sent[0]!)
        }
      ],
      { transport }
    )
    const outcome = await ask('www.example.com')
    t.match(outcome, { kind: 'response', upstream: 0, took: 0 })
    t.strictSame([...messageOf(outcome)], [...sent[0]!])
  })

  t.test(`${transport.kind}: ignores the second of two responses`, async t => {
    const { forwarder, ask } = await rig(
      t,
      [
        ({ message, send }) => {
          send(responseTo(message))
          send(responseTo(message, FORGED))
        }
      ],
      { transport }
    )
    t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
    t.equal(markOf(messageOf(await ask('ftp.example.com'))), 1)
    t.equal(forwarder.counts.responses, 2)
  })

  t.test(
    `${transport.kind}: ignores a response from another address, of the same port`,
    async t => {
      const { forwarder, upstreams, ask } = await rig(t, [silent], { transport })
      const upstream = upstreams[0]!
      const other = dgram.createSocket('udp4')
      t.teardown(() => other.close())
      other.bind(upstream.endpoint.port, '127.0.0.2')
      await once(other, 'listening')
      const outcome = ask('www.example.com')
      await upstream.sees(1)
      const { message, port, send } = upstream.seen[0]!
      await new Promise(sent => other.send(responseTo(message, FORGED), port, '127.0.0.1', sent))
      send(responseTo(message))
      t.equal(markOf(messageOf(await outcome)), 1)
      t.match(forwarder.counts, { mismatches: 1, responses: 1 })
    }
  )

  t.test(`${transport.kind}: ignores a response after the query has ended`, async t => {
    const { forwarder, upstreams, ask, time } = await rig(t, [silent], { transport })
    const upstream = upstreams[0]!
    const outcome = ask('www.example.com')
    await upstream.sees(1)
    for (let step = 0; step < 5; step++) time.advance(820)
    t.match(await outcome, { kind: 'failure', ede: 22 })
    await upstream.sees(forwarder.counts.queries)
    const late = [...upstream.seen]
    // A new query with the same question waits for a response of its own.
    upstream.behaviour = ({ message, send }) => {
      for (const query of late) query.send(responseTo(query.message, FORGED))
      send(responseTo(message))
    }
    t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
    await settled()
    // The ports of the late ones are closed.
    t.match(forwarder.counts, { responses: 1, mismatches: 0 })
  })

  t.test(`${transport.kind}: stays on UDP below the mismatch limit`, async t => {
    const { forwarder, upstreams, ask } = await rig(
      t,
      [
        ({ message, send }) => {
          const id = idOf(message)
          for (let n = 1; n < 20; n++) send(responseTo(message, { ...FORGED, id: id ^ n }))
          send(responseTo(message))
        }
      ],
      { transport }
    )
    t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
    t.equal(upstreams[0]!.seen.length, 1)
    t.match(forwarder.counts, { mismatches: 19, movedToTcp: 0 })
  })

  for (const { it, guess } of guesses) {
    t.test(
      `${transport.kind}: moves a query to TCP when spoofed responses guess ${it}`,
      async t => {
        const { forwarder, upstreams, ask } = await rig(
          t,
          [
            query => {
              const { message, overTcp, send } = query
              const right = responseTo(message)
              if (overTcp) send(Uint8Array.from([0, right.length, ...right]))
              else for (let n = 1; n <= 20; n++) send(guess(message, n))
            }
          ],
          { transport }
        )
        t.equal(markOf(messageOf(await ask('www.example.com'))), 1)
        t.strictSame(
          upstreams[0]!.seen.map(({ overTcp }) => overTcp),
          [false, true]
        )
        t.match(forwarder.counts, { mismatches: 20, movedToTcp: 1 })
      }
    )
  }
}

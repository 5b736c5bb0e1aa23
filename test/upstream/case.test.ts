import t from 'tap'
import type { Random } from '../../src/base/bytes/random.js'
import { framed, good, type Behaviour, type Seen } from './bad-upstream.js'
import { markOf, questionOf, responseTo } from './messages.js'
import { messageOf, rig, TRANSPORTS } from './rig.js'

const NAME = 'www.some-longer-name-here.example.com'

const spellingOf = ({ message }: Seen): string => Buffer.from(questionOf(message)).toString()
const isLower = (text: string): boolean => text === text.toLowerCase()

const lowered = (message: Uint8Array, mark: number): Uint8Array => {
  const question = Buffer.from(questionOf(message).map(octet => lower(octet)))
  return responseTo(message, { question, mark })
}
const lower = (octet: number): number => (octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet)

/** Responds in lower case over UDP, and over TCP if `always`. */
const spoiling =
  (always: boolean): Behaviour =>
  ({ message, overTcp, send }) => {
    if (!overTcp) send(lowered(message, 66))
    else send(framed(always ? lowered(message, 1) : responseTo(message)))
  }

/** Random words that make half of the letters upper case, and IDs that differ. */
const half: Random = {
  word: () => {
    turn = (turn * 5 + 1) & 0xffff
    return ((turn << 16) | (0x5555 ^ (turn & 3))) >>> 0
  }
}
let turn = 1

for (const transport of TRANSPORTS) {
  const { kind } = transport

  t.test(`${kind}: sends QNAME in random case, new for each question`, async t => {
    const { upstreams, ask } = await rig(t, [good()], { transport })
    for (let n = 0; n < 8; n++) t.equal(markOf(messageOf(await ask(NAME))), 1)
    const spellings = upstreams[0]!.seen.map(spellingOf)
    t.equal(new Set(spellings.map(text => text.toLowerCase())).size, 1)
    t.ok(new Set(spellings).size > 4, 'the case differs')
  })

  t.test(`${kind}: repeats a question in the same case`, async t => {
    let count = 0
    const second: Behaviour = query => {
      if (++count === 2) good()(query)
    }
    const { upstreams, time, ask } = await rig(t, [second], { transport, random: half })
    const outcome = ask(NAME)
    await upstreams[0]!.sees(1)
    time.advance(820)
    await outcome
    const [first, again] = upstreams[0]!.seen.map(spellingOf)
    t.notOk(isLower(first!))
    t.equal(again, first)
  })

  t.test(`${kind}: a response in the wrong case is retried over TCP`, async t => {
    const { forwarder, upstreams, ask } = await rig(t, [spoiling(false)], {
      transport,
      random: half
    })
    for (let n = 0; n < 5; n++) t.equal(markOf(messageOf(await ask(NAME))), 1)
    t.equal(upstreams[0]!.seen.length, 10, 'and what comes over TCP clears the upstream')
    t.match(forwarder.counts, { mismatches: 5, doubts: 5, responses: 5 })
  })

  t.test(`${kind}: an upstream that changes the case over TCP too is exempt`, async t => {
    const { forwarder, upstreams, ask } = await rig(t, [spoiling(true)], {
      transport,
      random: half
    })
    for (let n = 0; n < 3; n++) t.equal(markOf(messageOf(await ask(NAME))), 1)
    t.equal(markOf(messageOf(await ask(NAME))), 66)
    t.strictSame(
      upstreams[0]!.seen.map(({ overTcp }) => overTcp),
      [false, true, false, true, false, true, false]
    )
    t.ok(isLower(spellingOf(upstreams[0]!.seen[6]!)))
    t.match(forwarder.counts, { doubts: 3 })
  })

  t.test(`${kind}: only that upstream is exempt`, async t => {
    const { upstreams, ask } = await rig(t, [spoiling(true), good()], {
      transport,
      random: half,
      domains: { 'example.com': 0 }
    })
    for (let n = 0; n < 4; n++) await ask(NAME)
    await ask('www.some-longer-name-here.example.net')
    t.notOk(isLower(spellingOf(upstreams[1]!.seen[0]!)))
  })

  t.test(`${kind}: sends QNAME in the client's case if so configured`, async t => {
    const { upstreams, ask } = await rig(t, [spoiling(true)], {
      transport,
      caseRandomization: false
    })
    t.equal(markOf(messageOf(await ask('Www.example.COM'))), 66)
    t.match(spellingOf(upstreams[0]!.seen[0]!), /Www.example.COM/s)
  })
}

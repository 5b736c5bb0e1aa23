import t from 'tap'
import { PROTOCOL, type Protocol } from '../../src/lookups/event/query-event.js'
import { PENDING } from '../../src/resolver/context/responder.js'
import type { ForwardedQuestion, UpstreamOutcome } from '../../src/resolver/upstream/forwarder.js'
import { header, name, octets, record, TO_QNAME, u16 } from '../dns/octets.js'
import { Indoors } from '../fuzz/indoors.js'
import { policyOf } from '../fuzz/rules.js'
import { replyTarget } from './reply-target.js'
import { shown } from './shown.js'

/*
 * Equal questions in flight share one upstream query and its answer. Each waiter is still answered
 * according to its own transport.
 */

const CLIENT = Uint32Array.of(0, 0, 0xffff, 0x0a000001)
const QUERY = octets(header(7, 0x0100, 1, 0, 0, 0), name('www.example'), u16(1), u16(1))
const { udp, tcp } = PROTOCOL

const truncating = (on: string): string => `networks:
  all:
    prefixes: [10.0.0.0/8]
    bans: [{ ${on}, authority: A, reference: R, action: truncate }]
`

/** One outcome for all waiters: `www.example` is an alias of `target.example`. */
function sharedOutcome(): (question: ForwardedQuestion) => UpstreamOutcome {
  let outcome: UpstreamOutcome | undefined
  return ({ question }) => {
    const records = [
      record(TO_QNAME, 5, 300, name('target.example')),
      record(name('target.example'), 1, 300, [203, 0, 113, 1])
    ]
    const message = octets(header(7, 0x8180, 1, 2, 0, 0), [...question], records)
    return (outcome ??= { kind: 'response', message, upstream: 0, took: 1 })
  }
}

/** Whether each waiter got TC, in the order in which the queries came. */
async function truncated(rules: string, protocols: readonly Protocol[]) {
  const indoors = new Indoors(await policyOf(rules), sharedOutcome())
  const { resolver } = indoors
  const replies: string[] = []
  for (const [nth, protocol] of protocols.entries()) {
    const buffer = new Uint8Array(2048)
    buffer.set(QUERY)
    const length = resolver.answer(buffer, 0, QUERY.length, 2048, CLIENT, 0, protocol)
    if (length !== PENDING) throw new Error('not forwarded')
    const target = replyTarget(QUERY.slice(), CLIENT, protocol, (octets, from, to) => {
      replies[nth] = describe(octets!.slice(from, to))
    })
    resolver.answerLater(target)
  }
  indoors.finish()
  return replies
}

function describe(reply: Uint8Array): string {
  const { answers } = shown(reply)
  return (reply[2]! & 2) !== 0 ? 'TC' : `${answers.length} records`
}

const ORDERS = [
  [tcp, udp, udp, tcp, udp, udp, tcp, udp],
  [udp, tcp, udp, tcp, tcp, udp, udp, udp]
]
for (const protocols of ORDERS) {
  const expected = protocols.map(protocol => (protocol === udp ? 'TC' : '2 records'))
  const order = protocols.map(protocol => (protocol === udp ? 'udp' : 'tcp')).join(' ')
  for (const on of ['names: [target.example]', 'addresses: [203.0.113.0/24]']) {
    t.test(`a truncate rule on what the answer contains (${on}): ${order}`, async t => {
      const rules = truncating(on)
      t.strictSame(await truncated(rules, protocols), expected)
    })
  }
}

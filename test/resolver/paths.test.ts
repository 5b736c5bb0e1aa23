import fc from 'fast-check'
import t from 'tap'
import { qtypeOf } from '../../src/wire/dns/message/question.js'
import { showName } from '../../src/wire/dns/name/name.js'
import { PROTOCOL, type Protocol } from '../../src/lookups/event/query-event.js'
import { RCODE_SLOTS } from '../../src/resolver/context/lookup-counters.js'
import { PENDING } from '../../src/resolver/context/responder.js'
import type { ForwardedQuestion, UpstreamOutcome } from '../../src/resolver/upstream/forwarder.js'
import { header, name, octets, opt, record, TO_QNAME, u16, u32, type Part } from '../dns/octets.js'
import { faultOf } from '../fuzz/fault.js'
import { Indoors } from '../fuzz/indoors.js'
import { policyOf } from '../fuzz/rules.js'
import { runs } from '../runs.js'
import { shown } from './shown.js'

const NAMES = ['a.example', 'b.a.example', 'c.example', 'd.c.example', 'e.example', 'f.example']
const ACTIONS = [
  'action: nxdomain',
  'action: nodata',
  'action: refused',
  'action: null-address',
  'action: sinkhole, sinkhole: { ipv4: 192.0.2.80 }',
  'action: cname, target: garden.example',
  'action: cname, target: NEXT',
  'action: truncate',
  'action: drop',
  'mode: monitor'
]
const TYPES = [1, 28, 5, 6, 16, 65, 255, 65280]
const CLIENTS = [0x0a000001, 0x0a010001, 0xc0000201].map(word => Uint32Array.of(0, 0, 0xffff, word))

/** Bans on some names, each with an action, and perhaps one on addresses. */
const anyRules = fc
  .tuple(fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...ACTIONS))), fc.boolean())
  .map(([bans, addresses]) => {
    const lines = bans.map(
      ([on, action]) =>
        `{ names: [${on}], authority: A, reference: R, ${action.replace('NEXT', nextOf(on))} }`
    )
    if (addresses) lines.push('{ addresses: [192.0.2.0/25], authority: A, reference: R }')
    return `networks:
  phones: { prefixes: [10.0.0.0/16], bans: [${lines.join(', ')}] }
  desk: { prefixes: [10.1.0.0/16] }
`
  })

/** Another name, so that aliases form chains and loops. */
function nextOf(name: string): string {
  return NAMES[(NAMES.indexOf(name) + 2) % NAMES.length]!
}

interface Asked {
  readonly message: Uint8Array
  readonly client: Uint32Array
  readonly protocol: Protocol
}

const anyQuery = fc
  .record({
    qname: fc.mixedCase(fc.constantFrom(...NAMES)),
    qtype: fc.constantFrom(...TYPES),
    /** Combinations of RD, AD and CD. */
    flags: fc.constantFrom(0x0100, 0x0000, 0x0110, 0x0120, 0x0130),
    edns: fc.option(
      fc.record({ size: fc.constantFrom(0, 512, 600, 1232, 4096), dnssecOk: fc.boolean() })
    ),
    client: fc.constantFrom(...CLIENTS),
    protocol: fc.constantFrom(PROTOCOL.udp, PROTOCOL.tcp)
  })
  .map(({ qname, qtype, flags, edns, client, protocol }): Asked => {
    const extra = edns === null ? [] : opt(edns.size, [], { flags: edns.dnssecOk ? 0x8000 : 0 })
    const head = header(0x1234, flags, 1, 0, 0, edns === null ? 0 : 1)
    return { message: octets(head, name(qname), u16(qtype), u16(1), extra), client, protocol }
  })

/** The upstream's response for a name: addresses, an alias, NXDOMAIN, or a failure. */
function upstream({ question }: ForwardedQuestion): UpstreamOutcome {
  const turn = NAMES.indexOf(showName(question.slice(0, -4)))
  const qtype = qtypeOf(question)
  const records: readonly Part[] =
    turn % 3 === 1
      ? [record(TO_QNAME, 5, 300, name(NAMES[turn - 1]!)), data(NAMES[turn - 1]!, qtype, turn)]
      : [data(TO_QNAME, qtype, turn), data(TO_QNAME, qtype, turn + 100)]
  const soa = record('example', 6, 60, [name('n'), name('h'), ...Array<Part>(5).fill(u32(60))])
  if (turn === 4) return { kind: 'failure', ede: 22, upstream: 0, took: 1 }
  const [flags, counts, body] =
    turn === 5 ? [0x8183, [0, 1], soa] : [0x81a0, [records.length, 0], records]
  const message = octets(header(7, flags, 1, ...counts, 0), [...question], body)
  return { kind: 'response', message, upstream: 0, took: 1 }
}

function data(owner: string | readonly number[], qtype: number, turn: number): number[] {
  if (qtype === 28) return record(owner, qtype, 300, [...Array<number>(15).fill(turn), 1])
  if (qtype === 5) return record(owner, qtype, 300, [name(NAMES[turn % 6]!)])
  const text = Array<number>(200).fill(turn)
  if (qtype === 16) return record(owner, qtype, 300, [200, ...text])
  return record(owner, 1, 300, [192, 0, 2, turn])
}

/** As listeners do: `answer` first, then `answerLater` if needed. */
function fast(indoors: Indoors, { message, client, protocol }: Asked): Uint8Array | undefined {
  const buffer = new Uint8Array(protocol === PROTOCOL.tcp ? 65_535 : 2048)
  buffer.set(message)
  const { resolver } = indoors
  resolver.beginBatch()
  const length = resolver.answer(buffer, 0, message.length, buffer.length, client, 0, protocol)
  if (length === PENDING) return indoors.askLater(message, client, protocol)
  return length === 0 ? undefined : buffer.slice(0, length)
}

t.test('fast path, forwarding, cache and shelf give the same octets for any query', async t => {
  let replies = 0
  const queries = fc.array(anyQuery, { minLength: 1, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(anyRules, queries, async (rules, asked) => {
      const policy = await policyOf(rules)
      const held = new Indoors(policy, upstream)
      const before = replies
      for (const one of [...asked, ...asked, ...asked]) {
        const full = new Indoors(policy, upstream).forward(one.message, one.client, one.protocol)
        const reply = fast(held, one)
        if (Buffer.compare(reply ?? new Uint8Array(), full ?? new Uint8Array()) !== 0)
          throw new Error(`${hex(one.message)}: fast ${hex(reply)}, full ${hex(full)}`)
        if (reply === undefined) continue
        replies++
        const fault = faultOf(one.message, reply, one.protocol === PROTOCOL.tcp ? 65_535 : 1232)
        if (fault !== undefined) throw new Error(`${fault}: ${hex(reply)}`)
        shown(reply) // that another reader can read it
      }
      const counted = countedResponses(held)
      if (counted !== replies - before) throw new Error(`${counted} responses counted`)
    }),
    runs(100)
  )
  t.ok(replies > 5 * runs(100).numRuns, `${replies} replies were compared`)
})

function countedResponses({ counterMemory }: Indoors): number {
  const responses = new Float64Array(counterMemory, 0, 2 * RCODE_SLOTS)
  return responses.reduce((sum, count) => sum + count, 0)
}

t.test('TTLs run down by whole seconds to the end of the answer, and never beyond', async () => {
  const policy = await policyOf('networks: { all: { prefixes: [10.0.0.0/8] } }')
  const ttl = fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 0xffffffff }))
  const steps = fc.array(fc.nat(60_000), { minLength: 1, maxLength: 8 })
  const message = octets(header(1, 0x0100, 1, 0, 0, 0), name('a.example'), u16(1), u16(1))
  fc.assert(
    fc.property(ttl, ttl, steps, (first, second, waits) => {
      let given = 0
      const indoors = new Indoors(policy, forwarded => {
        given = indoors.clock.now()
        const records = [first, second].map(one => record(TO_QNAME, 1, one, [192, 0, 2, 1]))
        const answer = octets(header(7, 0x8180, 1, 2, 0, 0), [...forwarded.question], records)
        return { kind: 'response', message: answer, upstream: 0, took: 1 }
      })
      // Bit 31 means 0 (RFC 2181 §8); a day is the most; the lowest counts for both (§5.2).
      const limited = [first, second].map(one => (one > 0x7fffffff ? 0 : Math.min(one, 86_400)))
      const kept = Math.min(...limited)
      for (const wait of [0, ...waits]) {
        indoors.clock.pass(wait)
        const asked = { message, client: CLIENTS[0]!, protocol: PROTOCOL.udp }
        const { answers } = shown(fast(indoors, asked)!)
        const age = Math.floor((indoors.clock.now() - given) / 1000)
        const found = answers.map(text => Number(text.split(' ')[1]))
        if (found.length !== 2 || found.some(one => one !== Math.max(0, kept - age)))
          throw new Error(`${found.join()} at the age of ${age} s`)
        if (age > 0 && age >= kept) throw new Error(`given at the age of ${age} s`)
      }
    })
  )
})

function hex(message: Uint8Array | undefined): string {
  return Buffer.from(message ?? []).toString('hex')
}

import t from 'tap'
import { addressWords, readAddress } from '../../src/base/values/address.js'
import {
  allocateDeniedTable,
  DeniedTableReader,
  DeniedTableWriter
} from '../../src/policy/egress/denied-table.js'
import type { ReplyTarget } from '../../src/resolver/context/responder.js'
import {
  PATIENCE,
  ReplyGate,
  type HeldReply,
  type SeenAddress
} from '../../src/resolver/stages/reply-gate.js'
import { HashedName } from '../../src/wire/dns/name/hashed-name.js'
import { wire } from '../upstream/messages.js'
import { FakeTime } from '../upstream/fake-time.js'

const words = (text: string): Uint32Array => addressWords(readAddress(text))
const named = (text: string): HashedName => {
  const name = new HashedName()
  name.set(wire(text), 0, 1)
  return name
}

function rig() {
  const memory = allocateDeniedTable()
  const table = new DeniedTableWriter(memory)
  const time = new FakeTime()
  const held: HeldReply[] = []
  const seen: SeenAddress[] = []
  const blocked: string[] = []
  const counted = { overdue: 0 }
  const link = {
    held: (reply: HeldReply) => void held.push(reply),
    sighted: (some: readonly SeenAddress[], names: readonly string[]) => {
      seen.push(...some)
      blocked.push(...names)
    },
    overdue: (count: number) => void (counted.overdue += count)
  }
  const gate = new ReplyGate(new DeniedTableReader(memory), link, time.clock, time.timers)
  const sent: number[][] = []
  const target = {
    reply: (octets: Uint8Array, from: number, to: number) =>
      void sent.push([...octets.subarray(from, to)])
  } as unknown as ReplyTarget
  const check = (name: string, address: string, client = '10.0.0.1'): boolean =>
    gate.check('n', named(name), words(client), 0, words(address), 1, time.clock.now())
  const hold = (octet: number): void =>
    gate.hold(target, Uint8Array.of(9, octet), 1, 2, true, time.clock.now())
  return { table, time, held, seen, blocked, counted, gate, sent, check, hold }
}

t.test('holds a reply with a denied address until it is released', t => {
  const { table, held, sent, gate, check, hold, time, counted } = rig()
  t.notOk(check('a.example', '192.0.2.1'))
  table.replace([words('192.0.2.1')])
  t.notOk(check('a.example', '192.0.2.2'), 'another address')
  t.ok(check('a.example', '192.0.2.1'))
  const cookies: boolean[] = []
  gate.onReply = hasValidCookie => cookies.push(hasValidCookie)
  hold(7)
  const seen = [{ network: 'n', address: '192.0.2.1', name: 'a.example', client: '10.0.0.1' }]
  t.strictSame(held, [{ id: 1, seen }])
  t.strictSame(sent, [])
  gate.release([1, 1, 2])
  t.strictSame([sent, cookies], [[[7]], [true]], 'once')
  time.advance(2 * PATIENCE)
  t.equal(counted.overdue, 0)
  t.end()
})

t.test('sends a reply that has waited too long, and counts it', t => {
  const { table, sent, check, hold, time, counted, gate } = rig()
  table.replace([words('192.0.2.1')])
  check('a.example', '192.0.2.1')
  hold(7)
  time.advance(PATIENCE / 2)
  check('b.example', '192.0.2.1')
  hold(8)
  time.advance(PATIENCE / 2 + 100)
  t.strictSame([sent, counted.overdue, gate.size], [[[7]], 1, 1])
  time.advance(PATIENCE)
  t.strictSame([sent, counted.overdue, gate.size], [[[7], [8]], 2, 0])
  t.end()
})

t.test('tells each sighting once in five minutes, and names that were blocked', t => {
  const { seen, blocked, check, gate, time } = rig()
  check('a.example', '192.0.2.1')
  check('a.example', '192.0.2.1')
  check('a.example', '192.0.2.1', '10.0.0.2')
  check('b.example', '192.0.2.1')
  gate.blocked(named('banned.example'), time.clock.now())
  gate.blocked(named('banned.example'), time.clock.now())
  t.equal(seen.length, 0, 'later, together')
  time.advance(200)
  t.strictSame(
    seen.map(({ name, client }) => `${name} ${client}`),
    ['a.example 10.0.0.1', 'a.example 10.0.0.2', 'b.example 10.0.0.1']
  )
  t.strictSame(blocked, ['banned.example'])
  time.advance(300_000)
  check('a.example', '192.0.2.1')
  time.advance(200)
  t.equal(seen.length, 4)
  t.end()
})

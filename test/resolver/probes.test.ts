import t from 'tap'
import { addressWords, readAddress } from '../../src/base/values/address.js'
import { setUint16 } from '../../src/base/bytes/octets.js'
import { findOpt, findOption } from '../../src/wire/dns/edns/opt.js'
import {
  decodeProbeReply,
  encodeProbeOption,
  OPTION_PROBE,
  PROBE_FLAG
} from '../../src/wire/dns/edns/probe-option.js'
import { encodeUpstreamQuery } from '../../src/wire/dns/message/encode-query.js'
import { encodeQuestion } from '../../src/wire/dns/message/question.js'
import { readName } from '../../src/wire/dns/name/name.js'
import { compile } from '../../src/policy/compile/compile.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { VERDICT } from '../../src/lookups/event/query-event.js'
import { COUNTER } from '../../src/resolver/context/lookup-counters.js'
import { MemoryGateway } from '../probe/gateway.js'
import { rulesOf } from '../register/rules.js'
import { PROBE_KEY, PROBE_SOURCE } from './world.js'

const ban = (name: string, more: object = {}) => {
  return { names: [name], authority: 'A', reference: 'R', ...more }
}
const NETWORKS = {
  phones: {
    prefixes: ['10.1.0.0/16'],
    bans: [ban('clip.example'), ban('garden.example', { action: 'cname', target: 'walled.test' })]
  },
  guests: { prefixes: ['10.2.0.0/16', '127.0.0.0/8'] }
}
const LOOPBACK = addressWords(readAddress('127.0.0.1'))
const ELSEWHERE = addressWords(readAddress('10.2.0.1'))
const PHONE = Uint32Array.of(...addressWords(readAddress('10.1.0.1')), 0, 0)

const open = async (isEnabled = true): Promise<MemoryGateway> => {
  const gateway = await MemoryGateway.open({ networks: NETWORKS }, '2026-06-01T12:00:00Z')
  gateway.world.probes.isEnabled = isEnabled
  return gateway
}

interface Asked {
  readonly from?: Uint32Array
  readonly flags?: number
  readonly key?: Uint8Array
  readonly client?: Uint32Array
}

/** Asks as a phone. */
async function ask(gateway: MemoryGateway, name: string, asked: Asked = {}) {
  const { from = LOOPBACK, flags = 0, key = PROBE_KEY, client = PHONE } = asked
  const question = encodeQuestion(readName(name), 1, 1)
  const at = Math.floor(gateway.world.clock.now() / 1000)
  const option = encodeProbeOption(key, { flags, client, at }, question)
  const query = new Uint8Array(512)
  const bare = encodeUpstreamQuery(query, 0, 7, question, false, false)
  query.set(option, bare)
  setUint16(query, bare - 2, option.length)
  const message = (await gateway.ask(query.slice(0, bare + option.length), from, true))!
  const opt = findOpt(message, 0, message.length)
  const found = findOption(message, opt, OPTION_PROBE)
  return {
    rcode: message[3]! & 15,
    answers: message[7]!,
    origin: found === 0 ? undefined : decodeProbeReply(message, found)
  }
}

const counted = ({ world: { counters } }: MemoryGateway): number =>
  [...counters.fixed, ...counters.requests].reduce((sum, n, i) => {
    return i === COUNTER.lag || Number.isNaN(n) ? sum : sum + n
  }, 0)

t.test('a probe is answered as the client that it names', async t => {
  const gateway = await open()
  const { rcode, origin } = await ask(gateway, 'clip.example')
  t.equal(rcode, 3)
  t.match(origin, { worker: 7, isOpen: false, generation: 1, time: 1_780_315_200 })
  t.equal((await ask(gateway, 'clip.example', { from: PROBE_SOURCE })).rcode, 3, 'own address')
  t.strictSame([...gateway.world.resolver.probed], [2, 0, 0, 0])
})

t.test('a recognized client is in its class, if the probe has the same rules', async t => {
  const gateway = await open()
  const rules = await rulesOf(JSON.stringify({ networks: NETWORKS }))
  const policy = new Policy(compile(rules, { generation: 1, random: () => 7 }))
  const guest = addressWords(readAddress('10.2.0.1'))
  const ofPhones = policy.classOf(PHONE, 0)
  const asked = (generation: number) =>
    ask(gateway, 'clip.example', { client: Uint32Array.of(...guest, ofPhones, generation) })
  t.equal((await asked(1)).rcode, 3)
  t.equal((await asked(2)).origin?.isOpen, true)
})

t.test('a recognized client is under the bans of the network of its address, too', async t => {
  const gateway = await open()
  const rules = await rulesOf(JSON.stringify({ networks: NETWORKS }))
  const policy = new Policy(compile(rules, { generation: 1, random: () => 7 }))
  const ofGuests = policy.classOf(addressWords(readAddress('10.2.0.1')), 0)
  const client = Uint32Array.of(...PHONE.subarray(0, 4), ofGuests, 1)
  t.equal((await ask(gateway, 'clip.example', { client })).rcode, 3)
  t.equal((await ask(gateway, 'open.example', { client })).origin?.isOpen, true)
})

t.test('it is neither counted, nor logged, nor forwarded', async t => {
  const gateway = await open()
  await ask(gateway, 'clip.example')
  const { rcode, answers, origin } = await ask(gateway, 'open.example')
  t.strictSame([rcode, answers, origin?.isOpen], [0, 0, true])
  t.equal(gateway.forwarded, 0)
  t.equal(gateway.world.events.length, 0)
  t.equal(counted(gateway), 0)
  // A query of a client counts as before.
  const query = new Uint8Array(512)
  const question = encodeQuestion(readName('clip.example'), 1, 1)
  await gateway.ask(
    query.slice(0, encodeUpstreamQuery(query, 0, 7, question, false, false)),
    PHONE,
    true
  )
  t.ok(counted(gateway) > 0)
})

t.test('it is logged as a probe if it says so', async t => {
  const gateway = await open()
  await ask(gateway, 'clip.example', { flags: PROBE_FLAG.log })
  const [event] = gateway.world.events
  t.strictSame([event?.verdict, event?.rcode, event?.ede], [VERDICT.probe, 3, 15])
  t.strictSame([...event!.client], [...PHONE.subarray(0, 4)])
})

t.test('a control name is forwarded, and so is the target of a walled garden', async t => {
  const gateway = await open()
  const control = await ask(gateway, 'control.test', { flags: PROBE_FLAG.resolve })
  t.strictSame([control.rcode, control.answers, control.origin?.worker], [0, 1, 7])
  const garden = await ask(gateway, 'garden.example')
  t.strictSame([garden.rcode, garden.answers, garden.origin?.worker], [0, 2, 7])
  t.equal(gateway.forwarded, 2)
  t.equal(counted(gateway), 0)
  t.strictSame(gateway.world.resolver.counts, { forwarded: 0, stale: 0, failed: 0 })
  const again = await ask(gateway, 'control.test', { flags: PROBE_FLAG.resolve })
  t.equal(again.answers, 1, 'cached, as for everybody')
  t.equal(gateway.forwarded, 2)
})

t.test('nobody else can be another client', async t => {
  const gateway = await open()
  for (const [who, asked] of Object.entries({
    'another address': { from: ELSEWHERE },
    'another key': { key: new Uint8Array(32) }
  })) {
    const { rcode, origin } = await ask(gateway, 'clip.example', asked)
    t.strictSame([rcode, origin], [0, undefined], `${who}: a query of a guest`)
  }
  gateway.pass(0)
  const off = await open(false)
  const { rcode, origin } = await ask(off, 'clip.example')
  t.strictSame([rcode, origin], [0, undefined], 'without the probe in the settings')
})

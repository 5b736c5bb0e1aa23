import t from 'tap'
import {
  DNSSEC_VERDICT,
  PROTOCOL,
  VERDICT,
  type Observation,
  type QueryEvent
} from '../../src/lookups/event/query-event.js'
import type { Validation, Verdict } from '../../src/resolver/validation/verdict.js'
import { mailboxOf } from '../../src/gateway/validation/zone-contacts.js'
import { SampleValidator } from '../../src/gateway/validation/sample-validator.js'
import {
  ValidationSampler,
  type ValidationSample
} from '../../src/resolver/stages/validation-sampler.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { compile } from '../../src/policy/compile/compile.js'
import type { LogFields } from '../../src/base/log/service-log.js'
import { MS_PER_SECOND } from '../../src/base/units.js'
import { loadText } from './rules.js'
import { wire } from './zone.js'

const question = (name: string): Uint8Array => Uint8Array.of(...wire(name), 0, 1, 0, 1)

function result(verdict: Verdict, reason = ''): Validation {
  const work = { queries: 0, verifications: 0, failedVerifications: 0, hashes: 0 }
  const ede = verdict === 'bogus' ? 6 : undefined
  return { verdict, ede, reason, steps: [], ttl: 60, maxTtl: 60, work }
}

const client = {
  ...{ client: Uint32Array.of(0, 0, 0xffff, 0x0a000001), device: new Uint8Array(0) },
  ...{ protocol: PROTOCOL.udp, generation: 1, clientClass: 1, addressClass: 0, rcode: 0 }
}
const sampleOf = (network: string, name: string, answers = 1): ValidationSample => {
  return { ...client, network, answers, forwarders: 0, question: question(name) }
}

function build(validate: (name: Uint8Array) => Promise<Validation>) {
  const lines: LogFields[] = []
  const records: { event: QueryEvent; observation: Observation }[] = []
  let now = 1_000_000
  const add = (fields: LogFields) => void lines.push(fields)
  const log = { info: add, warn: add, error: add }
  const samples = new SampleValidator({
    ...{ validate, log, wall: () => now },
    contactOf: async ({ verdict }) => `${verdict}@example`,
    onObserved: (event, observation) => records.push({ event, observation }),
    onChange: () => undefined
  })
  const pass = (time: number) => (now += time)
  return { samples, lines, records, pass }
}

const settled = () => new Promise(resolve => setImmediate(resolve))

t.test('verdicts are counted by network, failures are listed and logged', async t => {
  const verdicts: Record<string, Verdict> = { good: 'secure', plain: 'insecure', bad: 'bogus' }
  const { samples, lines, pass } = build(async name => {
    const verdict = verdicts[Buffer.from(name.subarray(1, 1 + name[0]!)).toString()]
    return result(verdict!, `${verdict}: why`)
  })
  for (const [network, name] of [
    ['a', 'good'],
    ['a', 'BAD'.toLowerCase()],
    ['b', 'plain'],
    ['a', 'bad']
  ] as const)
    samples.offer(sampleOf(network, name))
  await settled()
  const { networks, failures, dropped } = samples.state
  t.strictSame(networks, {
    a: { secure: 1, insecure: 0, bogus: 2, indeterminate: 0 },
    b: { secure: 0, insecure: 1, bogus: 0, indeterminate: 0 }
  })
  t.equal(dropped, 0)
  const failure = { network: 'a', name: 'bad', type: 'A', verdict: 'bogus', ede: 6 }
  t.match(failures, [{ ...failure, reason: 'bogus: why', at: '1970-01-01T00:16:40.000Z' }])
  t.equal(failures.length, 1, 'the same question once')
  t.match(lines, [{ ...failure, reason: 'bogus: why' }])
  pass(3601 * MS_PER_SECOND)
  samples.offer(sampleOf('a', 'bad'))
  await settled()
  t.equal(lines.length, 2, 'logged again after an hour')
})

t.test('the letter case of the question does not matter', async t => {
  const seen: string[] = []
  const { samples } = build(async name => {
    seen.push(Buffer.from(name).toString('latin1'))
    return result('secure')
  })
  samples.offer(sampleOf('a', 'wWw.eXample'))
  await settled()
  t.strictSame(seen, ['\x03www\x07example\0'])
})

t.test('few are validated at once, some wait, more are dropped', async t => {
  const ends: (() => void)[] = []
  const { samples } = build(
    () => new Promise(resolve => ends.push(() => resolve(result('secure'))))
  )
  for (let i = 0; i < 300; i++) samples.offer(sampleOf('a', 'www.example'))
  t.equal(ends.length, 8)
  t.equal(samples.state.dropped, 300 - 8 - 200)
  for (let i = 0; i < 208; i++) {
    ends[i]!()
    await settled()
  }
  t.equal(samples.state.networks.a?.secure, 208)
})

t.test('failures in the status are bounded', async t => {
  const { samples } = build(async () => result('bogus', 'why'))
  for (let i = 0; i < 150; i++) samples.offer(sampleOf('a', `n${i}`))
  await settled()
  await settled()
  t.equal(samples.state.failures.length, 100)
  t.match(samples.state.failures[0], { name: 'n149' })
})

t.test('a worker hands over samples of observed networks only, and few a second', async t => {
  const rules = await loadText(t, 'observed', 'off')
  const policy = new Policy(compile(rules, { generation: 1, random: () => 0, specialUse: [] }))
  const seen: string[] = []
  let answers = 0
  const sampler = new ValidationSampler(sample => {
    seen.push(sample.network)
    answers += sample.answers
  })
  const classes = [0, 1, 2].map(last =>
    policy.classOf(Uint32Array.of(0, 0, 0xffff, (10 << 24) | (last << 16)), 0)
  )
  const offer = (clientClass: number, now: number): void => {
    const from = { ...client, clientAt: 0, clientIdentity: undefined, clientClass }
    sampler.offer(policy, from, question('www.example'), 0, now)
  }
  for (const one of classes) offer(one, 0)
  t.strictSame(seen, ['observed', 'child'])
  for (let i = 0; i < 50; i++) offer(classes[0]!, 999)
  t.equal(seen.length, 10)
  t.equal(answers, 10)
  offer(classes[0]!, 1000)
  t.equal(seen.length, 11)
  t.equal(answers, 53, 'the sample stands for those that were not taken')
})

t.test('an error of the validator is a verdict that is not known', async t => {
  const { samples, lines } = build(() => Promise.reject(new Error('unexpected')))
  samples.offer(sampleOf('a', 'www.example'))
  await settled()
  t.strictSame(samples.state.networks.a, { secure: 0, insecure: 0, bogus: 0, indeterminate: 1 })
  t.match(lines, [{ verdict: 'indeterminate', reason: 'internal error: unexpected' }])
})

t.test(
  'failures are recorded with client and contact, of all others one a minute, without',
  async t => {
    let verdict: Verdict = 'secure'
    const { samples, records, pass } = build(async () => result(verdict, verdict))
    const offer = async (next: Verdict, answers: number): Promise<void> => {
      verdict = next
      samples.offer(sampleOf('a', 'WWW.example', answers))
      await settled()
    }
    await offer('secure', 1)
    await offer('secure', 5)
    await offer('bogus', 2)
    await offer('insecure', 4)
    pass(60 * MS_PER_SECOND)
    await offer('secure', 10)
    const seen = records.map(({ event, observation }) => {
      const { contact, validated, answers, isAnonymous } = observation
      return [Object.keys(DNSSEC_VERDICT)[event.dnssec], contact, validated, answers, isAnonymous]
    })
    t.strictSame(seen, [
      ['secure', undefined, 1, 1, true],
      ['bogus', 'bogus@example', 2, 7, false],
      ['secure', undefined, 2, 14, true]
    ])
    const { event } = records[1]!
    t.match(event, { verdict: VERDICT.observed, ede: 6, qtype: 1, time: 1_000_000, clientClass: 1 })
    t.equal(Buffer.from(event.dnssecReason).toString(), 'bogus')
  }
)

t.test('the share of the sample is that of all answers, whatever is dropped', async t => {
  const { samples, records } = build(async () => result('bogus', 'why'))
  for (let i = 0; i < 300; i++) samples.offer(sampleOf('a', `n${i}.example`, 3))
  for (let i = 0; i < 100; i++) await settled()
  const { dropped } = samples.state
  samples.offer(sampleOf('a', 'last.example', 3))
  for (let i = 0; i < 10; i++) await settled()
  const sum = (key: 'validated' | 'answers') =>
    records.reduce((all, { observation }) => all + observation[key], 0)
  t.ok(dropped > 0)
  t.equal(sum('validated'), 301 - dropped)
  t.equal(sum('answers'), 903)
})

t.test('the contact is the mailbox of the SOA', async t => {
  const soa = (rname: Uint8Array) =>
    Uint8Array.of(...wire('ns.example'), ...rname, ...new Uint8Array(20))
  t.equal(mailboxOf(soa(wire('hostmaster.Example'))), 'hostmaster@example')
  t.equal(mailboxOf(soa(Uint8Array.of(3, 0x61, 0x2e, 0x62, ...wire('example')))), 'a.b@example')
  t.equal(mailboxOf(soa(Uint8Array.of(0))), undefined)
  t.equal(mailboxOf(soa(wire('hostmaster'))), undefined)
  t.equal(mailboxOf(soa(Uint8Array.of(2, 0x61, 0x20, ...wire('example')))), undefined)
})

import t from 'tap'
import type { Validation, Verdict } from '../../src/resolver/validation/verdict.js'
import { SampleValidator } from '../../src/gateway/validation/sample-validator.js'
import { ValidationSampler } from '../../src/resolver/stages/validation-sampler.js'
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
  return { verdict, ede, reason, steps: [], ttl: 60, work }
}

function build(validate: (name: Uint8Array) => Promise<Validation>) {
  const lines: LogFields[] = []
  let now = 1_000_000
  const add = (fields: LogFields) => void lines.push(fields)
  const log = { info: add, warn: add, error: add }
  const samples = new SampleValidator({
    ...{ validate, log, wall: () => now },
    onChange: () => undefined
  })
  const pass = (time: number) => (now += time)
  return { samples, lines, pass }
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
    samples.offer({ network, question: question(name) })
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
  samples.offer({ network: 'a', question: question('bad') })
  await settled()
  t.equal(lines.length, 2, 'logged again after an hour')
})

t.test('the letter case of the question does not matter', async t => {
  const seen: string[] = []
  const { samples } = build(async name => {
    seen.push(Buffer.from(name).toString('latin1'))
    return result('secure')
  })
  samples.offer({ network: 'a', question: question('wWw.eXample') })
  await settled()
  t.strictSame(seen, ['\x03www\x07example\0'])
})

t.test('few are validated at once, some wait, more are dropped', async t => {
  const ends: (() => void)[] = []
  const { samples } = build(
    () => new Promise(resolve => ends.push(() => resolve(result('secure'))))
  )
  for (let i = 0; i < 300; i++) samples.offer({ network: 'a', question: question('www.example') })
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
  for (let i = 0; i < 150; i++) samples.offer({ network: 'a', question: question(`n${i}`) })
  await settled()
  await settled()
  t.equal(samples.state.failures.length, 100)
  t.match(samples.state.failures[0], { name: 'n149' })
})

t.test('a worker hands over samples of observed networks only, and few a second', async t => {
  const rules = await loadText(t, 'observed', 'off')
  const policy = new Policy(compile(rules, { generation: 1, random: () => 0, specialUse: [] }))
  const seen: string[] = []
  const sampler = new ValidationSampler(({ network }) => seen.push(network))
  const classes = [0, 1, 2].map(last =>
    policy.classOf(Uint32Array.of(0, 0, 0xffff, (10 << 24) | (last << 16)), 0)
  )
  for (const one of classes) sampler.offer(policy, one, question('www.example'), 0)
  t.strictSame(seen, ['observed', 'child'])
  for (let i = 0; i < 50; i++) sampler.offer(policy, classes[0]!, question('www.example'), 999)
  t.equal(seen.length, 10)
  sampler.offer(policy, classes[0]!, question('www.example'), 1000)
  t.equal(seen.length, 11)
})

t.test('enforce is refused, with its position', async t => {
  await t.rejects(loadText(t, 'observed', 'enforce'), {
    message: /networks\.yaml:\d+:\d+: .*dnssec: enforce is not available yet/
  })
})

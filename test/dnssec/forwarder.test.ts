import t from 'tap'
import type {
  ForwardedQuestion,
  Forwarder,
  UpstreamOutcome
} from '../../src/resolver/upstream/forwarder.js'
import type { AnswerVerdict } from '../../src/resolver/validation/answer-verdict.js'
import { ValidatingForwarder } from '../../src/resolver/validation/validating-forwarder.js'
import {
  ValidationLink,
  type ValidationBatch,
  type ValidationPort
} from '../../src/gateway/workers/validation-link.js'
import { validatedResponse } from '../../src/wire/dns/message/validated-response.js'
import { FakeTime } from '../upstream/fake-time.js'
import { encode, World } from './world.js'
import { TYPE, wire } from './zone.js'

const question = Uint8Array.of(...wire('www.example'), 0, TYPE.A, 0, 1)

function build() {
  const world = new World()
  world.zone('example').a('www.example')
  const message = encode('www.example', TYPE.A, world.resolve('www.example', TYPE.A))
  const sent: ForwardedQuestion[] = []
  const ends: ((outcome: UpstreamOutcome) => void)[] = []
  const inner: Forwarder = {
    forward: (one, waiter) => {
      sent.push(one)
      ends.push(outcome => waiter.onOutcome(outcome))
    },
    upstreams: [],
    inFlight: 0,
    close: () => undefined
  }
  const verdicts: ((verdict: AnswerVerdict) => void)[] = []
  const checked: number[] = []
  const validator = {
    validate: (_q: unknown, _m: unknown, forwarders: number, done: (v: AnswerVerdict) => void) => {
      checked.push(forwarders)
      verdicts.push(done)
    }
  }
  const forwarder = new ValidatingForwarder(inner, validator)
  const outcomes: UpstreamOutcome[] = []
  const ask = (flags: Partial<ForwardedQuestion> = {}) => {
    const one = {
      question,
      dnssecOk: false,
      checkingDisabled: false,
      forwarders: 0,
      dnssecEnforced: true,
      ...flags
    }
    forwarder.forward(one, { onOutcome: outcome => outcomes.push(outcome) })
  }
  const respond = (change: (octets: Uint8Array) => void = () => undefined) => {
    const copy = message.slice()
    change(copy)
    ends.shift()!({ kind: 'response', message: copy, upstream: 0, took: 1 })
    // The receive buffer is used again.
    copy.fill(0xff)
  }
  return { ask, respond, sent, verdicts, checked, outcomes, message }
}

const isSecure = { isAccepted: true, isSecure: true, maxTtl: 100 } as const
const flagsOf = (outcome: UpstreamOutcome | undefined): number =>
  outcome?.kind === 'response' ? outcome.message[3]! : -1
const typesOf = (outcome: UpstreamOutcome | undefined): number =>
  outcome?.kind === 'response' ? outcome.message[7]! : -1

t.test('equal questions share one query and one verdict; all others wait for theirs', async t => {
  const { ask, respond, sent, verdicts, outcomes } = build()
  ask()
  ask({ question: Uint8Array.from(question, octet => (octet === 0x77 ? 0x57 : octet)) })
  t.match(sent, [{ dnssecOk: true, checkingDisabled: true }])
  respond()
  ask()
  t.equal(sent.length, 1, 'also while the verdict is awaited')
  t.equal(outcomes.length, 0)
  verdicts[0]!(isSecure)
  t.equal(outcomes.length, 3)
  t.equal(outcomes[0], outcomes[2], 'parsed and cached once')
  t.equal(flagsOf(outcomes[0]) & 0x20, 0x20)
  t.equal(typesOf(outcomes[0]), 1, 'without RRSIG')
  ask({ dnssecOk: true })
  respond()
  verdicts[1]!({ ...isSecure, isSecure: false })
  t.equal(flagsOf(outcomes[3]) & 0x20, 0)
  t.equal(typesOf(outcomes[3]), 2)
})

t.test('a network with forwarders of its own', async t => {
  const { ask, respond, sent, verdicts, checked, outcomes } = build()
  ask({ forwarders: 7 })
  ask()
  t.match(
    sent,
    [{ forwarders: 7 }, { forwarders: 0 }],
    'answers of other forwarders are not shared'
  )
  respond()
  respond()
  t.strictSame(checked, [7, 0])
  verdicts[0]!(isSecure)
  t.equal(outcomes.length, 1)
})

t.test('an answer that is not accepted', async t => {
  const { ask, respond, verdicts, outcomes } = build()
  for (const isBogus of [true, false]) {
    ask()
    respond()
    verdicts.shift()!({ isAccepted: false, isBogus, ede: 7, reason: 'expired' })
    t.match(outcomes.shift(), { kind: 'failure', isBogus, ede: 7, text: 'expired' })
  }
})

t.test('with CD the answer is as it came, and AD of the upstream says nothing', async t => {
  const { ask, respond, sent, verdicts, outcomes } = build()
  ask({ checkingDisabled: true })
  t.match(sent, [{ dnssecOk: false, checkingDisabled: true }])
  respond(octets => (octets[3]! |= 0x20))
  t.equal(verdicts.length, 0)
  t.equal(flagsOf(outcomes[0]) & 0x20, 0)
  t.equal(typesOf(outcomes[0]), 2)
})

t.test('other networks, and failures of upstreams, are passed through', async t => {
  const { ask, respond, sent, verdicts, outcomes } = build()
  ask({ dnssecEnforced: false })
  t.match(sent, [{ dnssecOk: false, checkingDisabled: false }])
  respond(octets => (octets[3]! |= 0x20))
  t.equal(outcomes.length, 1)
  ask()
  respond(octets => (octets[3] = (octets[3]! & 0xf0) | 2))
  t.equal(flagsOf(outcomes[1]) & 0x0f, 0x0f, 'SERVFAIL: at once, in the buffer it came in')
  t.equal(verdicts.length, 0)
})

t.test('a failure is an object of its own for each kind of client', t => {
  const failure: UpstreamOutcome = { kind: 'failure', ede: 22, upstream: 0, took: 1 }
  const inner = {
    forward: (_one: ForwardedQuestion, waiter: { onOutcome(outcome: UpstreamOutcome): void }) =>
      waiter.onOutcome(failure)
  } as unknown as Forwarder
  const forwarder = new ValidatingForwarder(inner, { validate: () => undefined })
  const outcomes: UpstreamOutcome[] = []
  for (const flags of [{ dnssecOk: false }, { dnssecOk: true }, { dnssecEnforced: false }]) {
    const one = {
      question,
      dnssecOk: true,
      checkingDisabled: false,
      forwarders: 0,
      dnssecEnforced: true,
      ...flags
    }
    forwarder.forward(one, { onOutcome: outcome => outcomes.push(outcome) })
  }
  // Whoever is first decides what is stale: an entry that was not validated, for others.
  t.equal(new Set(outcomes).size, 3)
  t.strictSame(outcomes[0], failure)
  t.end()
})

t.test('no TTL is longer than its signature is valid', async t => {
  const { message } = build()
  const ttls = (octets: Uint8Array): number => Buffer.from(octets).readUInt32BE(12 + 17 + 13 + 4)
  t.equal(ttls(message), 3600)
  t.equal(ttls(validatedResponse(message.slice(), question, true, isSecure)), 100)
})

t.test('the link fails closed: without a port, with too many, after too long', async t => {
  const time = new FakeTime()
  const link = new ValidationLink(4000, time.clock, time.timers)
  const results: AnswerVerdict[] = []
  const validate = () => link.validate(question, question, 7, verdict => results.push(verdict))
  validate()
  t.equal(results.length, 0, 'not within the call')
  await Promise.resolve()
  t.match(results, [{ isAccepted: false, isBogus: false, ede: 5, reason: /restarted/ }])
  const handlers = new Map<string, (message?: unknown) => void>()
  const posted: ValidationBatch[] = []
  const port = {
    on: (event: string, handler: () => void) => handlers.set(event, handler),
    postMessage: (message: never) => void posted.push(message),
    close: () => undefined
  } as unknown as ValidationPort
  link.connect(port)
  validate()
  validate()
  t.equal(posted.length, 0, 'not within the call')
  await Promise.resolve()
  t.equal(posted.length, 1, 'together')
  t.match(posted[0], { refused: 1, requests: [{ forwarders: 7 }, { forwarders: 7 }] })
  const [first, second] = posted[0]!.requests.map(({ id }) => id)
  handlers.get('message')!([{ id: first, verdict: isSecure }])
  t.match(results[1], isSecure)
  time.advance(3900)
  t.equal(results.length, 2)
  time.advance(200)
  t.match(results[2], { isAccepted: false, reason: 'validation took too long' })
  handlers.get('message')!([{ id: second, verdict: isSecure }])
  t.equal(results.length, 3, 'a late verdict is ignored')
  for (let i = 0; i < 4001; i++) validate()
  await Promise.resolve()
  t.match(results.slice(3), [{ isAccepted: false, reason: /too many/ }])
  t.equal(posted[1]!.requests.length, 4000, 'those that are refused at once are not validated')
  handlers.get('close')!()
  t.equal(results.length, 3 + 4001)
  t.ok(results.slice(3).every(({ isAccepted }) => !isAccepted))
})

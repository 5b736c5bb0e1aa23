import type { Octets } from '../../src/base/units.js'
import { answersQuestion } from '../../src/wire/dns/message/answers-question.js'
import type { Policy } from '../../src/policy/evaluate/policy.js'
import { PROTOCOL, type Protocol } from '../../src/lookups/event/query-event.js'
import { PENDING } from '../../src/resolver/context/responder.js'
import type { ForwardedQuestion, UpstreamOutcome } from '../../src/resolver/upstream/forwarder.js'
import type { Dice } from './dice.js'
import { faultOf } from './fault.js'
import { Indoors } from './indoors.js'
import { landmarksOf, word } from './landmarks.js'
import { mutate, type Mutant } from './mutate.js'
import { faultOfReaders, PROXY_HEADER } from './readers.js'
import type { Seeds } from './seeds.js'

/** Something that must not be. */
export interface Finding {
  readonly message: number
  readonly fault: string
  readonly how: string
  /** What was sent, and what the upstream answered last, in hexadecimal. */
  readonly query: string
  readonly answer: string
}

/** How it went with so many messages. */
export interface Tally {
  messages: number
  replies: number
  silences: number
  /** Answers of the upstream that were taken, and that were no answer to what was asked. */
  taken: number
  ignored: number
  readonly findings: Finding[]
}

/** As listeners have it: room for a message, and octets around it that nobody may touch. */
const SLOT: Octets = 4096
const MARGIN: Octets = 64
const CANARY = 0xa5
const UDP_LIMIT: Octets = 1232
const PLAIN_LIMIT: Octets = 512
const TCP_LIMIT: Octets = 65_535
const MOST_FINDINGS = 10

const UNTOUCHED = new Uint8Array(MARGIN + TCP_LIMIT + MARGIN).fill(CANARY)

const CLIENTS = [0x7f000001, 0x7f000002, 0x7f900001, 0x0a000001].map(address =>
  Uint32Array.of(0, 0, 0xffff, address)
)

/** Mutants through the readers of the wire and the whole resolver, in this thread. */
export class Inside {
  readonly tally: Tally = {
    messages: 0,
    replies: 0,
    silences: 0,
    taken: 0,
    ignored: 0,
    findings: []
  }
  private readonly indoors: Indoors
  private readonly slot = UNTOUCHED.slice()
  private answer: Mutant = { octets: new Uint8Array(0), how: '' }
  private sent: Mutant = this.answer

  constructor(
    policy: Policy,
    private readonly seeds: Seeds,
    private readonly dice: Dice
  ) {
    this.indoors = new Indoors(policy, inquiry => this.upstream(inquiry))
  }

  /** Goes on with so many messages, or until there are enough findings. */
  run(messages: number): void {
    const { tally } = this
    // Errors of ours are thrown a dozen times for each mutant: to note where takes longer than all
    // the rest. What is wrong can be found out from the octets.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 2
    for (let left = messages; left > 0 && tally.findings.length < MOST_FINDINGS; left--) {
      tally.messages++
      const fault = this.one()
      if (fault !== undefined) this.report(fault)
    }
    Error.stackTraceLimit = stackTraceLimit
  }

  private one(): string | undefined {
    const { dice, indoors, seeds } = this
    if (dice.chance(10)) indoors.clock.pass(dice.below(20_000))
    // One half of the queries is broken; the other asks for what broken answers are then given to.
    const donor = dice.pick([...seeds.queries.slice(0, 8), dice.pick(seeds.queries)]).octets
    const asked = dice.pick(dice.chance(50) ? seeds.queries : seeds.responses)
    const query = asQuery(asked.octets, dice)
    this.sent = dice.chance(60) ? mutate(query, donor, dice) : { octets: query, how: 'as it was' }
    this.answer = this.nextAnswer(asked.octets)
    try {
      return this.readAll() ?? this.ask()
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error)
    }
  }

  /** A mutant of a response, most often of one to the question that is going to be asked. */
  private nextAnswer(asked: Uint8Array): Mutant {
    const { dice, seeds } = this
    const other = dice.pick(seeds.responses).octets
    const response = (asked[2]! & 0x80) !== 0 && dice.chance(80) ? asked : other
    if (dice.chance(10)) return { octets: response.slice(), how: 'as it was' }
    return mutate(response, other, dice)
  }

  private readAll(): string | undefined {
    const { dice, sent, answer } = this
    const wrapped = mutate(Uint8Array.of(...PROXY_HEADER, ...sent.octets), answer.octets, dice)
    return (
      faultOfReaders(sent.octets, dice) ??
      faultOfReaders(answer.octets, dice) ??
      (dice.chance(20) ? faultOfReaders(wrapped.octets, dice) : undefined)
    )
  }

  /** Asks twice, so that what was taken is given from the cache, and a third time from the shelf. */
  private ask(): string | undefined {
    const { dice, sent } = this
    const client = dice.pick(CLIENTS)
    const protocol = dice.chance(70) ? PROTOCOL.udp : PROTOCOL.tcp
    for (let left = dice.pick([1, 1, 2, 3]); left > 0; left--) {
      const reply = this.reply(sent.octets, client, protocol)
      if (typeof reply === 'string') return reply
      if (reply === undefined) {
        this.tally.silences++
        continue
      }
      this.tally.replies++
      const fault = faultOf(sent.octets, reply, protocol === PROTOCOL.tcp ? TCP_LIMIT : UDP_LIMIT)
      const plain = protocol === PROTOCOL.udp && word(reply, 10) === 0 && reply.length > PLAIN_LIMIT
      if (fault !== undefined || plain)
        return `${fault ?? 'over 512 octets without EDNS'}: ${Buffer.from(reply).toString('hex')}`
    }
    return undefined
  }

  /** @returns the reply, undefined for silence, or what is wrong, as text */
  private reply(
    query: Uint8Array,
    client: Uint32Array,
    protocol: Protocol
  ): Uint8Array | undefined | string {
    const { slot, indoors } = this
    const { resolver } = indoors
    const room = protocol === PROTOCOL.tcp ? TCP_LIMIT : SLOT
    const at = MARGIN
    const end = at + query.length
    slot.set(query, at)
    resolver.beginBatch()
    const length = resolver.answer(slot, at, end, room, client, 0, protocol)
    const reply = length > 0 ? slot.slice(at, at + length) : undefined
    const touched = length === PENDING && !isSame(slot.subarray(at, end), query)
    slot.fill(CANARY, at, at + Math.max(length, query.length))
    if (touched) return 'said LATER, but wrote over the query'
    if (!isSame(slot, UNTOUCHED)) {
      slot.fill(CANARY)
      return 'wrote where nothing of the reply is'
    }
    return length === PENDING ? indoors.askLater(query, client, protocol) : reply
  }

  /** As the forwarder does: what does not answer the question is no answer. */
  private upstream({ question }: ForwardedQuestion): UpstreamOutcome {
    const { answer, dice, tally } = this
    const message = answer.octets
    if (dice.chance(90)) restore(message, question)
    if (!answersQuestion(message, 0, message.length, word(message, 0), question)) {
      tally.ignored++
      return { kind: 'failure', ede: 22, upstream: 0, took: 1 }
    }
    tally.taken++
    return { kind: 'response', message, upstream: 0, took: 1 }
  }

  private report(fault: string): void {
    const { tally, sent, answer } = this
    tally.findings.push({
      message: tally.messages,
      fault,
      how: `query: ${sent.how}; answer: ${answer.how}`,
      query: Buffer.from(sent.octets).toString('hex'),
      answer: Buffer.from(answer.octets).toString('hex')
    })
  }
}

/** A query, or the one that a response answers, with another DO now and then. */
function asQuery(message: Uint8Array, dice: Dice): Uint8Array {
  if ((message[2]! & 0x80) === 0) return message.slice()
  const question = message.slice(0, landmarksOf(message).body)
  question[2] = 1
  question[3] = 0
  question.fill(0, 6, 12)
  if (dice.chance(30)) return question
  question[11] = 1
  return Uint8Array.of(...question, 0, 0, 41, 4, 0xd0, 0, 0, dice.chance(50) ? 0x80 : 0, 0, 0, 0)
}

/** Puts QR and the question back, as far as they have the same length: the forger knows both. */
function restore(message: Uint8Array, question: Uint8Array): void {
  if (message.length < 12 + question.length) return
  message[2] = (message[2]! & 0x07) | 0x80
  message[4] = 0
  message[5] = 1
  message.set(question, 12)
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

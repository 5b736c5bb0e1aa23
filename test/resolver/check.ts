import { isDeepStrictEqual } from 'node:util'
import { ednsOf } from './message-octets.js'
import { readMessage, type Edns, type Message } from './message-text.js'
import type { EdnsFound, EdnsText, Expected, ExpectedLog, QueryText, Step } from './scenario.js'
import type { Seen } from './stage.js'

/** Octets of a UDP message that every client accepts, and the most that the resolver sends. */
const PLAIN_UDP = 512
const LARGEST_UDP = 1232

/** Differences from what a step expects, a line each; none if it passes. */
export function differences(step: Step, seen: Seen): string[] {
  const { expect = {}, log } = step
  const found: string[] = []
  const compare = (what: string, has: unknown, expected: unknown): void => {
    if (isDeepStrictEqual(has, expected)) return
    found.push(`${what}: found ${JSON.stringify(has)}, expected ${JSON.stringify(expected)}`)
  }
  if (log === null) compare('record', seen.log, undefined)
  for (const key of Object.keys(log ?? {}) as (keyof ExpectedLog)[]) {
    compare(`record, ${key}`, seen.log?.[key], log![key])
  }
  if (expect.asked !== undefined) compareForwarded(expect.asked, seen, compare)
  if (expect.within !== undefined && seen.waited > expect.within) {
    found.push(`waited ${seen.waited} s, more than ${expect.within}`)
  }
  if (expect.silence) {
    compare('reply', seen.reply, undefined)
    return found
  }
  if (seen.reply === undefined) return [...found, 'no reply']
  try {
    const reply = readMessage(seen.reply)
    found.push(...broken(step.query!, expect, seen.query, seen.reply, reply))
    compareReply(expect, seen.reply, reply, compare)
  } catch (error) {
    found.push(`the reply cannot be read: ${(error as Error).message}`)
  }
  return found
}

type Compare = (what: string, has: unknown, expected: unknown) => void

function compareReply(
  expect: Expected,
  octets: Uint8Array,
  reply: Message,
  compare: Compare
): void {
  const has: Partial<Record<keyof Expected, unknown>> = {
    rcode: reply.rcode,
    flags: reply.flags,
    question: reply.questions.length === 0 ? 'none' : 'one',
    answers: reply.answers,
    authorities: reply.authorities,
    additionals: reply.additionals,
    ede: reply.ede?.code ?? -1,
    'ede-text': reply.ede?.text,
    truncated: reply.flags.includes('TC'),
    length: octets.length,
    octets: Buffer.from(octets)
  }
  for (const key of Object.keys(expect) as (keyof Expected)[]) {
    if (key === 'edns') compareEdns('edns', reply.edns, expect.edns!, compare)
    else if (key in has) compare(key, has[key], expect[key])
  }
}

function compareEdns(
  what: string,
  has: Edns | undefined,
  expected: false | EdnsFound,
  compare: Compare
): void {
  if (expected === false || has === undefined) {
    compare(what, has !== undefined, expected !== false)
    return
  }
  for (const key of Object.keys(expected) as (keyof EdnsFound)[]) {
    if (key === 'options') compare(`${what}, options`, has.options, hexOf(expected.options!))
    else compare(`${what}, ${key}`, has[key], expected[key])
  }
}

function hexOf(options: EdnsText['options']): Edns['options'] {
  return Object.fromEntries(
    Object.entries(options).map(([code, data]) => [code, data.toString('hex')])
  )
}

function compareForwarded(
  expected: NonNullable<Expected['asked']>,
  seen: Seen,
  compare: Compare
): void {
  compare('upstream queried', seen.asked !== undefined, expected !== false)
  if (seen.asked === undefined || typeof expected === 'boolean') return
  const asked = readMessage(seen.asked)
  if (expected.question !== undefined) {
    compare(
      'question to the upstream',
      asked.questions[0]?.toLowerCase(),
      expected.question.toLowerCase()
    )
  }
  if (expected.flags !== undefined) compare('flags to the upstream', asked.flags, expected.flags)
  if (expected.edns !== undefined) {
    compareEdns('edns to the upstream', asked.edns, expected.edns, compare)
  }
}

/** Rules that any reply has to follow, whatever is expected. */
function broken(
  query: QueryText,
  expect: Expected,
  asked: Uint8Array,
  octets: Uint8Array,
  reply: Message
): string[] {
  const wrong: string[] = []
  const flags = new Set(reply.flags.split(' '))
  const bits = Buffer.from(asked).readUInt16BE(2)
  const demand = (isSo: boolean, what: string): void => {
    if (!isSo) wrong.push(what)
  }
  demand(reply.id === Buffer.from(asked).readUInt16BE(0), 'another ID')
  demand(reply.opcode === ((bits >> 11) & 15), 'another opcode')
  demand(flags.has('QR'), 'QR has to be set: RFC 1035 §4.1.1')
  demand(flags.has('RA') === (reply.opcode === 0), 'RA for queries and nothing else: RFC 6895 §2')
  demand(
    flags.has('AA') === (expect.flags?.split(' ').includes('AA') ?? false),
    'AA for local records and nothing else: RFC 1035 §4.1.1'
  )
  demand(!flags.has('Z'), 'Z set: RFC 1035 §4.1.1')
  demand(flags.has('RD') === ((bits & 0x0100) !== 0), 'RD differs from the query')
  demand(flags.has('CD') === ((bits & 0x10) !== 0), 'CD differs from the query: RFC 4035 §3.2.2')
  demand(echoes(expect, asked, octets, reply), 'the question differs from the query')
  demand(octets.length <= limitOf(query), `${octets.length} octets, more than the client accepts`)
  demand(!flags.has('TC') || query.protocol === 'udp', 'TC over TCP')
  demand(!flags.has('TC') || isBare(reply), 'TC with some of the records: RFC 2181 §9')
  if (query.octets === undefined && expect.question !== 'none') {
    demand(
      (reply.edns !== undefined) === (query.edns !== false),
      'OPT if and only if the query has one'
    )
    const wanted = ednsOf(query.edns)?.do ?? false
    demand((reply.edns?.do ?? false) === wanted, 'DO differs from the query: RFC 3225 §3')
  }
  return wrong
}

function isBare({ answers, authorities, additionals }: Message): boolean {
  return answers.length + authorities.length + additionals.length === 0
}

function echoes(expect: Expected, asked: Uint8Array, octets: Uint8Array, reply: Message): boolean {
  if (expect.question === 'none') return reply.questions.length === 0
  if (reply.questions.length !== 1) return false
  const [theirs, ours] = [asked, octets].map(one =>
    Buffer.from(one).subarray(12, reply.questionEnd)
  )
  return theirs!.equals(ours!)
}

function limitOf({ protocol, edns, octets }: QueryText): number {
  if (protocol !== 'udp') return 65_535
  if (octets !== undefined) return LARGEST_UDP
  return Math.min(Math.max(ednsOf(edns)?.size ?? PLAIN_UDP, PLAIN_UDP), LARGEST_UDP)
}

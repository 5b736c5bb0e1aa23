import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import packet from 'dns-packet'
import { readAddress } from '../../src/base/values/address.js'
import type { Answer } from '../../src/wire/dns/records/answer.js'
import { decodeResponse } from '../../src/wire/dns/message/decode-response.js'
import { Query } from '../../src/wire/dns/message/query.js'
import { compile } from '../../src/policy/compile/compile.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { specialUseNames } from '../../src/policy/tables/special-use-names.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { Blocklist } from '../kit/blocklist.js'
import { allowedName, blockedName } from '../kit/names.js'
import { scramble } from '../kit/random.js'
import { NETWORKS } from '../peers/interdict.js'

/** Different inputs; a power of two. More than fit into the first cache, as in real traffic. */
export const INPUTS = 4096
const SLOT = 512

/** Queries as they stand in a batch: message `i` is `octets[starts[i], ends[i])`. */
export interface Messages {
  readonly octets: Uint8Array
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

/** What the cases of all rooms work on. */
export interface Stage {
  readonly policy: Policy
  /** Client addresses of the network, four words each. */
  readonly clients: Uint32Array
  readonly listed: Messages
  readonly unlisted: Messages
  /** Answers to the unlisted questions, and the responses they were read from. */
  readonly answers: readonly Answer[]
  readonly responses: readonly Uint8Array[]
}

const LIMITS = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 3600, failureTtl: 5 }

/** @param names on the block list */
export async function setStage(names: number): Promise<Stage> {
  const unlisted = unlistedMessages()
  const responses = Array.from({ length: INPUTS }, (_, i) => responseOf(allowedName(i)))
  return {
    policy: await policyIn(folder => writeRules(folder, names)),
    clients: clientWords(),
    listed: listedMessages(names),
    unlisted,
    responses,
    answers: responses.map((response, i) => {
      const query = queryAt(unlisted, i, 0)
      const question = query.key().slice(0, -1)
      return structuredClone(decodeResponse(response, question, LIMITS, performance.now(), 0))
    })
  }
}

/** A query read, on its own. */
export function queryAt({ octets, starts, ends }: Messages, i: number, seed: number): Query {
  const query = new Query()
  query.decode(octets, starts[i]!, ends[i]!, seed)
  return query
}

/** Queries for names that are on the list of so many, half of them for names below. */
export function listedMessages(names: number): Messages {
  return messagesOf(i => (i % 2 === 0 ? '' : 'www.') + blockedName(scramble(i) % names))
}

export function unlistedMessages(): Messages {
  return messagesOf(allowedName)
}

async function writeRules(folder: string, names: number): Promise<void> {
  await mkdir(join(folder, 'lists'))
  await writeFile(join(folder, 'networks.yaml'), NETWORKS)
  const list = new Blocklist(folder, names, 1)
  await list.install('domains', join(folder, 'lists', 'names.txt'))
}

/** The policy of a rules folder, of which everything but the apps is written by `write`. */
export async function policyIn(write: (folder: string) => Promise<void>): Promise<Policy> {
  const folder = await mkdtemp(join(tmpdir(), 'interdict-micro-'))
  try {
    await mkdir(join(folder, 'apps'))
    await write(folder)
    const result = await loadRules(folder)
    if (!result.ok) throw result.errors[0] ?? new Error('no rules')
    return new Policy(
      compile(result.rules, {
        generation: 1,
        random: () => 0x2545f491,
        specialUse: specialUseNames([])
      })
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function messagesOf(name: (index: number) => string): Messages {
  const octets = new Uint8Array(INPUTS * SLOT)
  const starts = Uint32Array.from({ length: INPUTS }, (_, i) => i * SLOT)
  const ends = starts.map((start, i) => {
    const message = packet.encode({
      type: 'query',
      id: i,
      flags: packet.RECURSION_DESIRED,
      questions: [{ type: 'A', name: name(i) }],
      additionals: [OPT]
    })
    octets.set(message, start)
    return start + message.length
  })
  return { octets, starts, ends }
}

const OPT = {
  type: 'OPT' as const,
  name: '.' as const,
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: []
}

function responseOf(name: string): Uint8Array {
  return packet.encode({
    type: 'response',
    id: 0,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
    questions: [{ type: 'A', name }],
    answers: [{ type: 'A', name, ttl: 86_400, data: '192.0.2.1' }],
    additionals: [OPT]
  })
}

/** Addresses of 127.0.0.0/8, mapped. */
function clientWords(): Uint32Array {
  const first = new DataView(readAddress('127.0.0.0').buffer)
  return Uint32Array.from({ length: 4 * INPUTS }, (_, word) =>
    word % 4 === 3
      ? (0x7f000000 | (scramble(word) & 0xffffff)) >>> 0
      : first.getUint32(4 * (word % 4))
  )
}

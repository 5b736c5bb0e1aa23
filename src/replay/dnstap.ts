import { showAddress } from '../base/address.js'
import { InterdictError } from '../base/error.js'
import type { Octets } from '../base/units.js'
import { PROTOCOL } from '../log/event.js'
import { expandName } from '../wire/name.js'
import { RECORDED, type Ground, type LineReader, type Sink } from './lookup.js'
import { readFields, type Fields } from './protobuf.js'

/** Field numbers of `Dnstap` and of its `Message`, from dnstap.proto. */
const DNSTAP = { message: 14 } as const
const MESSAGE = {
  type: 1,
  socketProtocol: 3,
  queryAddress: 4,
  querySeconds: 8,
  query: 10,
  responseSeconds: 12,
  response: 14,
  policy: 15
} as const
const POLICY = { rule: 2, action: 3 } as const
const TYPE = { clientQuery: 5, clientResponse: 6 } as const
/** The one socket protocol that is not over a stream; DNSCrypt over UDP counts as UDP too. */
const UDP = [1, 5]
/** Policy actions that leave the answer as it is. */
const PASS = 3

const HEADER: Octets = 12

/**
 * Reads dnstap messages, of which CLIENT_QUERY and CLIENT_RESPONSE are lookups. A file that has both
 * has each lookup twice, so those of the kind that comes first in it are taken.
 */
export class DnstapLog implements LineReader {
  #type = 0
  readonly #grounds = new Map<string, Ground>()

  constructor(readonly sink: Sink) {}

  line(octets: Uint8Array, from: Octets, to: Octets): string | undefined {
    const message = readFields(octets.subarray(from, to))?.octets.get(DNSTAP.message)
    const fields = message && readFields(message)
    if (fields === undefined) return 'no dnstap message'
    const type = fields.numbers.get(MESSAGE.type) ?? 0
    if (type !== TYPE.clientQuery && type !== TYPE.clientResponse) return undefined
    if (this.#type === 0) this.#type = type
    return type === this.#type ? this.#find(fields) : undefined
  }

  #find({ numbers, octets }: Fields): string | undefined {
    const message = octets.get(MESSAGE.query) ?? octets.get(MESSAGE.response)
    const address = octets.get(MESSAGE.queryAddress)
    const question = message && readQuestion(message)
    if (question === undefined) return 'a message without a question that can be read'
    const policy = octets.get(MESSAGE.policy)
    const verdict = policy && readFields(policy)
    const action = verdict?.numbers.get(POLICY.action) ?? PASS
    return this.sink.find({
      at: numbers.get(MESSAGE.querySeconds) ?? numbers.get(MESSAGE.responseSeconds),
      client: address === undefined ? '' : showOctets(address),
      ...question,
      protocol: UDP.includes(numbers.get(MESSAGE.socketProtocol) ?? 1)
        ? PROTOCOL.udp
        : PROTOCOL.tcp,
      recorded: action === PASS ? RECORDED.open : RECORDED.blocked,
      ground: this.#groundOf(verdict?.octets.get(POLICY.rule))
    })
  }

  #groundOf(rule: Uint8Array | undefined): Ground | undefined {
    if (rule === undefined) return undefined
    const by = Buffer.from(rule).toString()
    const ground = this.#grounds.get(by) ?? { through: '', by }
    this.#grounds.set(by, ground)
    return ground
  }
}

function readQuestion(message: Uint8Array): { name: Uint8Array; qtype: number } | undefined {
  const wire: number[] = []
  try {
    const end = expandName(message, HEADER, wire)
    if (end + 4 > message.length) return undefined
    return { name: Uint8Array.from(wire), qtype: (message[end]! << 8) | message[end + 1]! }
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}

/** An address of 4 or 16 octets; anything else is no address, and is shown as none. */
function showOctets(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  return octets.length === 16 ? showAddress(octets) : ''
}

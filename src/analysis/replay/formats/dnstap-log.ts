import { showAddress } from '../../../base/values/address.js'
import { InterdictError } from '../../../base/errors/error.js'
import type { Octets } from '../../../base/units.js'
import { decompressName } from '../../../wire/dns/name/name.js'
import { PROTOCOL } from '../../../lookups/event/query-event.js'
import { RECORDED, type Reason, type LineReader, type LookupSink } from '../parsed-lookup.js'
import { ProtobufFields } from './protobuf.js'

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
/** Socket protocols over UDP: UDP, and DNSCrypt over UDP. */
const UDP = [1, 5]
/** The policy action PASSTHRU leaves the answer unchanged. */
const PASS = 3

const HEADER: Octets = 12

/** Maximum number of client addresses cached as text. */
const MOST_CLIENTS = 1 << 16

/**
 * Reads dnstap messages of type CLIENT_QUERY or CLIENT_RESPONSE. A file with both has each lookup
 * twice, so only the type that occurs first is used.
 */
export class DnstapLog implements LineReader {
  private type = 0
  private readonly frame = new ProtobufFields()
  private readonly message = new ProtobufFields()
  private readonly policy = new ProtobufFields()
  private readonly wire: number[] = []
  private readonly reasons = new Map<string, Reason>()
  /** By IPv4 address as a number. */
  private readonly clients = new Map<number, string>()

  constructor(readonly sink: LookupSink) {}

  line(octets: Uint8Array, from: Octets, to: Octets): string | undefined {
    const frame = this.frame
    const message = this.message
    const isFrame = frame.read(octets, from, to) && frame.start(DNSTAP.message) > 0
    if (!isFrame || !message.read(octets, frame.start(DNSTAP.message), frame.end(DNSTAP.message)))
      return 'not a dnstap message'
    const type = message.number(MESSAGE.type) ?? 0
    if (type !== TYPE.clientQuery && type !== TYPE.clientResponse) return undefined
    if (this.type === 0) this.type = type
    return type === this.type ? this.addLookup(octets) : undefined
  }

  private addLookup(octets: Uint8Array): string | undefined {
    const message = this.message
    const field = message.start(MESSAGE.query) > 0 ? MESSAGE.query : MESSAGE.response
    const qtype = this.readQuestion(octets, message.start(field), message.end(field))
    if (qtype < 0) return 'no readable question in the message'
    const policy = this.policy
    const [start, end] = [message.start(MESSAGE.policy), message.end(MESSAGE.policy)]
    const hasPolicy = start > 0 && policy.read(octets, start, end)
    const action = (hasPolicy ? policy.number(POLICY.action) : undefined) ?? PASS
    return this.sink.addLookup({
      at: message.number(MESSAGE.querySeconds) ?? message.number(MESSAGE.responseSeconds),
      client: this.client(octets),
      name: Uint8Array.from(this.wire),
      qtype,
      protocol: UDP.includes(message.number(MESSAGE.socketProtocol) ?? 1)
        ? PROTOCOL.udp
        : PROTOCOL.tcp,
      recorded: action === PASS ? RECORDED.open : RECORDED.blocked,
      reason: hasPolicy ? this.reasonOf(octets) : undefined
    })
  }

  private reasonOf(octets: Uint8Array): Reason | undefined {
    const [start, end] = [this.policy.start(POLICY.rule), this.policy.end(POLICY.rule)]
    if (start === 0) return undefined
    const by = Buffer.from(octets.subarray(start, end)).toString()
    const reason = this.reasons.get(by) ?? { through: '', by }
    this.reasons.set(by, reason)
    return reason
  }

  /** @returns the query type, with the name in `wire`; -1 if it cannot be read */
  private readQuestion(octets: Uint8Array, from: Octets, to: Octets): number {
    const wire = this.wire
    wire.length = 0
    if (from === 0) return -1
    // Compression pointers count from the start of the message.
    const message = new Uint8Array(octets.buffer, octets.byteOffset + from, to - from)
    try {
      const end = decompressName(message, HEADER, wire)
      return end + 4 > message.length ? -1 : (message[end]! << 8) | message[end + 1]!
    } catch (error) {
      if (error instanceof InterdictError) return -1
      throw error
    }
  }

  private client(octets: Uint8Array): string {
    const start = this.message.start(MESSAGE.queryAddress)
    const end = this.message.end(MESSAGE.queryAddress)
    if (start === 0) return ''
    if (end - start !== 4) return showOctets(octets.subarray(start, end))
    const high = octets[start]! * 2 ** 24
    const number =
      high + (octets[start + 1]! << 16) + (octets[start + 2]! << 8) + octets[start + 3]!
    const known = this.clients.get(number)
    if (known !== undefined) return known
    if (this.clients.size >= MOST_CLIENTS) this.clients.clear()
    const text = octets.subarray(start, end).join('.')
    this.clients.set(number, text)
    return text
  }
}

/** An IPv6 address; '' if the length is wrong. */
function showOctets(octets: Uint8Array): string {
  return octets.length === 16 ? showAddress(octets) : ''
}

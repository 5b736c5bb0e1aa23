import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { systemClock } from '../../base/time/clock.js'
import { failure } from '../../base/errors/error.js'
import { decodeMessage } from '../../wire/dns/message/decode-message.js'
import { encodeQuestion } from '../../wire/dns/message/question.js'
import { readName } from '../../wire/dns/name/name.js'
import { RRCLASS } from '../../wire/dns/registry/rrclass.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { portableTransport } from '../../wire/sockets/portable/portable.js'
import { createForwarder, type ForwardedDomain } from '../../resolver/upstream/create-forwarder.js'
import type { Forwarder, UpstreamOutcome } from '../../resolver/upstream/forwarder.js'
import type { PortRange } from '../../wire/sockets/source-ports.js'
import type { UpstreamServer } from '../../wire/sockets/upstream-server.js'

/** The upstreams used, and others for some domains. Plain data. */
export interface BootstrapServers {
  readonly servers: readonly UpstreamServer[]
  readonly domains: readonly ForwardedDomain[]
  /** See `ForwarderSettings.sourcePorts`. */
  readonly sourcePorts?: readonly PortRange[]
}

/**
 * Resolves the names of list servers by querying upstreams directly. It bypasses all rules and the
 * system resolver, which may be this gateway: a ban on the name of a server must not cut off the
 * list that comes from it.
 */
export class BootstrapResolver {
  private constructor(private readonly forwarder: Forwarder) {}

  static open({ servers, ...others }: BootstrapServers): BootstrapResolver {
    const clock = systemClock
    const transport = portableTransport()
    return new BootstrapResolver(
      createForwarder({ transport, clock, upstreams: servers, ...others })
    )
  }

  /** For Node's sockets. */
  readonly lookup: LookupFunction = (name, { all = false, family }, callback) => {
    const wanted = family === 4 || family === 'IPv4' ? 4 : family === 6 || family === 'IPv6' ? 6 : 0
    void this.addressesOf(name, wanted).then(
      found => (all ? callback(null, found) : callback(null, found[0]!.address, found[0]!.family)),
      (error: unknown) => callback(error as NodeJS.ErrnoException, [])
    )
  }

  close(): void {
    this.forwarder.close()
  }

  /** IPv4 first: networks without IPv6 are more common than those without IPv4. */
  private async addressesOf(text: string, family: 0 | 4 | 6): Promise<LookupAddress[]> {
    // RFC 6761 §6.3: no resolver is needed.
    if (text === 'localhost') return [{ address: '127.0.0.1', family: 4 }]
    const qname = readName(text)
    const asked = await Promise.all([
      family === 6 ? [] : this.query(qname, text, RRTYPE.A, 4),
      family === 4 ? [] : this.query(qname, text, RRTYPE.AAAA, 6)
    ])
    const found = asked.flatMap(one => (Array.isArray(one) ? one : []))
    if (found.length > 0) return found
    const why = asked.find(one => typeof one === 'string') ?? 'the name has no address'
    throw failure('REMOTE_NAME', text, why)
  }

  /** @returns addresses, or why there are none */
  private async query(
    qname: Uint8Array,
    text: string,
    qtype: number,
    family: 4 | 6
  ): Promise<LookupAddress[] | string> {
    return new Promise(resolve => {
      const question = encodeQuestion(qname, qtype, RRCLASS.IN)
      const inquiry = { question, dnssecOk: false, checkingDisabled: false, forwarders: 0 }
      this.forwarder.forward(inquiry, {
        onOutcome(outcome) {
          // The message is valid only until this returns.
          resolve(readAddresses(outcome, text, family))
        }
      })
    })
  }
}

function readAddresses(
  outcome: UpstreamOutcome,
  text: string,
  family: 4 | 6
): LookupAddress[] | string {
  if (outcome.kind === 'failure') return outcome.text ?? 'no upstream responded'
  const { rcode, records } = decodeMessage(outcome.message)
  if (rcode !== 'NOERROR') return `upstream returned ${rcode} for ${text}`
  const type = family === 4 ? 'A' : 'AAAA'
  return records
    .filter(record => record.section === 'answer' && record.type === type)
    .map(({ data }) => ({ address: data, family }))
}

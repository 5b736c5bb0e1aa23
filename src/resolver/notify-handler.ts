import { addressWords, readAddress } from '../base/address.js'
import { epochSeconds, type Clock } from '../base/clock.js'
import { InterdictError } from '../base/error.js'
import type { Octets } from '../base/units.js'
import { showName } from '../dns/name/name.js'
import { OPCODE } from '../dns/registry/opcode.js'
import { RCODE } from '../dns/registry/rcode.js'
import { RRCLASS } from '../dns/registry/rrclass.js'
import { RRTYPE } from '../dns/registry/rrtype.js'
import { setAuthoritative, encodeError } from '../dns/reply/local-reply.js'
import {
  verifyRequest,
  findTsig,
  encodeTsigError,
  signMessage,
  TSIG_ERROR,
  type Tsig,
  type TsigKey
} from '../tsig/tsig.js'
import type { QueryContext } from './query-context.js'

/** Who may say that a zone has changed, and of which zones. Plain data: it is sent to threads. */
export interface NotifyRules {
  readonly primaries: readonly NotifyPrimary[]
  readonly zones: readonly {
    /** Lower-cased wire form. */
    readonly name: Uint8Array
    /** Ids of its primaries. */
    readonly from: readonly string[]
  }[]
}

export interface NotifyPrimary {
  readonly id: string
  readonly address: string
  /** With which it has to be signed; undefined: not at all. */
  readonly key: TsigKey | undefined
}

type Primary = NotifyPrimary & { readonly words: Uint32Array }

/** What is said of a NOTIFY, and who has sent it, if it is one to be heard. */
interface NotifyResult {
  readonly rcode: number
  readonly source?: Primary | undefined
  /** One of `TSIG_ERROR`. */
  readonly error?: number
}

/** Hears primaries that say that a zone has changed: NOTIFY, RFC 1996. */
export class NotifyHandler {
  private primaries: readonly Primary[] = []
  private zones: NotifyRules['zones'] = []

  /** @param onNotify told the zone, as canonical text, and the id of the primary */
  constructor(
    private readonly clock: Clock,
    private readonly onNotify: (zone: string, primary: string) => void
  ) {}

  setRules({ primaries, zones }: NotifyRules): void {
    this.zones = zones
    this.primaries = primaries.map(one => {
      return { ...one, words: addressWords(readAddress(one.address)) }
    })
  }

  /**
   * Answers a message of another opcode than QUERY.
   *
   * @param client four words at `clientAt`
   * @returns the reply's length in octets; undefined: it is no NOTIFY of a primary
   */
  answer(lookup: QueryContext, client: Uint32Array, clientAt: number): Octets | undefined {
    if (lookup.query.opcode !== OPCODE.NOTIFY) return undefined
    const sources = this.primaries.filter(({ words }) =>
      words.every((word, i) => word === client[clientAt + i])
    )
    if (sources.length === 0) return undefined
    const { octets, query } = lookup
    const message = octets.slice(query.at, query.end)
    let tsig: Tsig | undefined
    try {
      tsig = findTsig(message)
    } catch (error) {
      if (!(error instanceof InterdictError)) throw error
      return this.write(lookup, { rcode: RCODE.FORMERR }, undefined)
    }
    return this.write(lookup, this.check(lookup, message, tsig, sources), tsig)
  }

  private check(
    { query }: QueryContext,
    message: Uint8Array,
    tsig: Tsig | undefined,
    sources: readonly Primary[]
  ): NotifyResult {
    const { qname, qtype, qclass } = query
    if (qname.length === 0 || qtype !== RRTYPE.SOA || qclass !== RRCLASS.IN) {
      return { rcode: RCODE.FORMERR }
    }
    const source = findPrimary(sources, tsig)
    if (tsig !== undefined) {
      const error = verifyRequest(message, tsig, source?.key, epochSeconds(this.clock))
      if (error !== TSIG_ERROR.none) return { rcode: RCODE.NOTAUTH, source, error }
    }
    if (source === undefined) return { rcode: RCODE.REFUSED }
    const name = qname.octets.subarray(0, qname.length)
    const zone = this.zones.find(zone => Buffer.compare(zone.name, name) === 0)
    if (zone?.from.includes(source.id) !== true) return { rcode: RCODE.NOTAUTH, source }
    this.onNotify(showName(zone.name), source.id)
    return { rcode: RCODE.NOERROR, source }
  }

  /** What was signed is answered signed, unless the signature is none that we know. */
  private write(
    { octets, query, maxLength: limit }: QueryContext,
    { rcode, source, error = TSIG_ERROR.none }: NotifyResult,
    tsig: Tsig | undefined
  ): Octets {
    const length = encodeError(octets, query, limit, rcode, undefined)
    if (rcode === RCODE.NOERROR) setAuthoritative(octets, query)
    if (tsig === undefined) return length
    const reply = octets.slice(query.at, query.at + length)
    const isKnown = error === TSIG_ERROR.none || error === TSIG_ERROR.BADTIME
    const signed =
      isKnown && source?.key !== undefined
        ? signMessage(reply, source.key, epochSeconds(this.clock), tsig.mac, error).octets
        : encodeTsigError(reply, tsig, error)
    if (signed.length > limit) return length
    octets.set(signed, query.at)
    return signed.length
  }
}

/** The one whose key it is signed with; of what is not signed, the one that signs nothing. */
function findPrimary(sources: readonly Primary[], tsig: Tsig | undefined): Primary | undefined {
  if (tsig === undefined) return sources.find(({ key }) => key === undefined)
  return sources.find(({ key }) => key !== undefined && Buffer.compare(key.name, tsig.name) === 0)
}

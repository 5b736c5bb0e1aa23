import { addressWords, readAddress } from '../../base/values/address.js'
import { epochSeconds, type Clock } from '../../base/time/clock.js'
import { InterdictError } from '../../base/errors/error.js'
import type { Octets } from '../../base/units.js'
import { showName } from '../../wire/dns/name/name.js'
import { OPCODE } from '../../wire/dns/registry/opcode.js'
import { RCODE } from '../../wire/dns/registry/rcode.js'
import { RRCLASS } from '../../wire/dns/registry/rrclass.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { setAuthoritative, encodeError } from '../../wire/dns/reply/local-reply.js'
import { findTsig, type Tsig } from '../../wire/tsig/tsig-record.js'
import {
  verifyRequest,
  encodeTsigError,
  signMessage,
  TSIG_ERROR,
  type TsigKey,
  type TsigError
} from '../../wire/tsig/tsig.js'
import type { QueryContext } from '../context/query-context.js'

/** Primaries whose NOTIFY is accepted, and for which zones. Plain data: sent between threads. */
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
  /** TSIG key that has to sign its messages; undefined: unsigned. */
  readonly key: TsigKey | undefined
}

type Primary = NotifyPrimary & { readonly words: Uint32Array }

/** The reply to a NOTIFY, and the primary that sent it: undefined if none is configured for it. */
interface NotifyResult {
  readonly rcode: number
  readonly primary?: Primary | undefined
  readonly error?: TsigError
}

/** Accepts NOTIFY messages of primaries. RFC 1996. */
export class NotifyHandler {
  private primaries: readonly Primary[] = []
  private zones: NotifyRules['zones'] = []

  /** @param onNotify called with the zone, as canonical text, and the id of the primary */
  constructor(
    private readonly clock: Clock,
    private readonly onNotify: (zone: string, primary: string) => void
  ) {}

  setRules({ primaries, zones }: NotifyRules): void {
    this.zones = zones
    this.primaries = primaries.map(primary => ({
      ...primary,
      words: addressWords(readAddress(primary.address))
    }))
  }

  /**
   * Answers a message whose opcode is not QUERY.
   *
   * @param client four words at `clientAt`
   * @returns the reply's length in octets; undefined: not a NOTIFY from the address of a primary
   */
  answer(context: QueryContext, client: Uint32Array, clientAt: number): Octets | undefined {
    if (context.query.opcode !== OPCODE.NOTIFY) return undefined
    const candidates = this.primaries.filter(({ words }) =>
      words.every((word, i) => word === client[clientAt + i])
    )
    if (candidates.length === 0) return undefined
    const { octets, query } = context
    const message = octets.slice(query.at, query.end)
    try {
      const tsig = findTsig(message)
      return this.write(context, this.check(context, message, tsig, candidates), tsig)
    } catch (error) {
      if (!(error instanceof InterdictError)) throw error
      return this.write(context, { rcode: RCODE.FORMERR }, undefined)
    }
  }

  private check(
    { query }: QueryContext,
    message: Uint8Array,
    tsig: Tsig | undefined,
    candidates: readonly Primary[]
  ): NotifyResult {
    const { qname, qtype, qclass } = query
    if (qname.length === 0 || qtype !== RRTYPE.SOA || qclass !== RRCLASS.IN) {
      return { rcode: RCODE.FORMERR }
    }
    const primary = findPrimary(candidates, tsig)
    if (tsig !== undefined) {
      const error = verifyRequest(message, tsig, primary?.key, epochSeconds(this.clock))
      if (error !== TSIG_ERROR.none) return { rcode: RCODE.NOTAUTH, primary, error }
    }
    if (primary === undefined) return { rcode: RCODE.REFUSED }
    const name = qname.octets.subarray(0, qname.length)
    const zone = this.zones.find(zone => Buffer.compare(zone.name, name) === 0)
    if (zone?.from.includes(primary.id) !== true) return { rcode: RCODE.NOTAUTH, primary }
    this.onNotify(showName(zone.name), primary.id)
    return { rcode: RCODE.NOERROR, primary }
  }

  /** The reply to a signed message is signed, if its key is known. RFC 8945 §5.3. */
  private write(
    { octets, query, maxLength }: QueryContext,
    { rcode, primary, error = TSIG_ERROR.none }: NotifyResult,
    tsig: Tsig | undefined
  ): Octets {
    const length = encodeError(octets, query, maxLength, rcode, undefined)
    if (rcode === RCODE.NOERROR) setAuthoritative(octets, query)
    if (tsig === undefined) return length
    const reply = octets.slice(query.at, query.at + length)
    const isKnown = error === TSIG_ERROR.none || error === TSIG_ERROR.BADTIME
    const signed =
      isKnown && primary?.key !== undefined
        ? signMessage(reply, primary.key, epochSeconds(this.clock), tsig.mac, error).octets
        : encodeTsigError(reply, tsig, error)
    if (signed.length > maxLength) return length
    octets.set(signed, query.at)
    return signed.length
  }
}

/** The primary with the key that signed the message, or the one without a key if it is unsigned. */
function findPrimary(candidates: readonly Primary[], tsig: Tsig | undefined): Primary | undefined {
  if (tsig === undefined) return candidates.find(({ key }) => key === undefined)
  return candidates.find(
    ({ key }) => key !== undefined && Buffer.compare(key.name, tsig.name) === 0
  )
}

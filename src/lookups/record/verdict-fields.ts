import { showRcode } from '../../wire/dns/registry/rcode.js'
import { showRrtype } from '../../wire/dns/registry/rrtype.js'
import { ascii } from '../event/line-buffer.js'
import {
  MATCH,
  NO_RCODE,
  VERDICT,
  type QueryEvent,
  type LookupVerdict,
  type Match
} from '../event/query-event.js'

/**
 * Number of cache entries, a power of two. Few are in use; a client that queries every type evicts
 * them.
 */
const CACHE_SIZE = 256

const VERDICTS = Object.keys(VERDICT)
const MATCHES = Object.keys(MATCH)

interface CachedFields {
  readonly qtype: number
  readonly rcode: number
  readonly verdict: number
  readonly match: number
  readonly octets: Uint8Array
}

/** The encoded fields from `qtype` to `match`. */
export class VerdictFields {
  private readonly cache: CachedFields[] = Array.from({ length: CACHE_SIZE }, () => {
    return { qtype: -1, rcode: -1, verdict: -1, match: -1, octets: new Uint8Array(0) }
  })

  /** Starts with the quote that ends the name. */
  get({ qtype, rcode, verdict, match }: QueryEvent): Uint8Array {
    const at = (qtype ^ (rcode << 3) ^ (verdict << 4) ^ (match << 1)) & (CACHE_SIZE - 1)
    const cached = this.cache[at]!
    const isSameType = cached.qtype === qtype && cached.rcode === rcode
    if (isSameType && cached.verdict === verdict && cached.match === match) return cached.octets
    const octets = encodeFields(qtype, rcode, verdict, match)
    this.cache[at] = { qtype, rcode, verdict, match, octets }
    return octets
  }
}

function encodeFields(
  qtype: number,
  rcode: number,
  verdict: LookupVerdict,
  match: Match
): Uint8Array {
  const sent = rcode === NO_RCODE ? '' : `,"rcode":"${showRcode(rcode)}"`
  const matched = match === MATCH.none ? '' : `,"match":"${MATCHES[match]}"`
  const verdictFields = `,"verdict":"${VERDICTS[verdict]}"${matched}`
  return ascii(`","qtype":"${showRrtype(qtype)}"${sent}${verdictFields}`)
}

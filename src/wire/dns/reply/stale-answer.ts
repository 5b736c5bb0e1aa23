import type { Milliseconds, Octets, Seconds } from '../../../base/units.js'
import { encodeEde } from '../edns/ede-option.js'
import type { Answer } from '../records/answer.js'
import { EDE } from '../registry/ede.js'
import { RCODE } from '../registry/rcode.js'

/** TTL of every record in a stale answer. RFC 8767 §4. */
const STALE_TTL: Seconds = 30

const NO_TTLS = new Uint16Array(0)

/** RFC 8914 §4.4 and §4.20. */
const STALE_ANSWER = extendedError(EDE.STALE_ANSWER)
const STALE_NXDOMAIN = extendedError(EDE.STALE_NXDOMAIN)

/**
 * An expired answer in the form to serve while no upstream has a newer one: each TTL is 30 seconds
 * and is not decremented, and an extended error marks it as stale. AD is cleared, because the data
 * may no longer be authentic.
 *
 * @param lifetime how long the stale answer may be served, from `now` on
 */
export function staleAnswer(answer: Answer, lifetime: Seconds, now: Milliseconds): Answer {
  const body = answer.body.slice()
  for (const at of answer.ttls) putStaleTtl(body, at)
  return {
    ...answer,
    body,
    ttls: NO_TTLS,
    authentic: false,
    storedAt: now,
    lifetime,
    ede: answer.rcode === RCODE.NXDOMAIN ? STALE_NXDOMAIN : STALE_ANSWER,
    cleanEpoch: -1,
    cleanClass: -1
  }
}

function putStaleTtl(octets: Uint8Array, at: Octets): void {
  octets.fill(0, at, at + 3)
  octets[at + 3] = STALE_TTL
}

function extendedError(code: number): NonNullable<Answer['ede']> {
  return { code, option: encodeEde(code, '') }
}

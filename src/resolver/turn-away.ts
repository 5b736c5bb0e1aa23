import type { Milliseconds, Seconds } from '../base/units.js'
import type { Answer } from '../dns/message/answer.js'
import { READ } from '../dns/message/query.js'
import { EDE } from '../dns/registry/ede.js'
import { RCODE } from '../dns/registry/rcode.js'
import { edeOption, writeError, writeNegative } from '../dns/reply/reply.js'
import type { Policy } from '../policy/evaluate/policy.js'
import type { Lookup } from './lookup.js'
import type { NotifyDoor } from './notify-door.js'
import { SILENCE } from './responder.js'
import type { Witness } from './witness.js'

const STRANGER = edeOption(EDE.PROHIBITED, 'client is in no network served here')

const INSIDE = edeOption(EDE.BLOCKED, 'private address for a public name')
/** As that of a ban, so that an exemption is felt. */
const INSIDE_TTL: Seconds = 60

/**
 * For a message that is no query to answer. No name was looked up, so nothing is recorded.
 *
 * @param reading one of `READ`
 * @param notify undefined: nobody has zones for us
 * @param client four words at `clientAt`
 */
export function turnAway(
  lookup: Lookup,
  reading: number,
  notify: NotifyDoor | undefined,
  client: Uint32Array,
  clientAt: number
): number {
  const { octets, query, limit, cookieRcode } = lookup
  switch (reading) {
    case READ.formerr:
      return writeError(octets, query, limit, RCODE.FORMERR, undefined)
    case READ.notimp:
      return (
        notify?.answer(lookup, client, clientAt) ??
        writeError(octets, query, limit, RCODE.NOTIMP, undefined)
      )
    case READ.badvers:
      return writeError(octets, query, limit, RCODE.BADVERS, undefined)
    case READ.refused:
      return writeError(octets, query, limit, RCODE.REFUSED, undefined)
    case READ.cookie:
      return writeError(octets, query, limit, cookieRcode, undefined)
    default:
      return SILENCE
  }
}

/** For a client in no network. */
export function refuseStranger(lookup: Lookup, witness: Witness): number {
  const { octets, query, limit } = lookup
  const length = writeError(octets, query, limit, RCODE.REFUSED, STRANGER)
  witness.refused(lookup, RCODE.REFUSED, EDE.PROHIBITED)
  return length
}

/** Instead of an answer that leads inside, which is none: the name may be good for other types. */
export function guardInside(
  lookup: Lookup,
  { snapshot }: Policy,
  witness: Witness,
  answer: Answer,
  took: Milliseconds
): number {
  const { octets, query, limit } = lookup
  const { NOERROR } = RCODE
  const serial = snapshot.generation
  const length = writeNegative(octets, query, limit, NOERROR, 0, INSIDE_TTL, serial, INSIDE)
  witness.guarded(lookup, answer, EDE.BLOCKED, took)
  return length
}

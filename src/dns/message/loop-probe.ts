import type { Octets } from '../../base/units.js'
import { MAX_NAME, type HashedName } from '../name/hashed-name.js'
import { RCODE } from '../registry/rcode.js'
import { answersQuestion } from './answers-question.js'

/** Octets of the key and of a token, as hexadecimal digits in one label. */
const HEX_DIGITS: Octets = 16
/** The first label: the key, which is the same for all, and the token of one. */
const TOKEN_LABEL_LENGTH: Octets = 2 * HEX_DIGITS
/** The second label: what people find in the logs of an upstream. */
const PROBE_LABEL = Buffer.from('interdict-loop-probe')

/**
 * Names by which a gateway knows a question of its own when that comes back to it. Who has not seen
 * one cannot make one up: key and token have 64 random bits each.
 */
export class LoopProbes {
  private readonly key: Uint8Array

  /** @param key 16 hexadecimal digits, random, small letters */
  constructor(key: string) {
    this.key = Buffer.from(key, 'latin1')
  }

  /**
   * A name below `domain` in wire form, or undefined where there is no room for one.
   *
   * @param token 16 hexadecimal digits, small letters
   * @param domain in wire form, root label included
   */
  probeName(token: string, domain: Uint8Array): Uint8Array | undefined {
    const name = Uint8Array.of(
      TOKEN_LABEL_LENGTH,
      ...this.key,
      ...Buffer.from(token, 'latin1'),
      PROBE_LABEL.length,
      ...PROBE_LABEL,
      ...domain
    )
    return name.length > MAX_NAME ? undefined : name
  }

  /** The token of a name that `nameOf` made, in any letter case; undefined: it made none such. */
  findToken({ octets, length }: HashedName): string | undefined {
    if (octets[0] !== TOKEN_LABEL_LENGTH || length <= TOKEN_LABEL_LENGTH + 1) return undefined
    const { key } = this
    for (let i = 0; i < HEX_DIGITS; i++) if (octets[1 + i] !== key[i]) return undefined
    return Buffer.from(octets.subarray(1 + HEX_DIGITS, 1 + TOKEN_LABEL_LENGTH)).toString('latin1')
  }
}

/** What an upstream said to a probe. */
export const PROBE_RESULT = { none: 0, good: 1, bad: 2 } as const

/**
 * Reads the message in `octets[start, end)` as the response to a probe, one of `PROBE_RESULT`: good
 * where somebody knows that the name does not exist, or says that it does; bad where nobody could
 * be asked, or would answer; none where it is no response to this question.
 */
export function decodeProbeResponse(
  octets: Uint8Array,
  start: Octets,
  end: Octets,
  id: number,
  question: Uint8Array
): number {
  if (!answersQuestion(octets, start, end, id, question)) return PROBE_RESULT.none
  const rcode = octets[start + 3]! & 0x0f
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN ? PROBE_RESULT.good : PROBE_RESULT.bad
}

import type { Octets } from '../../../base/units.js'
import { MAX_NAME, type HashedName } from '../name/hashed-name.js'
import { RCODE } from '../registry/rcode.js'
import { answersQuestion } from './answers-question.js'
import type { Code } from '../../../base/code.js'

/** Length of the key and of a token, in hexadecimal digits. */
const HEX_DIGITS: Octets = 16
/** Length of the first label: the key, common to all probes, and the token of this one. */
const TOKEN_LABEL_LENGTH: Octets = 2 * HEX_DIGITS
/** The second label, which explains the query in the logs of an upstream. */
const PROBE_LABEL = Buffer.from('interdict-loop-probe')

/**
 * Probe names by which a gateway recognizes its own query when a forwarding loop returns it. They
 * cannot be forged without having seen one: key and token have 64 random bits each.
 */
export class LoopProbes {
  private readonly key: Uint8Array

  /** @param key 16 random hexadecimal digits in lower case */
  constructor(key: string) {
    this.key = Buffer.from(key, 'latin1')
  }

  /**
   * A probe name below `domain` in wire form; undefined if it would be too long.
   *
   * @param token 16 hexadecimal digits in lower case
   * @param domain in wire form, including the root label
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

  /** The token in a name made by `probeName`, in any letter case; undefined for other names. */
  findToken({ octets, length }: HashedName): string | undefined {
    if (octets[0] !== TOKEN_LABEL_LENGTH || length <= TOKEN_LABEL_LENGTH + 1) return undefined
    const { key } = this
    for (let i = 0; i < HEX_DIGITS; i++) if (octets[1 + i] !== key[i]) return undefined
    return Buffer.from(octets.subarray(1 + HEX_DIGITS, 1 + TOKEN_LABEL_LENGTH)).toString('latin1')
  }
}

export type LoopProbeResult = Code<'loop probe result'>

/** Result of a probe. */
export const PROBE_RESULT = {
  none: 0 as LoopProbeResult,
  good: 1 as LoopProbeResult,
  bad: 2 as LoopProbeResult
} as const

/**
 * Decodes `octets[start, end)` as the response to a probe. Good for
 * NOERROR or NXDOMAIN, bad for any other RCODE, none if it is not a response to this question.
 */
export function decodeProbeResponse(
  octets: Uint8Array,
  start: Octets,
  end: Octets,
  id: number,
  question: Uint8Array
): LoopProbeResult {
  if (!answersQuestion(octets, start, end, id, question)) return PROBE_RESULT.none
  const rcode = octets[start + 3]! & 0x0f
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN ? PROBE_RESULT.good : PROBE_RESULT.bad
}

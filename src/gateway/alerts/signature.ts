import { createHmac } from 'node:crypto'
import type { Seconds } from '../../base/units.js'

export const SIGNATURE_HEADER = 'interdict-signature'

/**
 * The value of `Interdict-Signature`: `t=`, when it was made, and `v1=`, HMAC-SHA256 (RFC 2104) of that time,
 * a dot and the body, in hexadecimal. The time is signed so that receivers can refuse what was recorded.
 *
 * @param time epoch seconds
 */
export function signatureOf(secret: Uint8Array, time: Seconds, body: string): string {
  const mac = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')
  return `t=${time},v1=${mac}`
}

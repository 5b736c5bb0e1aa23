import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Octets } from '../../base/units.js'

/** Sizes of AES-256-GCM. NIST SP 800-38D §5.2.1 */
const KEY_SIZE: Octets = 32
const IV_SIZE: Octets = 12
const TAG_SIZE: Octets = 16

/**
 * Encrypts and signs values that a browser keeps for us, with a key of this process: AES-256-GCM. Nothing has to
 * be stored for a login that nobody finishes.
 */
export class Sealer {
  private readonly key = randomBytes(KEY_SIZE)

  /** @returns base64url */
  seal(value: unknown): string {
    const iv = randomBytes(IV_SIZE)
    const cipher = createCipheriv('aes-256-gcm', this.key, iv)
    const text = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url')
  }

  /** @returns undefined: it was not sealed by this process */
  open(sealed: string): unknown {
    const octets = Buffer.from(sealed, 'base64url')
    const text = IV_SIZE + TAG_SIZE
    if (octets.length <= text) return undefined
    const iv = octets.subarray(0, IV_SIZE)
    const decipher = createDecipheriv('aes-256-gcm', this.key, iv, { authTagLength: TAG_SIZE })
    decipher.setAuthTag(octets.subarray(IV_SIZE, text))
    try {
      const plain = Buffer.concat([decipher.update(octets.subarray(text)), decipher.final()])
      return JSON.parse(plain.toString())
    } catch {
      return undefined
    }
  }
}

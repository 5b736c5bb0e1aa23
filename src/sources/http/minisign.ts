import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto'
import type { Octets } from '../../base/units.js'

/*
 * Signatures of minisign: https://jedisct1.github.io/minisign/, "Signature format" and "Public key
 * format". Ed25519 is RFC 8032.
 */

/** Octets of the letters that say how it is signed, of the key's number, and of what follows. */
const ALGORITHM: Octets = 2
const KEY_ID: Octets = 8
const KEY: Octets = 32
const SIGNATURE: Octets = 64
const HEAD = ALGORITHM + KEY_ID

/** DER of a public key of Ed25519, up to the key itself. RFC 8410 §4. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const TRUSTED = 'trusted comment: '

/** A signature is 4 lines, each of a few hundred letters. */
export const MAX_SIGNATURE: Octets = 16_384

/**
 * Whether a file is what the owner of a key has signed, and the trusted comment too.
 *
 * @param publicKey its second line, in Base64
 * @returns why it is not; undefined: it is
 */
export function signatureError(
  octets: Uint8Array,
  signature: string,
  publicKey: string
): string | undefined {
  const [, signed, comment = '', global, ...rest] = signature.split(/\r?\n/)
  if (!comment.startsWith(TRUSTED) || rest.some(line => line !== '')) return 'it is no signature'
  const own = Buffer.from(signed ?? '', 'base64')
  const whole = Buffer.from(global ?? '', 'base64')
  const key = Buffer.from(publicKey, 'base64')
  if (own.length !== HEAD + SIGNATURE || whole.length !== SIGNATURE) return 'it is no signature'
  if (key.length !== HEAD + KEY || algorithmOf(key) !== 'Ed') return 'the key is none of minisign'
  const id = own.subarray(ALGORITHM, HEAD)
  if (!id.equals(key.subarray(ALGORITHM, HEAD))) {
    return `it is signed with key ${showKeyId(id)}, not ${showKeyId(key.subarray(ALGORITHM, HEAD))}`
  }
  const content = signedContent(algorithmOf(own), octets)
  if (content === undefined) return `it is signed in the way ${algorithmOf(own)}, not ED or Ed`
  const signer = keyOf(key.subarray(HEAD))
  const proof = own.subarray(HEAD)
  if (!verify(null, content, signer, proof)) return 'the signature is not of this file'
  const said = Buffer.from(comment.slice(TRUSTED.length))
  if (!verify(null, Buffer.concat([proof, said]), signer, whole)) {
    return 'the trusted comment is not the one that was signed'
  }
  return undefined
}

/** `ED`: its BLAKE2b-512 is signed. `Ed`, of old: the file itself is. */
function signedContent(algorithm: string, octets: Uint8Array): Uint8Array | undefined {
  if (algorithm === 'ED') return createHash('blake2b512').update(octets).digest()
  return algorithm === 'Ed' ? octets : undefined
}

function keyOf(octets: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, octets]), format: 'der', type: 'spki' })
}

const algorithmOf = (octets: Buffer): string => octets.toString('latin1', 0, ALGORITHM)

/** As minisign shows it: the number is little-endian. */
const showKeyId = (id: Buffer): string => Buffer.from(id).reverse().toString('hex').toUpperCase()

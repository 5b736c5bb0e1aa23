import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto'
import type { Octets } from '../../base/units.js'

/*
 * Minisign signatures: https://jedisct1.github.io/minisign/, "Signature format" and "Public key
 * format". Ed25519: RFC 8032.
 */

/** Lengths of the algorithm, the key id, the key and the signature. */
const ALGORITHM: Octets = 2
const KEY_ID: Octets = 8
const KEY: Octets = 32
const SIGNATURE: Octets = 64
const HEAD = ALGORITHM + KEY_ID

/** DER prefix of an Ed25519 public key. RFC 8410 §4. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const TRUSTED = 'trusted comment: '

/** A signature has 4 lines of at most a few hundred characters. */
export const MAX_SIGNATURE: Octets = 16_384

/**
 * Verifies the signature of a file and its trusted comment.
 *
 * @param publicKey second line of the public key file, in Base64
 * @returns why the signature is invalid; undefined: it is valid
 */
export function signatureError(
  octets: Uint8Array,
  signature: string,
  publicKey: string
): string | undefined {
  const [, signed, comment = '', global, ...rest] = signature.split(/\r?\n/)
  if (!comment.startsWith(TRUSTED) || rest.some(line => line !== ''))
    return 'not a minisign signature'
  const own = Buffer.from(signed ?? '', 'base64')
  const whole = Buffer.from(global ?? '', 'base64')
  const key = Buffer.from(publicKey, 'base64')
  if (own.length !== HEAD + SIGNATURE || whole.length !== SIGNATURE)
    return 'not a minisign signature'
  if (key.length !== HEAD + KEY || algorithmOf(key) !== 'Ed') return 'not a minisign public key'
  const id = own.subarray(ALGORITHM, HEAD)
  if (!id.equals(key.subarray(ALGORITHM, HEAD))) {
    return `signed with key ${showKeyId(id)}, not ${showKeyId(key.subarray(ALGORITHM, HEAD))}`
  }
  const content = signedContent(algorithmOf(own), octets)
  if (content === undefined)
    return `unknown signature algorithm ${algorithmOf(own)}; expected ED or Ed`
  const signer = keyOf(key.subarray(HEAD))
  const proof = own.subarray(HEAD)
  if (!verify(null, content, signer, proof)) return 'the signature does not match the file'
  const said = Buffer.from(comment.slice(TRUSTED.length))
  if (!verify(null, Buffer.concat([proof, said]), signer, whole)) {
    return 'the trusted comment is not the signed one'
  }
  return undefined
}

/** `ED`: the BLAKE2b-512 hash is signed. `Ed`, the legacy format: the file itself is. */
function signedContent(algorithm: string, octets: Uint8Array): Uint8Array | undefined {
  if (algorithm === 'ED') return createHash('blake2b512').update(octets).digest()
  return algorithm === 'Ed' ? octets : undefined
}

function keyOf(octets: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, octets]), format: 'der', type: 'spki' })
}

const algorithmOf = (octets: Buffer): string => octets.toString('latin1', 0, ALGORITHM)

/** As shown by minisign: the id is little-endian. */
const showKeyId = (id: Buffer): string => Buffer.from(id).reverse().toString('hex').toUpperCase()

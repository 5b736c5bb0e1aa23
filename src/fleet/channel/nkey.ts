import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'

/**
 * Keys of NATS as text ("nkeys"): an Ed25519 key with a prefix and a CRC-16, in base32 (RFC 4648 §6) without
 * padding. Converted to keys of Node, whose signatures cost a fiftieth of those in JavaScript.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const KEY_LENGTH = 32
/** One octet of prefix, the key, two octets of CRC. */
const PUBLIC = /^U[A-Z2-7]{55}$/
/** Two octets of prefix, the seed, two octets of CRC. */
const SEED = /^SU[A-Z2-7]{56}$/
/** DER before the key: RFC 8410 §4, §7. */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** True for the public key of an account, as text. */
export const isAccountKey = (text: string): boolean => /^A[A-Z2-7]{55}$/.test(text)

/** The public key of a user; undefined: the text is not one. */
export function userKey(text: string): KeyObject | undefined {
  if (!PUBLIC.test(text)) return undefined
  const key = Buffer.concat([SPKI, decodeBase32(text).subarray(1, 1 + KEY_LENGTH)])
  return createPublicKey({ key, format: 'der', type: 'spki' })
}

/** The private key of a user; undefined: the text is not the seed of one. */
export function userSeed(text: string): KeyObject | undefined {
  if (!SEED.test(text)) return undefined
  const key = Buffer.concat([PKCS8, decodeBase32(text).subarray(2, 2 + KEY_LENGTH)])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

function decodeBase32(text: string): Buffer {
  const octets = Buffer.alloc(Math.floor((text.length * 5) / 8))
  let bits = 0
  let value = 0
  let at = 0
  for (const char of text) {
    value = ((value << 5) | ALPHABET.indexOf(char)) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    octets[at++] = (value >> bits) & 0xff
  }
  return octets
}

import { generateKeyPairSync, createHash, sign, type KeyObject } from 'node:crypto'

/** A key of a test zone. */
export interface ZoneKey {
  readonly algorithm: number
  readonly privateKey: KeyObject
  /** RDATA of its DNSKEY. */
  readonly rdata: Uint8Array
  readonly tag: number
}

const CURVES = { 13: 'P-256', 14: 'P-384' } as const
const HASHES: Readonly<Record<number, string>> = {
  8: 'sha256',
  10: 'sha512',
  13: 'sha256',
  14: 'sha384'
}

/** @param flags 256 (ZSK) or 257 (KSK); others for malformed keys */
export function newKey(algorithm = 13, flags = 257): ZoneKey {
  const { privateKey, octets } = generate(algorithm)
  return keyFrom(algorithm, privateKey, octets, flags)
}

/** A key with the tag of another: its RDATA differs, and no signature of the other verifies. */
export function withTag(like: ZoneKey, number: number): Uint8Array {
  const { rdata } = like
  const forged = Uint8Array.from(rdata)
  // The tag is a sum of 16-bit words: what is added to one is taken from another.
  const at = 4 + 2 * (number % 8)
  const other = at + 16
  const step = 1 + Math.floor(number / 8)
  for (const [pos, change] of [
    [at, step],
    [other, -step]
  ] as const) {
    const word = ((forged[pos]! << 8) | forged[pos + 1]!) + change
    if (word < 0 || word > 0xffff) return withTag(like, number + 64)
    forged[pos] = word >> 8
    forged[pos + 1] = word & 0xff
  }
  return forged
}

function generate(algorithm: number): { privateKey: KeyObject; octets: Uint8Array } {
  if (algorithm === 8 || algorithm === 10) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const { n, e } = publicKey.export({ format: 'jwk' })
    const exponent = fromBase64(e)
    return { privateKey, octets: Uint8Array.of(exponent.length, ...exponent, ...fromBase64(n)) }
  }
  if (algorithm === 13 || algorithm === 14) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: CURVES[algorithm] })
    const { x, y } = publicKey.export({ format: 'jwk' })
    return { privateKey, octets: Uint8Array.of(...fromBase64(x), ...fromBase64(y)) }
  }
  const { privateKey, publicKey } =
    algorithm === 16 ? generateKeyPairSync('ed448') : generateKeyPairSync('ed25519')
  return { privateKey, octets: fromBase64(publicKey.export({ format: 'jwk' }).x) }
}

function keyFrom(
  algorithm: number,
  privateKey: KeyObject,
  octets: Uint8Array,
  flags: number
): ZoneKey {
  const rdata = Uint8Array.of(flags >> 8, flags & 0xff, 3, algorithm, ...octets)
  return { algorithm, privateKey, rdata, tag: tagOf(rdata) }
}

function tagOf(rdata: Uint8Array): number {
  let sum = 0
  for (const [i, octet] of rdata.entries()) sum += i & 1 ? octet : octet * 256
  return (sum + Math.floor(sum / 65_536)) % 65_536
}

export function signWith({ algorithm, privateKey }: ZoneKey, data: Uint8Array): Uint8Array {
  const hash = HASHES[algorithm]
  const key =
    algorithm === 13 || algorithm === 14
      ? { key: privateKey, dsaEncoding: 'ieee-p1363' as const }
      : privateKey
  return sign(hash, data, key)
}

/** RDATA of the DS of a key. */
export function dsRdata(
  zone: Uint8Array,
  { rdata, tag, algorithm }: ZoneKey,
  digest = 2
): Uint8Array {
  const hash = digest === 4 ? 'sha384' : digest === 1 ? 'sha1' : 'sha256'
  const octets = createHash(hash).update(zone).update(rdata).digest()
  return Uint8Array.of(tag >> 8, tag & 0xff, algorithm, digest, ...octets)
}

function fromBase64(text: string | undefined): Uint8Array {
  return Buffer.from(text!, 'base64url')
}

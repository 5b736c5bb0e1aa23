import type { KeyObject } from 'node:crypto'
import { hasSigned, signOctets, type KeySignature } from '../../../base/files/ed25519.js'
import type { Octets } from '../../../base/units.js'

/** A mandate as it is signed, and the signatures at its end. */
export interface SignedText {
  /** The signed part: the file up to its first signature. */
  readonly text: Uint8Array
  readonly signatures: readonly MandateSignature[]
}

export interface MandateSignature extends KeySignature {
  /** Counted from 1. */
  readonly line: number
}

/** Prefix of the signed octets. It makes signatures for other purposes invalid here. */
export const MANDATE_MAGIC = 'interdict-mandate 1\n'
/** A YAML comment, so that every YAML parser can still read the signed file. */
const SIGNATURE = /^# signature: ([A-Za-z0-9+/]{59}=) ([A-Za-z0-9+/]{86}==)\r?$/
const LINE_FEED = 0x0a

/** Splits a file into the signed part and the signatures after it. */
export function splitSigned(file: Uint8Array): SignedText {
  const octets = Buffer.from(file.buffer, file.byteOffset, file.length)
  const signatures: Omit<MandateSignature, 'line'>[] = []
  let end: Octets = octets.length
  while (end > 0) {
    const last = octets[end - 1] === LINE_FEED ? end - 1 : end
    const start = last === 0 ? 0 : octets.lastIndexOf(LINE_FEED, last - 1) + 1
    const [, key, signature] = SIGNATURE.exec(octets.toString('latin1', start, last)) ?? []
    if (key === undefined || signature === undefined) break
    signatures.unshift({ key, signature })
    end = start
  }
  const text = octets.subarray(0, end)
  const lines = text.reduce((sum, octet) => sum + Number(octet === LINE_FEED), 0)
  return { text, signatures: signatures.map((one, i) => ({ ...one, line: lines + i + 1 })) }
}

/** Adds a signature to a file; replaces one by the same key. */
export function withMandateSignature(file: Uint8Array, key: KeyObject): Uint8Array {
  const { text: unsigned, signatures } = splitSigned(file)
  const isWhole = unsigned.at(-1) === LINE_FEED
  const text = isWhole ? unsigned : Buffer.concat([unsigned, Buffer.from('\n')])
  const own = signOctets(signedOctets(text), key)
  // Signatures of an earlier text are useless.
  const others = signatures.filter(one => one.key !== own.key && isSignedBy(text, one))
  const lines = [...others, own].map(one => `# signature: ${one.key} ${one.signature}\n`)
  return Buffer.concat([text, Buffer.from(lines.join(''))])
}

/** True if the key has signed this text. */
export const isSignedBy = (text: Uint8Array, signature: MandateSignature): boolean =>
  hasSigned(signature, signedOctets(text))

const signedOctets = (text: Uint8Array): Uint8Array =>
  Buffer.concat([Buffer.from(MANDATE_MAGIC), text])

import { verify, type KeyObject } from 'node:crypto'

/** A statement signed by the hub that a line of a chain existed at a time. */
export interface Countersignature {
  /** RFC 3339, by the clock of the hub. */
  readonly at: string
  /** Ed25519, base64. */
  readonly signature: string
}

type Line = { readonly n: number; readonly sha256: string }

/** The text that the hub signs. The first line separates these signatures from those for other purposes. */
export function countersignedOctets(gateway: string, { n, sha256 }: Line, at: string): Buffer {
  return Buffer.from(`interdict witness 1\n${gateway} ${n} ${sha256} ${at}`)
}

export function isCountersigned(
  gateway: string,
  line: Line,
  { at, signature }: Countersignature,
  key: KeyObject
): boolean {
  const octets = countersignedOctets(gateway, line, at)
  return verify(null, octets, key, Buffer.from(signature, 'base64'))
}

import type { Octets } from '../../base/units.js'

/*
 * Names in lower-cased wire form, as `readName` and `decompressName` make them, in the order and with the
 * relations that DNSSEC needs.
 */

/** The root name. */
export const ROOT_NAME = Uint8Array.of(0)
const ASTERISK = 0x2a
/** The label `*`, with its length. */
const WILDCARD_LABEL = Uint8Array.of(1, ASTERISK)

/** Positions of the labels of a name, leftmost first, without the root label. */
export function labelStarts(name: Uint8Array): Octets[] {
  const starts: Octets[] = []
  for (let at = 0; name[at] !== 0; at += 1 + name[at]!) starts.push(at)
  return starts
}

export function countLabels(name: Uint8Array): number {
  return labelStarts(name).length
}

export function isWildcard(name: Uint8Array): boolean {
  return name[0] === 1 && name[1] === ASTERISK
}

/** The number of labels as in RRSIG: neither the root label nor a leftmost `*` counts. RFC 4034 §3.1.3. */
export function countSignedLabels(name: Uint8Array): number {
  return countLabels(name) - (isWildcard(name) ? 1 : 0)
}

/** The name without its first label. Undefined for the root. */
export function parentOf(name: Uint8Array): Uint8Array | undefined {
  return name[0] === 0 ? undefined : name.subarray(1 + name[0]!)
}

/** The ancestor of a name, or the name itself, that has so many labels. */
export function ancestorWith(name: Uint8Array, labels: number): Uint8Array {
  const starts = labelStarts(name)
  return labels === 0 ? ROOT_NAME : name.subarray(starts[starts.length - labels])
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** Whether `name` is `zone` or a subdomain of it. */
export function isAtOrBelow(name: Uint8Array, zone: Uint8Array): boolean {
  let at = 0
  while (name.length - at > zone.length) at += 1 + name[at]!
  return name.length - at === zone.length && isSame(name.subarray(at), zone)
}

export function isBelow(name: Uint8Array, zone: Uint8Array): boolean {
  return name.length > zone.length && isAtOrBelow(name, zone)
}

/** The name of the wildcard directly below `name`. Undefined: it would be too long. */
export function wildcardBelow(name: Uint8Array): Uint8Array | undefined {
  return name.length + WILDCARD_LABEL.length > 255
    ? undefined
    : Uint8Array.of(...WILDCARD_LABEL, ...name)
}

/**
 * Compares names in canonical order: label by label from the right, each as octets. RFC 4034 §6.1.
 *
 * @returns negative: `a` is first
 */
export function compareNames(a: Uint8Array, b: Uint8Array): number {
  const [startsA, startsB] = [labelStarts(a), labelStarts(b)]
  const shared = Math.min(startsA.length, startsB.length)
  for (let i = 1; i <= shared; i++) {
    const order = Buffer.compare(
      labelAt(a, startsA[startsA.length - i]!),
      labelAt(b, startsB[startsB.length - i]!)
    )
    if (order !== 0) return order
  }
  return startsA.length - startsB.length
}

/** The longest name that is an ancestor of both names, or one of them. */
export function commonAncestor(a: Uint8Array, b: Uint8Array): Uint8Array {
  let name = a
  while (!isAtOrBelow(b, name)) name = name.subarray(1 + name[0]!)
  return name
}

function labelAt(name: Uint8Array, at: Octets): Uint8Array {
  return name.subarray(at + 1, at + 1 + name[at]!)
}

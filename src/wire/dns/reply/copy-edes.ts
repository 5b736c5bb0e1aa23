import type { Octets } from '../../../base/units.js'
import type { Answer } from '../records/answer.js'
import { OPTION_BIT, type Query } from '../message/query.js'
import { OPTION_HEADER_SIZE } from '../registry/sizes.js'
import { EDE_FIXED_SIZE, OPTION_EDE, optionSizeAt } from '../edns/ede-option.js'
import { withoutForged, withoutTexts } from '../edns/structured-error.js'

/**
 * Copies extended errors, as encoded by `encodeEde`, to `at`: all of them if they end before `most`,
 * otherwise a structured error without its texts, or as many as fit without EXTRA-TEXT.
 *
 * @returns the number of octets written
 */
export function copyEdes(octets: Uint8Array, at: Octets, most: Octets, edes: Uint8Array): Octets {
  if (at + edes.length <= most) {
    octets.set(edes, at)
    return edes.length
  }
  return copyShortened(octets, at, most, edes)
}

function copyShortened(octets: Uint8Array, at: Octets, most: Octets, edes: Uint8Array): Octets {
  const shorter = withoutTexts(edes)
  if (shorter !== undefined && at + shorter.length <= most) {
    octets.set(shorter, at)
    return shorter.length
  }
  let to = at
  for (
    let from = 0;
    from < edes.length && to + EDE_FIXED_SIZE <= most;
    from += optionSizeAt(edes, from)
  ) {
    octets.set(
      [0, OPTION_EDE, 0, EDE_FIXED_SIZE - OPTION_HEADER_SIZE, edes[from + 4]!, edes[from + 5]!],
      to
    )
    to += EDE_FIXED_SIZE
  }
  return to - at
}

/**
 * The extended errors of an upstream as a client gets them. draft-ietf-dnsop-structured-dns-error §5.2: one
 * that asks for structured errors gets no "Forged Answer".
 */
export function edesFor({ options }: Query, ede: NonNullable<Answer['ede']>): Uint8Array {
  return (options & OPTION_BIT.structured) === 0 ? ede.option : withoutForged(ede.option)
}

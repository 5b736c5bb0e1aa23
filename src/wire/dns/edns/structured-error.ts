import type { Octets } from '../../../base/units.js'
import { EDE } from '../registry/ede.js'
import { EDE_FIXED_SIZE, OPTION_EDE, optionSizeAt } from './ede-option.js'

/*
 * Structured DNS errors: JSON in the EXTRA-TEXT of an extended error, for clients that ask for it.
 * draft-ietf-dnsop-structured-dns-error, "Structured Error Data for Filtered DNS".
 */

/** What is known of a blocked name. §4. */
export interface StructuredError {
  /** Contact URIs. */
  readonly contact: readonly string[]
  readonly justification: string
  readonly subError?: number | undefined
  readonly organization?: string | undefined
  /** Of justification and organization: RFC 5646 §2.1. */
  readonly language: string
  /** An entry of a filtering database. draft-nottingham-public-resolver-errors-02 §2.1. */
  readonly database?: { readonly operator: string; readonly id: string } | undefined
}

/**
 * Encodes an extended error as a complete option: OPTION-CODE 15, OPTION-LENGTH, INFO-CODE, and minified
 * JSON in UTF-8. §4: fields without content are left out, and `l` is there, since `j` is.
 */
export function encodeStructuredEde(code: number, error: StructuredError): Uint8Array {
  const { contact, justification, subError, organization, language, database } = error
  return encode(code, {
    c: contact.length > 0 ? contact : undefined,
    j: justification,
    s: subError,
    o: organization,
    l: language,
    fdbs: database && [{ db: database.operator, id: database.id }]
  })
}

/**
 * The same structured error without justification and organization, which a server leaves out first if
 * a reply would become too long (§5.2). Without a contact or a sub-error clients would discard the rest
 * (§5.3).
 *
 * @param option as encoded by `encodeStructuredEde`, or any other extended error
 * @returns undefined if it is not structured, or if nothing useful remains
 */
export function withoutTexts(option: Uint8Array): Uint8Array | undefined {
  if (option[EDE_FIXED_SIZE] !== '{'.charCodeAt(0)) return undefined
  try {
    const text = new TextDecoder().decode(option.subarray(EDE_FIXED_SIZE))
    const { c, s, fdbs } = JSON.parse(text) as Record<string, unknown>
    if (c === undefined && s === undefined) return undefined
    return encode((option[4]! << 8) | option[5]!, { c, s, fdbs })
  } catch {
    // Not JSON, or several options.
    return undefined
  }
}

/**
 * Extended errors without "Forged Answer", which clients that ask for structured errors must not get (§5.2).
 *
 * @param edes one or several options, as encoded by `encodeEde`
 */
export function withoutForged(edes: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = []
  let isForged = false
  for (let at: Octets = 0; at < edes.length;) {
    const end = at + optionSizeAt(edes, at)
    if (((edes[at + 4]! << 8) | edes[at + 5]!) === EDE.FORGED_ANSWER) isForged = true
    else kept.push(edes.subarray(at, end))
    at = end
  }
  return isForged ? Uint8Array.from(Buffer.concat(kept)) : edes
}

function encode(code: number, fields: Readonly<Record<string, unknown>>): Uint8Array {
  const text = Buffer.from(JSON.stringify(fields))
  const option = new Uint8Array(EDE_FIXED_SIZE + text.length)
  const length = 2 + text.length
  option.set([0, OPTION_EDE, length >> 8, length, code >> 8, code])
  option.set(text, EDE_FIXED_SIZE)
  return option
}

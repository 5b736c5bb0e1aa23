import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import { sha256Of } from '../../../base/bytes/sha256.js'
import type { PublicKey } from '../../../base/files/ed25519.js'
import type { Seconds } from '../../../base/units.js'
import { compareByPosition, readYaml } from '../../yaml/read.js'
import { Location } from '../model/location.js'
import { mandateSchema, type MandateEntry } from '../schema/mandate-schema.js'
import { Dates } from '../time/dates.js'
import type { Mandate, Mandated, MandatedBan } from './mandate.js'
import { isSignedBy, splitSigned, type SignedText } from './signed-text.js'

export type MandateResult =
  | {
      readonly ok: true
      readonly mandate: Mandate
      readonly warnings: readonly InterdictError[]
    }
  | { readonly ok: false; readonly errors: readonly InterdictError[] }

/**
 * Reads a mandate, and returns all errors at once: of its text, and of its signatures. Never throws.
 *
 * @param shown its name in messages
 * @param trusted keys, one of which must have signed it; undefined: all keys that signed it are returned as signers
 * @param now for warnings about dates
 */
export function readMandate(
  file: Uint8Array,
  shown: string,
  trusted: readonly PublicKey[] | undefined,
  now: Seconds
): MandateResult {
  const signed = splitSigned(file)
  const errors = signatureErrors(signed, shown, trusted)
  const read = readYaml(signed.text, shown, mandateSchema)
  if (!read.ok) return { ok: false, errors: [...read.errors, ...errors].sort(compareByPosition) }
  const warnings: InterdictError[] = []
  const top = new Location(read, shown, errors, warnings)
  const signers = signed.signatures.map(({ key }) => key)
  const mandate = mandateOf(read.value, top, now, {
    sha256: sha256Of(signed.text),
    signers: trusted === undefined ? signers : signers.filter(key => trusted.includes(key))
  })
  if (errors.length > 0) return { ok: false, errors: errors.sort(compareByPosition) }
  return { ok: true, mandate, warnings }
}

function signatureErrors(
  { text, signatures }: SignedText,
  file: string,
  trusted: readonly PublicKey[] | undefined
): InterdictError[] {
  const errors: InterdictError[] = signatures
    .filter(one => !isSignedBy(text, one))
    .map(({ key, line }) => failureAt({ file, line, column: 1 }, 'MANDATE_SIGNATURE', key))
  if (trusted !== undefined && !signatures.some(({ key }) => trusted.includes(key)))
    errors.push(failureAt({ file, line: 1, column: 1 }, 'MANDATE_UNSIGNED'))
  return errors
}

function mandateOf(
  entry: MandateEntry,
  top: Location,
  now: Seconds,
  signature: Pick<Mandate, 'sha256' | 'signers'>
): Mandate {
  const { mandate: id, authority, reference, 'time-zone': timeZone, bans } = entry
  const dates = new Dates(timeZone, now)
  return {
    id,
    issued: dates.instant(entry.issued, 'issued', top) ?? 0,
    authority,
    reference: reference.title,
    referenceUrl: reference.url,
    timeZone,
    position: top.at('mandate').messagePosition,
    ...signature,
    bans: bans.map((ban, i) => banOf(ban, top.at('bans', i), dates))
  }
}

function banOf(entry: MandateEntry['bans'][number], at: Location, dates: Dates): MandatedBan {
  const { networks } = entry
  const list = <T>(key: string, values: readonly T[]): readonly Mandated<T>[] =>
    values.map((value, i) => ({ value, position: at.at(key, i).messagePosition }))
  return {
    ...dates.term(entry, at),
    position: at.messagePosition,
    apps: list('apps', entry.apps),
    names: list('names', entry.names),
    except: entry.except,
    networks: networks === 'all' ? networks : list('networks', networks),
    prefixes: list('prefixes', entry.prefixes),
    allowsExceptions: entry.exceptions === 'allowed'
  }
}

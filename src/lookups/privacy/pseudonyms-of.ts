import type { Address } from '../../base/values/address.js'
import type { Milliseconds } from '../../base/units.js'
import type { PeriodKey } from './key-folder.js'
import { endOf, startOf, type Period } from './key-period.js'
import { devicePseudonymOf, prefixPreservingPseudonymOf, pseudonymOf } from './pseudonym.js'

/**
 * The pseudonyms of an address in the records of one UTC day or month: `time` starts with `period`.
 */
export interface Pseudonyms {
  readonly period: Period
  readonly plain: string
  /** Used in records written while `privacy.preserve-prefix` was set. */
  readonly prefixPreserving: string
}

/**
 * The pseudonyms of an address, or of the name of a device, under every stored key used within `[since, until)`. Both kinds for
 * each key, because the settings may have differed at that time. A prefix-preserving pseudonym
 * identifies the address only in records of its own period.
 */
export function pseudonymsOf(
  client: Address | string,
  keys: readonly PeriodKey[],
  { since, until }: { readonly since: Milliseconds; readonly until: Milliseconds }
): Pseudonyms[] {
  return keys
    .filter(({ period }) => startOf(period) < until && since < endOf(period))
    .map(({ period, secret }) => ({
      period,
      ...(typeof client === 'string'
        ? ofDevice(devicePseudonymOf(client, secret))
        : {
            plain: pseudonymOf(client, secret),
            prefixPreserving: prefixPreservingPseudonymOf(client, secret)
          })
    }))
}

/** A name has no prefix, so there is one kind. */
function ofDevice(pseudonym: string): Pick<Pseudonyms, 'plain' | 'prefixPreserving'> {
  return { plain: pseudonym, prefixPreserving: pseudonym }
}

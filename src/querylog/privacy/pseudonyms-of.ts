import type { Address } from '../../base/address.js'
import type { Milliseconds } from '../../base/units.js'
import type { PeriodKey } from './key-folder.js'
import { endOf, startOf, type Period } from './period.js'
import { prefixPreservingPseudonymOf, pseudonymOf } from './pseudonym.js'

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
 * The pseudonyms of an address under every stored key used within `[since, until)`. Both kinds for
 * each key, because the settings may have differed at that time. A prefix-preserving pseudonym
 * identifies the address only in records of its own period.
 */
export function pseudonymsOf(
  address: Address,
  keys: readonly PeriodKey[],
  { since, until }: { readonly since: Milliseconds; readonly until: Milliseconds }
): Pseudonyms[] {
  return keys
    .filter(({ period }) => startOf(period) < until && since < endOf(period))
    .map(({ period, secret }) => ({
      period,
      plain: pseudonymOf(address, secret),
      prefixPreserving: prefixPreservingPseudonymOf(address, secret)
    }))
}

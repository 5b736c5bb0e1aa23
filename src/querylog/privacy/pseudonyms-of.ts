import type { Address } from '../../base/address.js'
import type { Milliseconds } from '../../base/units.js'
import type { PeriodKey } from './key-folder.js'
import { endOf, startOf, type Period } from './period.js'
import { prefixPreservingPseudonymOf, pseudonymOf } from './pseudonym.js'

/** What an address is called in records of one UTC day or month: `time` begins with `period`. */
export interface Pseudonyms {
  readonly period: Period
  readonly plain: string
  /** Where `privacy.preserve-prefix` was set at that time. */
  readonly prefixPreserving: string
}

/**
 * What an address is called in the log, by each key that is kept and was in use within `[since,
 * until)`. Both ways of each key: the settings may have been others at that time. A pseudonym that
 * preserves prefixes means the address only in records of its own period.
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

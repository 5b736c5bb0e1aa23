import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { readAddress, showAddress } from '../../base/values/address.js'
import type { FindDevice } from '../../analysis/report/device-text.js'
import { whoHad } from '../../lookups/bindings/who.js'

/** By how much the clocks of feeds may be wrong. */
const SKEW: Milliseconds = 5 * MS_PER_SECOND

/** Finds devices in the history of bindings beside a query log. */
export function deviceFinder(folder: string): FindDevice {
  // A prefix or a pseudonym is not an address, and the history has no device of it.
  return (address, at) =>
    canonicalAddress(address) === undefined
      ? Promise.resolve({ status: 'unknown', reason: 'none' })
      : whoHad(folder, address, at, SKEW).catch((error: unknown) => {
          throw failure('BINDINGS_READ', folder, reasonOf(error, folder))
        })
}

/** An address as findings have it; undefined: it is a prefix, or a pseudonym. */
export function canonicalAddress(text: string): string | undefined {
  try {
    return showAddress(readAddress(text))
  } catch {
    return undefined
  }
}

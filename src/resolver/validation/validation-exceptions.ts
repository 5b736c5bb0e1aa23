import type { Seconds } from '../../base/units.js'
import type { UnvalidatedName } from '../../policy/tables/snapshot.js'
import { isAtOrBelow } from '../../wire/dnssec/canonical-name.js'

/** Negative trust anchors: zones that are not validated for a while, since their operators have broken them. RFC 7646. */
export class ValidationExceptions {
  private readonly names: readonly UnvalidatedName[]

  constructor(names: readonly UnvalidatedName[]) {
    this.names = names.toSorted((a, b) => b.name.length - a.name.length)
  }

  /**
   * The nearest one in force at or above a name. One above a trust anchor does not concern what is below that anchor: it was
   * configured on purpose. RFC 7646 §2.1.
   */
  find(name: Uint8Array, anchor: Uint8Array, now: Seconds): UnvalidatedName | undefined {
    return this.names.find(
      one =>
        one.from <= now &&
        now < one.until &&
        isAtOrBelow(name, one.name) &&
        isAtOrBelow(one.name, anchor)
    )
  }
}

export const NO_EXCEPTIONS = new ValidationExceptions([])

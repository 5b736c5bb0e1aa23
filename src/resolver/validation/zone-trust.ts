import type { Seconds } from '../../base/units.js'
import type { Dnskey } from '../../wire/dnssec/dnskey.js'
import type { ChainStep, Finding } from './verdict.js'

/** A zone whose keys are known by a chain from a trust anchor. */
export interface SecureZone {
  readonly kind: 'secure'
  /** In lower-cased wire form. */
  readonly name: Uint8Array
  /** Human-readable. */
  readonly text: string
  readonly keys: readonly Dnskey[]
  readonly steps: readonly ChainStep[]
  readonly expires: Seconds
}

/** A zone without trusted keys. All names below it have the same verdict. */
export interface UntrustedZone {
  readonly kind: 'untrusted'
  readonly name: Uint8Array
  readonly text: string
  readonly finding: Finding
  readonly steps: readonly ChainStep[]
  readonly expires: Seconds
}

export type ZoneStatus = SecureZone | UntrustedZone

/** A name at which no zone begins. */
export interface NoCut {
  readonly kind: 'no-cut'
  readonly expires: Seconds
}

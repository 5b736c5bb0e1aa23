import type { Octets } from '../../base/units.js'

/**
 * How a client is written in the query log.
 *
 * `full`       its address
 * `prefix`     the network prefix of its address
 * `pseudonym`  a stable identifier until the key is rotated
 * `none`       omitted
 */
export type PrivacyMode = 'full' | 'prefix' | 'pseudonym' | 'none'

/** From most to least revealing. */
const ORDER: readonly PrivacyMode[] = ['full', 'prefix', 'pseudonym', 'none']

export interface PrivacyOptions {
  /** For networks without a mode of their own, and for clients outside every network. */
  readonly default: PrivacyMode
  readonly networks: readonly { readonly id: string; readonly mode: PrivacyMode }[]
  /** Prefix lengths for `prefix`. */
  readonly bits: { readonly ipv4: number; readonly ipv6: number }
  /** Whether addresses with a common prefix get pseudonyms with a common prefix. */
  readonly preservePrefix: boolean
}

/** Every client by its full address. */
export const FULL_ADDRESSES: PrivacyOptions = {
  default: 'full',
  networks: [],
  bits: { ipv4: 32, ipv6: 128 },
  preservePrefix: false
}

/** The least revealing mode in use, for clients whose network has been forgotten. */
export function strictestMode({ default: usual, networks }: PrivacyOptions): PrivacyMode {
  return networks.reduce((strictest, { mode }) => stricterMode(strictest, mode), usual)
}

/** The less revealing one of two modes. */
export function stricterMode(one: PrivacyMode, other: PrivacyMode): PrivacyMode {
  return ORDER.indexOf(one) < ORDER.indexOf(other) ? other : one
}

export function modeOf(options: PrivacyOptions, network: string | undefined): PrivacyMode {
  return options.networks.find(({ id }) => id === network)?.mode ?? options.default
}

/** True if any client is written as a pseudonym. */
export function usesPseudonyms({ default: usual, networks }: PrivacyOptions): boolean {
  return usual === 'pseudonym' || networks.some(({ mode }) => mode === 'pseudonym')
}

/** Key length: the output length of SHA-256. RFC 2104 §3. */
export const KEY_LENGTH: Octets = 32

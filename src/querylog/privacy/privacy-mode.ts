import type { Octets } from '../../base/units.js'

/**
 * How a client is written in the query log.
 *
 * `full`      its address
 * `prefix`    the prefix that it is in
 * `pseudonym` a word that stands for it, until the key is changed
 * `none`      not at all
 */
export type PrivacyMode = 'full' | 'prefix' | 'pseudonym' | 'none'

/** From what says most to what says nothing. */
const ORDER: readonly PrivacyMode[] = ['full', 'prefix', 'pseudonym', 'none']

export interface PrivacyOptions {
  /** For networks that are not named, and for clients in none. */
  readonly default: PrivacyMode
  readonly networks: readonly { readonly id: string; readonly mode: PrivacyMode }[]
  /** Bits of an address that `prefix` leaves. */
  readonly bits: { readonly ipv4: number; readonly ipv6: number }
  /** Whether pseudonyms of addresses that begin alike begin alike. */
  readonly preservePrefix: boolean
}

/** Every client by its address. */
export const FULL_ADDRESSES: PrivacyOptions = {
  default: 'full',
  networks: [],
  bits: { ipv4: 32, ipv6: 128 },
  preservePrefix: false
}

/** The one that says least: for a client whose network is not known any more. */
export function strictestMode({ default: usual, networks }: PrivacyOptions): PrivacyMode {
  const used = [usual, ...networks.map(({ mode }) => mode)]
  return ORDER[Math.max(...used.map(mode => ORDER.indexOf(mode)))]!
}

export function modeOf(options: PrivacyOptions, network: string | undefined): PrivacyMode {
  return options.networks.find(({ id }) => id === network)?.mode ?? options.default
}

/** Octets of a key: as many as SHA-256 gives. RFC 2104 §3. */
export const KEY_LENGTH: Octets = 32

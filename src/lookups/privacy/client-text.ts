import type { Milliseconds } from '../../base/units.js'
import { isMapped, readAddress, showPrefix, type Address } from '../../base/values/address.js'
import type { PseudonymKeys } from './client-field.js'
import { modeOf, type PrivacyOptions } from './privacy-mode.js'
import { prefixPreservingPseudonymOf, pseudonymOf } from './pseudonym.js'

/** Writes clients that are known by their address as the query log does. */
export class ClientText {
  /** @param keys for networks with pseudonyms */
  constructor(
    private readonly options: PrivacyOptions,
    private readonly keys: PseudonymKeys
  ) {}

  /** Null: the network keeps no clients. @param client in canonical text */
  of(client: string, network: string, wall: Milliseconds): string | null {
    const mode = modeOf(this.options, network)
    if (mode === 'full') return client
    if (mode === 'none') return null
    const address = readAddress(client)
    if (mode === 'prefix') return this.prefixOf(address)
    const derive = this.options.preservePrefix ? prefixPreservingPseudonymOf : pseudonymOf
    return derive(address, this.keys.keyAt(wall).secret)
  }

  /** The prefix of an IPv4 address is written in the length of IPv4. */
  private prefixOf(address: Address): string {
    const { ipv4, ipv6 } = this.options.bits
    const length = isMapped(address) ? 96 + ipv4 : ipv6
    const masked = address.map((octet, i) => octet & (0xff00 >> clamp(length - 8 * i)) & 0xff)
    return showPrefix({ address: masked, length })
  }
}

const clamp = (bits: number): number => Math.min(8, Math.max(0, bits))

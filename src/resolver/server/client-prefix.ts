/** Prefix lengths that count as one client. */
export interface ClientBits {
  /** 1 to 32. */
  readonly ipv4: number
  /** 1 to 64. */
  readonly ipv6: number
}

/** The network around a client is at most so long a prefix: what one owner has, as a rule. */
const NETWORK: ClientBits = { ipv4: 24, ipv6: 48 }

/** Prefix lengths of the networks around clients. */
export function networkBits({ ipv4, ipv6 }: ClientBits): ClientBits {
  return { ipv4: Math.min(ipv4, NETWORK.ipv4), ipv6: Math.min(ipv6, NETWORK.ipv6) }
}

/** Upper word of an IPv4 client's key. Read as IPv6 it would be 0:ffff::/32, which is unallocated. */
const IPV4 = 0xffff

/**
 * The prefix that counts as one client, as two signed words. A household or office has one IPv4
 * address but 256 or more IPv6 networks, so that a limit per IPv6 address would be no limit.
 * One instance is reused.
 */
export class ClientPrefix {
  high = 0
  low = 0
  private readonly mask4: number
  private readonly maskHigh: number
  private readonly maskLow: number

  constructor({ ipv4, ipv6 }: ClientBits) {
    this.mask4 = maskOf(ipv4)
    this.maskHigh = maskOf(ipv6)
    this.maskLow = maskOf(ipv6 - 32)
  }

  /** Reads the address in `words[at, at + 4)`, as in `DatagramBatch.peers`. */
  read(words: Uint32Array, at: number): void {
    if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0xffff) {
      this.high = IPV4
      this.low = words[at + 3]! & this.mask4
    } else {
      this.high = words[at]! & this.maskHigh
      this.low = words[at + 1]! & this.maskLow
    }
  }
}

/** A word with the first `bits` bits set: none if fewer than 1, all if more than 31. */
function maskOf(bits: number): number {
  return bits < 1 ? 0 : bits > 31 ? -1 : -1 << (32 - bits)
}

/**
 * How a special-use name is answered.
 *
 * `nxdomain`   NXDOMAIN for the name and all names below it
 * `loopback`   loopback addresses for the name and all names below it, no other records
 * `nodata`     NODATA for the name and all names below it
 * `empty-zone` SOA and NS at its apex, nothing below. RFC 6303 §3
 */
export type SpecialUseKind = 'nxdomain' | 'loopback' | 'nodata' | 'empty-zone'

export interface SpecialUse {
  readonly kind: SpecialUseKind
  /** Each includes all names below it. */
  readonly names: readonly string[]
  /** Names in an `empty-zone` with a PTR record to `localhost`. */
  readonly ptrNames?: readonly string[]
  /** RFC and section that require it, as shown in the log and the extended error. */
  readonly reference: string
}

/**
 * Names that a resolver answers itself instead of forwarding their queries: IANA "Special-Use
 * Domain Names" and "Locally-Served DNS Zones".
 *
 * Not listed, and forwarded like other names: `example` and the other example domains, which
 * resolvers should not treat specially (RFC 6761 §6.5); `ipv4only.arpa` and its reverse names, with
 * which hosts detect a DNS64 upstream (RFC 8880 §7.1); `6tisch.arpa`, `eap-noob.arpa` and
 * `service.arpa`, which are not queried by accident.
 */
export const SPECIAL_USE: readonly SpecialUse[] = [
  { kind: 'nxdomain', names: ['test'], reference: 'RFC 6761 §6.2' },
  { kind: 'loopback', names: ['localhost'], reference: 'RFC 6761 §6.3' },
  { kind: 'nxdomain', names: ['invalid'], reference: 'RFC 6761 §6.4' },
  // Not a zone: mDNS responders stop serving local when they find an SOA for it.
  { kind: 'nxdomain', names: ['local'], reference: 'RFC 6762 §22.1' },
  { kind: 'nxdomain', names: ['onion'], reference: 'RFC 7686 §2' },
  { kind: 'nxdomain', names: ['alt'], reference: 'RFC 9476 §2' },
  { kind: 'empty-zone', names: ['home.arpa'], reference: 'RFC 8375 §4' },
  // Designated resolvers of the upstream (DDR) would let clients bypass the rules.
  { kind: 'nodata', names: ['resolver.arpa'], reference: 'RFC 9462 §6.4' },
  {
    kind: 'empty-zone',
    names: ['10.in-addr.arpa', ...reverse(16, 31, '172.in-addr.arpa'), '168.192.in-addr.arpa'],
    reference: 'RFC 6303 §4.1'
  },
  {
    kind: 'empty-zone',
    names: [
      '0.in-addr.arpa',
      '127.in-addr.arpa',
      '254.169.in-addr.arpa',
      '2.0.192.in-addr.arpa',
      '100.51.198.in-addr.arpa',
      '113.0.203.in-addr.arpa',
      '255.255.255.255.in-addr.arpa'
    ],
    ptrNames: ['1.0.0.127.in-addr.arpa'],
    reference: 'RFC 6303 §4.2'
  },
  {
    kind: 'empty-zone',
    names: [hostOf6('0'), hostOf6('1')],
    ptrNames: [hostOf6('1')],
    reference: 'RFC 6303 §4.3'
  },
  { kind: 'empty-zone', names: ['d.f.ip6.arpa'], reference: 'RFC 6303 §4.4' },
  {
    kind: 'empty-zone',
    names: ['8', '9', 'a', 'b'].map(digit => `${digit}.e.f.ip6.arpa`),
    reference: 'RFC 6303 §4.5'
  },
  { kind: 'empty-zone', names: ['8.b.d.0.1.0.0.2.ip6.arpa'], reference: 'RFC 6303 §4.6' },
  { kind: 'empty-zone', names: reverse(64, 127, '100.in-addr.arpa'), reference: 'RFC 7793' }
]

/** `from.below` to `to.below`. */
function reverse(from: number, to: number, below: string): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}.${below}`)
}

/** The reverse name of the IPv6 address `::0` or `::1`, by its last digit. RFC 3596 §2.5. */
function hostOf6(last: string): string {
  return `${last}.${'0.'.repeat(31)}ip6.arpa`
}

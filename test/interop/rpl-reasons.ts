const NAME_SERVERS = 'a forwarder does not see the name servers of a domain'
const TRANSFER = 'transfers are tested with BIND, NSD and Knot: test/interop/transfer.ts'

/** Scenarios about what Interdict does not do. */
export const NOT_FOR_A_FORWARDER: Readonly<Record<string, string>> = {
  'rpz_nsdname.rpl': `all its policies are for name servers: ${NAME_SERVERS}`,
  'rpz_nsdname_override.rpl': `all its policies are for name servers: ${NAME_SERVERS}`,
  'rpz_nsip.rpl': `all its policies are for name servers: ${NAME_SERVERS}`,
  'rpz_nsip_override.rpl': `all its policies are for name servers: ${NAME_SERVERS}`,
  'rpz_signal_nxdomain_ra.rpl':
    'it tests rpz-signal-nxdomain-ra, which clears RA. RFC 1035 §4.1.1: RA says whether recursion is available',
  'rpz_val_block.rpl':
    'it tests the validator of Unbound, whose own queries for DS and DNSKEY meet policies'
}

/** Steps that are not played, from this one on. */
export const PLAYED_UNTIL: Readonly<
  Record<string, { readonly step: number; readonly why: string }>
> = {
  'rpz_axfr.rpl': { step: 30, why: TRANSFER },
  'rpz_ixfr.rpl': { step: 24, why: TRANSFER }
}

/** Steps with another answer, by the number of the step that checks it, and why. */
export const DIFFERENCES: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  'rpz_clientip_override.rpl': {
    21: 'a rule with an action does not override passthru, which protects names from the zone itself'
  },
  'rpz_clientip_passthru_dns64.rpl': { 11: 'Interdict has no DNS64' },
  'rpz_cname_handle.rpl': {
    111: NAME_SERVERS,
    121: NAME_SERVERS,
    131: NAME_SERVERS,
    211: NAME_SERVERS,
    221: NAME_SERVERS
  },
  'rpz_cname_wild.rpl': { 40: NAME_SERVERS },
  'rpz_ixfr.rpl': { 21: NAME_SERVERS, 23: NAME_SERVERS },
  'rpz_qtype_cname.rpl': { 21: NAME_SERVERS }
}

const NAME_SERVERS = 'a forwarder does not see the name servers of a domain'
const TRANSFER = 'transfers are tested with BIND, NSD and Knot: test/interop/transfer.ts'

const UNREADABLE = 'it has records that the reader of the tests cannot write: NSEC'
const TAGS =
  'it chooses local zones, and what they do, by tags of clients; Interdict has networks with records instead'

const BLOCKED_A =
  'where the zone blocks the A record, its action applies, NXDOMAIN; Unbound returns that there is no AAAA record'
const CHAOS = 'class CH is for the identity of the server alone: see identity in the settings'
const SPECIAL_USE =
  'the player has special-use.answer off, since zones of the scenarios are below such names'

/** Scenarios about what Interdict does not do. */
export const NOT_FOR_A_FORWARDER: Readonly<Record<string, string>> = {
  'dns64_dnssec.rpl': 'it tests the validator of Unbound before DNS64',
  'dns64_fwd_nocache.rpl': 'it tests forward-no-cache, for which Interdict has no setting',
  'ede_localzone_dname_expansion.rpl':
    'it tests a CNAME to a wildcard name, which Unbound expands for each name as a DNAME would',
  'local_acl_override.rpl': TAGS,
  'local_acl_taglist.rpl': TAGS,
  'local_acl_taglist_action.rpl': TAGS,
  'local_block_a.rpl':
    'its zone types are about one record type; a rule of Interdict has all types',
  'local_cname.rpl': TAGS,
  'local_cnameother.rpl': UNREADABLE,
  'local_ds.rpl': UNREADABLE,
  'respip_dns64_lookup.rpl':
    'it tests response-ip, which gives addresses in answers other data; rules of Interdict block them',
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
  'dns64_lookup.rpl': {
    70: 'the reverse name is an alias of that of the IPv4 address, as in BIND: RFC 6147 §5.3.1 has both ways',
    90: 'Interdict has no dns64-ignore-aaaa; exclude-aaaa is about addresses'
  },
  'dns64_respip_bypass.rpl': { 21: BLOCKED_A, 31: BLOCKED_A },
  'local_typetransparent.rpl': { 30: 'a name with local records has no records of other types' },
  'localdata.rpl': {
    ...{ 2: CHAOS, 4: CHAOS, 31: SPECIAL_USE, 33: SPECIAL_USE, 35: SPECIAL_USE },
    ...{ 37: SPECIAL_USE, 39: SPECIAL_USE, 65: 'local data of class ANY is left out' }
  },
  'rpz_clientip_override.rpl': {
    21: 'a rule with an action does not override passthru, which protects names from the zone itself'
  },
  'rpz_cname_handle.rpl': {
    111: NAME_SERVERS,
    121: NAME_SERVERS,
    131: NAME_SERVERS,
    211: NAME_SERVERS,
    221: NAME_SERVERS
  },
  'rpz_cname_wild.rpl': { 40: NAME_SERVERS },
  'rpz_clientip_passthru_dns64.rpl': { 16: BLOCKED_A },
  'rpz_ixfr.rpl': { 21: NAME_SERVERS, 23: NAME_SERVERS },
  'rpz_qtype_cname.rpl': { 21: NAME_SERVERS }
}

const REFERRAL =
  'it validates what a referral has beside the delegation, which a forwarder does not see'

/** Scenarios of Unbound's validator that are not played. */
export const NOT_FOR_THE_VALIDATOR: Readonly<Record<string, string>> = {
  'val_global_quota.rpl': 'it counts the queries to name servers of a delegation',
  'val_refer_unsignadd.rpl': REFERRAL,
  'val_referd.rpl': REFERRAL,
  'val_referglue.rpl': REFERRAL,
  'val_unalgo_anchor.rpl':
    'its trust anchor has an unknown algorithm: Interdict rejects such settings'
}

const CACHED = 'Unbound has the records in its cache; the upstream of the player has none'
const AGGRESSIVE =
  'Unbound answers from NSEC or NSEC3 in its cache (RFC 8198); Interdict queries, and the player has no response'
const CLOSEST =
  'the zone above denies a zone that has a trust anchor of its own: the closest one counts (RFC 6840 appendix C.1)'
const NAME_ERROR =
  'RCODE is NXDOMAIN although the name exists: SERVFAIL; Unbound corrects the RCODE'

/** Verdicts that differ, by the number of the step that queries, and why. */
export const DIFFERENT_VERDICTS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  'val_anchor_nx.rpl': { 1: CLOSEST },
  'val_anchor_nx_nosig.rpl': { 1: CLOSEST },
  'val_cnameother.rpl': {
    1: 'A and CNAME at one name contradict each other: SERVFAIL; Unbound drops one of them',
    20: 'two records at one name contradict each other: SERVFAIL; Unbound drops one of them'
  },
  ...Object.fromEntries(
    ['val_cnameqtype.rpl', 'val_cnameqtype_qmin.rpl'].map(file => [
      file,
      {
        ...{ 40: CACHED, 60: CACHED, 80: CACHED, 160: CACHED, 200: CACHED },
        ...{ 120: NAME_ERROR, 180: NAME_ERROR }
      }
    ])
  ),
  'val_cnametonsec.rpl': {
    1: 'Unbound has the proof for the unsigned delegation in the answer; the player has no response for DS'
  },
  'val_cnametooptout.rpl': { 1: 'the response without SOA is a referral for the player' },
  'val_dnameqtype.rpl': { 80: CACHED, 160: CACHED, 200: CACHED },
  'val_dnameqtype_qmin.rpl': { 80: CACHED, 160: CACHED, 200: CACHED },
  'val_dnametoolong.rpl': { 1: 'RCODE YXDOMAIN becomes SERVFAIL, as all but NXDOMAIN do' },
  'val_faildnskey_ok.rpl': { 1: 'Interdict has no harden-dnssec-stripped: no' },
  'val_negcache_nodata.rpl': { 20: AGGRESSIVE, 60: AGGRESSIVE },
  'val_negcache_nxdomain.rpl': { 20: AGGRESSIVE },
  'val_negcache_ttl.rpl': { 11: AGGRESSIVE },
  'val_negcache_ttl_prefetch.rpl': { 11: AGGRESSIVE },
  'val_nodata_entnx.rpl': { 1: NAME_ERROR },
  'val_ta_algo_missing.rpl': {
    ...{ 1: 'it has harden-algo-downgrade: yes; one algorithm is enough by RFC 6840 §5.11' },
    ...{ 11: 'as step 1' }
  }
}

/** RR types and query types known by name. IANA "Resource Record (RR) TYPEs". */
export const RRTYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  TLSA: 52,
  SVCB: 64,
  HTTPS: 65,
  SIG: 24,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257
} as const

const NAMES = new Map<number, string>(Object.entries(RRTYPE).map(([name, code]) => [code, name]))

/** `AAAA`, or for example `TYPE65280` for a type not listed above. RFC 3597 §5. */
export function showRrtype(code: number): string {
  return NAMES.get(code) ?? `TYPE${code}`
}

/** Reads `AAAA`, `aaaa` or `TYPE28`; undefined for any other text. */
export function readRrtype(text: string): number | undefined {
  const upper = text.toUpperCase()
  if (Object.hasOwn(RRTYPE, upper)) return RRTYPE[upper as keyof typeof RRTYPE]
  const digits = /^TYPE(\d{1,5})$/.exec(upper)?.[1]
  return digits !== undefined && Number(digits) <= 0xffff ? Number(digits) : undefined
}

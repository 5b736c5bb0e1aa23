/** Signature algorithms that are validated. IANA "DNS Security Algorithm Numbers". */
export const ALGORITHM = {
  RSASHA256: 8,
  RSASHA512: 10,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16
} as const

/** Names of algorithms that are not validated but still seen, for messages. */
const OTHERS: Readonly<Record<string, number>> = {
  RSAMD5: 1,
  DSA: 3,
  RSASHA1: 5,
  'DSA-NSEC3-SHA1': 6,
  'RSASHA1-NSEC3-SHA1': 7,
  'ECC-GOST': 12
}

const NAMES = new Map<number, string>(
  Object.entries({ ...ALGORITHM, ...OTHERS }).map(([name, code]) => [code, name])
)
const SUPPORTED = new Set<number>(Object.values(ALGORITHM))

/** False: a zone that is signed only with such algorithms counts as unsigned. RFC 4035 §5.2. */
export function isSupportedAlgorithm(code: number): boolean {
  return SUPPORTED.has(code)
}

/** `ECDSAP256SHA256`, or for example `algorithm 200`. */
export function showAlgorithm(code: number): string {
  return NAMES.get(code) ?? `algorithm ${code}`
}

/** Digests of DS records that are validated. IANA "DNSSEC Delegation Signer (DS) RR Type Digest Algorithms". */
export const DIGEST = { SHA256: 2, SHA384: 4 } as const

/** The name of the hash in OpenSSL; undefined: not supported. */
export function digestHash(code: number): 'sha256' | 'sha384' | undefined {
  if (code === DIGEST.SHA256) return 'sha256'
  return code === DIGEST.SHA384 ? 'sha384' : undefined
}

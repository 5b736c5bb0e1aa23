/**
 * RCODEs by name. RFC 1035 §4.1.1, RFC 2136 §2.2 (YXDOMAIN to NOTZONE), RFC 8945 §10 (NOTAUTH), RFC 6891 §9 (BADVERS), RFC 7873 §8
 * (BADCOOKIE); IANA "DNS RCODEs".
 */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADVERS: 16,
  BADCOOKIE: 23
} as const

const NAMES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]))

/** `NXDOMAIN`, or for example `RCODE23` for a code not listed above. */
export function showRcode(code: number): string {
  return NAMES.get(code) ?? `RCODE${code}`
}

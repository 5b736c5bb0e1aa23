/** Extended DNS Error INFO-CODEs. RFC 8914 §4; IANA "Extended DNS Error Codes". */
export const EDE = {
  OTHER: 0,
  STALE_ANSWER: 3,
  FORGED_ANSWER: 4,
  NOT_READY: 14,
  BLOCKED: 15,
  CENSORED: 16,
  FILTERED: 17,
  PROHIBITED: 18,
  STALE_NXDOMAIN: 19,
  NOT_AUTHORITATIVE: 20,
  NO_REACHABLE_AUTHORITY: 22,
  NETWORK_ERROR: 23
} as const

/** INFO-CODEs that a rule may set for blocked names, by the value of its `ede:` key. */
export const BAN_EDE = {
  blocked: EDE.BLOCKED,
  censored: EDE.CENSORED,
  filtered: EDE.FILTERED
} as const
export type BanEde = keyof typeof BAN_EDE

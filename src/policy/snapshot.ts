import type { Octets } from '../base/units.js'
import type { Rule } from '../rules/types.js'

/** Tiers of precedence, first wins. The product's one rule of conflict: see docs/rules.md. */
export const TIER = { exception: 0, ban: 1, allow: 2, block: 3 } as const

/**
 * One rule speaking through one of its sources: "ban federal-phones/tiktok, through app tiktok".
 * What a verdict points at; everything an answer and a log record need is prepared in it.
 */
export interface Claim {
  readonly tier: number
  readonly kind: Rule['kind']
  readonly ruleId: string
  /** Network whose rule it is: where `extends` took it from. */
  readonly ruleFile: string
  readonly ruleLine: number
  readonly source: {
    readonly kind: 'app' | 'list' | 'inline'
    readonly id: string
    readonly title: string
    readonly file: string
  }
  readonly from: number
  readonly until: number
  readonly monitor: boolean
  /** For bans and blocks: what the client receives. */
  readonly reply: PreparedReply | undefined
  /** For people: authority, reference, legalBasis, owner, review, purpose, approvedBy. */
  readonly facts: Readonly<Record<string, string>>
}

/** A reply with nothing left to compute on the hot path. All octets ready to be copied. */
export interface PreparedReply {
  readonly action:
    'nxdomain' | 'nodata' | 'refused' | 'null' | 'sinkhole' | 'cname' | 'drop' | 'truncate'
  readonly ttl: number
  /** RDATA for A (4 octets) and AAAA (16); undefined: NODATA for that type. */
  readonly ipv4: Uint8Array | undefined
  readonly ipv6: Uint8Array | undefined
  /** CNAME target, wire form. */
  readonly target: Uint8Array | undefined
  readonly ede: number
  /** The whole EDE option (RFC 8914 §2: OPTION-CODE 15, length, INFO-CODE, EXTRA-TEXT). */
  readonly edeOption: Uint8Array
}

/** What crosses threads: shared memory and a small description. Immutable once made. */
export interface Snapshot {
  readonly generation: number
  /** SHA-256 of the rule files, hex. */
  readonly sha256: string
  readonly seed: number
  readonly claims: readonly Claim[]
  readonly networks: readonly string[]
  /** Client class to network: index in `networks`. Class 0 is "in no network" and has -1. */
  readonly classNetworks: readonly number[]
  /** Shared arrays; their layout is `policy/`'s own business. */
  readonly buffers: Readonly<Record<string, SharedArrayBuffer>>
  readonly counts: {
    readonly names: number
    readonly rules: number
    readonly networks: number
    readonly sources: number
  }
  readonly octets: Octets
  /** All instants at which some rule starts or ends, sorted: epoch seconds. */
  readonly switches: readonly number[]
}

/** What policy says of one name or address for one client. One instance is reused. */
export class Verdict {
  /** The deciding claim (index in `Snapshot.claims`), or -1: no rule speaks; forward. */
  claim = -1
  /** Its tier, or 4. */
  tier = 4
  /** Position of the matched name or prefix in the snapshot: gives its text and line. -1: none. */
  record = -1
  /** Label of the judged name at which the matched suffix begins. */
  label = 0
  /** A ban or block in monitor mode that would have decided if enforced, or -1; and its record. */
  monitor = -1
  monitorRecord = -1

  clear(): void {
    this.claim = -1
    this.tier = 4
    this.record = -1
    this.label = 0
    this.monitor = -1
    this.monitorRecord = -1
  }
}

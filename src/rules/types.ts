import type { Address, Prefix } from '../base/address.js'
import type { Position } from '../base/position.js'
import type { Octets, Seconds } from '../base/units.js'
import type { BanEde } from '../dns/ede.js'

/**
 * What a name in a rule file covers.
 *
 * `suffix` itself and all below it (`tiktok.com`)
 * `exact`  itself only (`=tiktok.com`)
 * `below`  all below it, not itself (`*.tiktok.com`)
 */
export type Cover = 'suffix' | 'exact' | 'below'

/** `Cover` as the number that packed names carry. */
export const COVER = { suffix: 0, exact: 1, below: 2 } as const

/** Where a `NameSource` pours its names: called once per name, nothing may be kept of `octets`. */
export interface NameSink {
  /**
   * @param octets holds the name in lower-cased wire form, root label included
   * @param cover one of `COVER`
   * @param line of the source's file, from 1
   */
  name(octets: Uint8Array, at: Octets, length: Octets, cover: number, line: number): void
  /** Addresses whose appearance in an answer means this source. */
  prefix(prefix: Prefix, line: number): void
}

/**
 * Names (and addresses) that one place in the rules speaks of: an app, a list, or the names written
 * into a ban, an exception, an allow or a block. The unit that bans and exceptions point at. Only
 * policy's own source of special-use names is `local`.
 */
export interface NameSource {
  readonly kind: 'app' | 'list' | 'inline' | 'local'
  /** App or list id; for inline names `networks.yaml:12`. Unique in a rule set. */
  readonly id: string
  /** Human name: `TikTok`. */
  readonly title: string
  /** As it was found from the rules folder, for `file:line` in answers to people. */
  readonly file: string
  /** At most how many names and how many octets of wire names `pour` will give: sizes tables. */
  readonly bounds: { readonly names: number; readonly octets: Octets }
  /** Why names that take in too much are right nevertheless, by the line on which each stands. */
  readonly forced?: ReadonlyMap<number, string>
  /** Gives every name, always the same ones; errors of single lines go to the rule set's reports. */
  pour(sink: NameSink): void
}

/** What a client receives for a banned name. DESIGN: one name, one status. */
export type Action =
  | 'nxdomain' // the name does not exist
  | 'nodata' // the name exists, this type does not
  | 'refused' // RCODE REFUSED
  | 'null' // A 0.0.0.0, AAAA ::, other types NODATA
  | 'sinkhole' // A and AAAA of our own, other types NODATA
  | 'cname' // a CNAME to a walled garden
  | 'drop' // no answer at all
  | 'truncate' // over UDP an empty answer with TC; over TCP as if not banned

export interface Reply {
  readonly action: Action
  /** For `sinkhole`: at least one of the two. */
  readonly sinkhole?: { readonly ipv4?: Address; readonly ipv6?: Address }
  /** For `cname`: the target in lower-cased wire form. */
  readonly target?: Uint8Array
  readonly ede: BanEde
  /** TTL of made-up answers. */
  readonly ttl: Seconds
}

/** In force while `from <= now < until`; -Infinity and Infinity where not given. */
export interface Term {
  readonly from: Seconds
  readonly until: Seconds
}

interface RuleBase extends Term {
  /** Unique in the rule set; `networks.yaml` `id:`, else made from network and apps: `federal-phones/tiktok`. */
  readonly id: string
  readonly position: Position
  readonly sources: readonly NameSource[]
}

export interface Ban extends RuleBase {
  readonly kind: 'ban'
  readonly mode: 'enforce' | 'monitor'
  readonly reply: Reply
  readonly authority?: string
  readonly reference?: string
  /** Where the reference can be read. */
  readonly referenceUrl?: string
  readonly legalBasis?: string
  readonly owner?: string
  readonly review?: Seconds
}

export interface RuleException extends RuleBase {
  readonly kind: 'exception'
  /** Only for clients in these; all of the network where empty. */
  readonly prefixes: readonly Prefix[]
  readonly purpose: string
  readonly approvedBy: string
  readonly reference?: string
  readonly referenceUrl?: string
}

export interface Allow extends RuleBase {
  readonly kind: 'allow'
}

export interface Block extends RuleBase {
  readonly kind: 'block'
  readonly mode: 'enforce' | 'monitor'
  readonly reply: Reply
}

export type Rule = Ban | RuleException | Allow | Block

/** A named set of CIDR prefixes with its rules, `extends` already worked in: own rules first. */
export interface NetworkRules {
  readonly id: string
  readonly position: Position
  readonly prefixes: readonly Prefix[]
  readonly rules: readonly Rule[]
}

/** Everything that the rules folder says, checked. What `policy` compiles. */
export interface RuleSet {
  readonly networks: readonly NetworkRules[]
  readonly sources: readonly NameSource[]
  /** IANA name of the zone in which dates were written. */
  readonly timeZone: string
  /** SHA-256 over the names and octets of all files read, hex. */
  readonly sha256: string
  /** Every file and folder that was read: what a watcher watches. */
  readonly files: readonly string[]
}

import type { Address, Prefix } from '../../base/address.js'
import type { Position } from '../../base/position.js'
import type { Octets, Seconds } from '../../base/units.js'
import type { BanEde } from '../../dns/registry/ede.js'
import type { ZoneState } from '../../zonefile/zone-state.js'

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
  /** What it says of its names, where a list says more than that they are its own. */
  readonly part?: ListPart
  /** Gives every name, always the same ones; errors of single lines go to the rule set's reports. */
  writeTo(sink: NameSink): void
}

/**
 * One of the things that a list says. A list is as many sources as it says different things, all
 * under its id, and a rule on it speaks through all of them.
 */
export interface ListPart {
  /** Id of the list. */
  readonly list: string
  /**
   * `rule`  what the rule does
   * `pass`  that these names are not meant: nothing that the same list says of them, or of a name
   *         above, holds, whichever rule is on it; what another list says does
   * a reply what the rule does, with this reply, unless the rule `overrides` it
   */
  readonly effect: 'rule' | 'pass' | ListReply
  /** Only for questions of these types. Not given: of all. */
  readonly qtypes?: QtypeSet
  /** Only for clients in these. Not given: all of the network. */
  readonly prefixes?: readonly Prefix[]
  /**
   * Makes the list a zone in a row of zones: what it says first is heard before what it says later,
   * and all of it before what the next rule says, whichever name is longer. A `pass` ends the
   * search in the zones of later blocks, too. Parts of one list come in the order of stages.
   */
  readonly stage?: number
}

/** Those named, or all but them. */
export interface QtypeSet {
  readonly types: readonly number[]
  readonly except: boolean
}

/** What a list says that clients receive; the rule says the rest. */
export interface ListReply extends Pick<Reply, 'sinkhole' | 'target'> {
  readonly action: Action | 'data'
  /** For `data`. */
  readonly data?: LocalData
}

/** The records that a list has for its names, by the lines where these are; in shared memory. */
export interface LocalData {
  /** Int32: lines, ascending. */
  readonly lines: SharedArrayBuffer
  /** Int32: where in `octets` the records of each line begin; behind them, where the last end. */
  readonly starts: SharedArrayBuffer
  /** TYPE, RDLENGTH and RDATA of each record. A CNAME to `*.name` is one to QNAME.name. */
  readonly octets: SharedArrayBuffer
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
  /** The rule itself says the action, so that it holds where a list says another, too. */
  readonly overrides?: boolean
}

/** In force while `from <= now < until`; -Infinity and Infinity where not given. */
export interface Term {
  readonly from: Seconds
  readonly until: Seconds
}

/** Weekly hours, in local time. */
export interface Schedule {
  /** For people; says everything. */
  readonly text: string
  readonly weeks: readonly {
    /** IANA name. */
    readonly zone: string
    /** Beginnings and ends in turns, sorted: seconds since Monday 00:00, up to a whole week. */
    readonly bounds: readonly Seconds[]
  }[]
}

interface RuleBase extends Term {
  /** Unique in the rule set; `networks.yaml` `id:`, else made from network and apps: `federal-phones/tiktok`. */
  readonly id: string
  readonly position: Position
  readonly sources: readonly NameSource[]
  /** In force only then, within its term. */
  readonly schedule?: Schedule
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

/** What is known of the bundle that rules are from, once a gateway has accepted it. */
export interface BundleFacts {
  readonly serial: number
  readonly created: Seconds
  readonly expires: Seconds
  /** The highest serial that was accepted here: higher after a rollback. */
  readonly newest: number
  /** How this one came to be in force, if that was by a rollback. */
  readonly rollback?:
    | {
        readonly from: number
        readonly to: number
        /** Who wanted it. */
        readonly by: string
        /** RFC 3339. */
        readonly at: string
      }
    | undefined
}

/** Everything that the rules folder says, checked. What `policy` compiles. */
export interface RuleSet {
  readonly networks: readonly NetworkRules[]
  readonly sources: readonly NameSource[]
  /** IANA name of the zone in which dates were written. */
  readonly timeZone: string
  /** SHA-256 over the names and octets of all files read, and zones, hex. */
  readonly sha256: string
  readonly bundle?: BundleFacts | undefined
  /** The same without zones. */
  readonly filesSha256: string
  /** Zones of primaries among the lists. */
  readonly zones: readonly ZoneState[]
  /** Every file and folder that was read: what a watcher watches. */
  readonly files: readonly string[]
}

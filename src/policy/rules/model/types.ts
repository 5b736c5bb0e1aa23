import type { Address, Prefix } from '../../../base/values/address.js'
import type { Position } from '../../../base/errors/position.js'
import type { Octets, Seconds } from '../../../base/units.js'
import type { BanEde } from '../../../wire/dns/registry/ede.js'
import type { UpstreamServer } from '../../../wire/sockets/upstream-server.js'
import type { ZoneState } from '../../../wire/zonefile/zone-state.js'
import type { AsnFacts } from '../asn/asn-extract.js'
import type { Explain, Language } from './user-explanation.js'
import type { ClientRules } from './client-types.js'
import type { Expiries } from './expiries.js'
import type { Tlp } from './tlp.js'
import type { Code } from '../../../base/code.js'

/**
 * Which names a pattern covers.
 *
 * `suffix` the name and everything below it (`tiktok.com`)
 * `exact`  only the name (`=tiktok.com`)
 * `below`  everything below the name (`*.tiktok.com`)
 */
export type Cover = 'suffix' | 'exact' | 'below'

export type CoverCode = Code<'cover'>

/** `Cover` as a number, in packed names. */
export const COVER = {
  suffix: 0 as CoverCode,
  exact: 1 as CoverCode,
  below: 2 as CoverCode
} as const

/** Receives the names of a `NameSource`, one call each. It must not keep references to `octets`. */
export interface NameSink {
  /**
   * @param octets holds the name in lower-cased wire form, root label included
   * @param line in the file of the source, from 1
   */
  name(octets: Uint8Array, at: Octets, length: Octets, cover: CoverCode, line: number): void
  /** Addresses that the source matches in answers. */
  prefix(prefix: Prefix, line: number): void
}

/**
 * Names and addresses from one place of the rules: an app, a list, or those written into a ban, an
 * exception, an allow or a block, or the owners of local records. Rules refer to sources. `policy` adds two
 * kinds: `local`, the special-use names, and `logged`, names that were banned and whose lookups are still logged.
 */
export interface NameSource {
  readonly kind: 'app' | 'list' | 'inline' | 'record' | 'local' | 'logged'
  /** App or list id; for inline names `networks.yaml:12`. Unique in a rule set. */
  readonly id: string
  /** Human-readable name: `TikTok`. */
  readonly title: string
  /** Relative to the rules folder, for `file:line` in output. */
  readonly file: string
  /** Upper limits of the number of names and of their octets in wire form: sizes tables. */
  readonly bounds: { readonly names: number; readonly octets: Octets }
  /** The reasons given with `force:` for names that are too broad, by line. */
  readonly forced?: ReadonlyMap<number, string>
  /** Lines of the main names of an app, see `mainNames`. */
  readonly main?: readonly number[] | undefined
  /** For sources that are part of a list or an app, and for the names of a ban that has `except`. */
  readonly part?: ListPart | undefined
  /** When its names and addresses leave it; undefined: never. See `Expiries`. */
  readonly expiries?: Expiries | undefined
  /** Bans and blocks only monitor its names until then: the catalogue has added them a short time ago. */
  readonly monitoredUntil?: Seconds | undefined
  /** When updates of the catalogue added its names, by line. */
  readonly added?: ReadonlyMap<number, AddedName> | undefined
  /** Of the kind `record`: the nodes of its names. */
  readonly nodes?: readonly RecordNode[] | undefined
  /** Its prefixes that are those of autonomous systems, and the number of each. */
  readonly asns?: ReadonlyMap<string, number> | undefined
  /** Passes all names to the sink, the same ones each time. */
  writeTo(sink: NameSink): void
  /** Whether a name in lower-cased wire form is covered, if that is known without all names. */
  covers?(name: Uint8Array): boolean
}

/** A name of local data, and what is at it: see `record-nodes.ts`. */
export interface RecordNode {
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  /** `below`: all names below it that have no node of their own. */
  readonly cover: 'exact' | 'below'
  readonly line: number
  readonly octets: Uint8Array
}

/**
 * The part of a list with one effect. A list is one source per effect, all with its id, and a rule
 * on the list refers to all of them. The names of a ban with `except` are such a list of two parts.
 */
export interface ListPart {
  /** Id of the list, or of the names. */
  readonly list: string
  /**
   * `rule`  the action of the rule
   * `pass`  the list does not apply to these names: neither its other entries for them nor those
   *         for names above, whichever rule uses it; other lists still apply
   * `encloser` names of a zone that end the search for a wildcard: entries of this rank for names
   *         above have no effect (RFC 4592 §3.3.1)
   * a reply the action of the rule with this reply, unless the rule `overrides` it
   */
  readonly effect: 'rule' | 'pass' | 'encloser' | ListReply
  /** Only for queries of these types; undefined: all. */
  readonly qtypes?: QtypeSet
  /** Only for clients in these prefixes; undefined: the whole network. */
  readonly prefixes?: readonly Prefix[]
  /**
   * Only for queries over TCP, and only if the list's actions apply. A zone's TCP-only policy lets them
   * pass.
   */
  readonly overTcp?: true
  /**
   * For a list that is a response policy zone: parts of a lower rank come before those of a higher one, and all of
   * them before the next rule, whichever name is longer. A `pass` also ends the search in the zones of
   * later blocks. Parts of one list are sorted by rank.
   */
  readonly triggerRank?: number
  /** How far these names may be passed on; undefined: the list does not say. */
  readonly tlp?: Tlp
}

/** Whether these are names that a list, or `except` of a ban, lets pass. */
export function isPassPart({ part }: Pick<NameSource, 'part'>): boolean {
  return part?.effect === 'pass'
}

/** Whether a source is a zone's policy for clients: it lists the root, for all of their queries. */
export function isClientPolicy({ part }: NameSource): boolean {
  return part?.triggerRank !== undefined && part.prefixes !== undefined
}

/** These query types; with `except`, all but these. */
export interface QtypeSet {
  readonly types: readonly number[]
  readonly except: boolean
}

/** The reply that a list gives; the rule gives the rest. */
export interface ListReply extends Pick<Reply, 'sinkhole' | 'target'> {
  readonly action: Action | 'data'
  /** For `data`. */
  readonly data?: LocalData | undefined
}

/** The records that a list has for its names, by the lines of the names; in shared memory. */
export interface LocalData {
  /** Int32: line numbers, ascending. */
  readonly lines: SharedArrayBuffer
  /** Int32: offset in `octets` of the records of each line, and the end of the last ones. */
  readonly starts: SharedArrayBuffer
  /** TYPE, RDLENGTH and RDATA of each record. A CNAME to `*.name` means one to QNAME.name. */
  readonly octets: SharedArrayBuffer
}

/** What clients receive for a blocked name. */
export type Action =
  | 'nxdomain' // the name does not exist
  | 'nodata' // the name exists, this type does not
  | 'refused' // RCODE REFUSED
  | 'null-address' // A 0.0.0.0, AAAA ::, other types NODATA
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
  /** TTL of synthesized answers. */
  readonly ttl: Seconds
  /** The rule itself gives the action, so that it takes precedence over that of a list. */
  readonly overrides?: boolean | undefined
  /** Explanation for users; undefined: a sentence made of authority and reference. */
  readonly explain?: Explain | undefined
}

/** Active while `from <= now < until`; -Infinity and Infinity if not given. */
export interface Term {
  readonly from: Seconds
  readonly until: Seconds
}

/** Weekly hours in local time. */
export interface Schedule {
  /** Complete, human-readable. */
  readonly text: string
  readonly weeks: readonly {
    /** IANA name. */
    readonly zone: string
    /** Alternating starts and ends, sorted: seconds since Monday 00:00, up to a whole week. */
    readonly bounds: readonly Seconds[]
  }[]
}

interface RuleBase extends Term {
  /** Unique: `id:` of `networks.yaml`, or made of network and apps: `federal-phones/tiktok`. */
  readonly id: string
  readonly position: Position
  readonly sources: readonly NameSource[]
  /** Within its term, the rule is active only then. */
  readonly schedule?: Schedule | undefined
}

export interface Ban extends RuleBase {
  readonly kind: 'ban'
  readonly mode: 'enforce' | 'monitor'
  readonly reply: Reply
  readonly authority?: string | undefined
  readonly reference?: string | undefined
  /** Where the reference can be read. */
  readonly referenceUrl?: string | undefined
  readonly legalBasis?: string | undefined
  readonly owner?: string | undefined
  readonly review?: Seconds | undefined
}

export interface RuleException extends RuleBase {
  readonly kind: 'exception'
  /** Only for clients in these prefixes; empty: the whole network. */
  readonly prefixes: readonly Prefix[]
  readonly purpose: string
  readonly approvedBy: string
  readonly reference?: string | undefined
  readonly referenceUrl?: string | undefined
}

export interface Allow extends RuleBase {
  readonly kind: 'allow'
}

export interface Block extends RuleBase {
  readonly kind: 'block'
  readonly mode: 'enforce' | 'monitor'
  readonly reply: Reply
}

/** The local records of a network, or those for all: they answer names that no ban covers. */
export interface Records extends RuleBase {
  readonly kind: 'record'
}

export type Rule = Ban | RuleException | Allow | Block | Records

/**
 * What clients receive of the parameter `ech` in SVCB and HTTPS records, with which they encrypt the
 * name of the server to which they connect. RFC 9848.
 *
 * `pass`       the records as they are
 * `strip`      the records without it
 * `hide-https` no HTTPS records, and SVCB records without it
 */
export type EchPolicy = 'pass' | 'strip' | 'hide-https'

/**
 * Whether answers for clients of a network are validated by DNSSEC:
 *
 * `off`     no
 * `observe` a sample is, after the clients have the answers
 * `enforce` all are, before the clients have them; those that fail do not reach clients
 */
export type DnssecPolicy = 'off' | 'observe' | 'enforce'

/**
 * What happens to connections of a network's clients to addresses that no answer led to:
 *
 * `off`     nothing
 * `observe` they are reported
 * `deny`    addresses that only banned names have, and known resolvers, are not reachable either
 */
export type EgressPolicy = 'off' | 'observe' | 'deny'

/** The resolvers to which a network forwards a domain and all names below it. */
export interface ForwardedNames {
  /** As written; `.`: all names. */
  readonly domain: string
  /** In lower-cased wire form. */
  readonly name: Uint8Array
  readonly servers: readonly UpstreamServer[]
}

/** AAAA records made of A records for clients behind NAT64. RFC 6147. */
export interface Dns64Settings {
  /** Of the translator, of 32, 40, 48, 56, 64 or 96 bits. RFC 6052 §2.2. */
  readonly prefix: Prefix
  /** Addresses in AAAA records that count as none. */
  readonly excludeAaaa: readonly Prefix[]
  /** Addresses in A records of which nothing is made. */
  readonly excludeA: readonly Prefix[]
}

/** A name that is not validated for a while, with all names below it: a negative trust anchor. RFC 7646 §2 */
export interface DnssecException extends Term {
  /** In lower-cased wire form. */
  readonly name: Uint8Array
  /** As it was written. */
  readonly text: string
  readonly purpose: string
  readonly approvedBy: string
  readonly reference?: string | undefined
  readonly referenceUrl?: string | undefined
  readonly position: Position
}

/** A named set of CIDR prefixes with its rules: its own first, then those it `extends`. */
export interface NetworkRules {
  readonly id: string
  readonly position: Position
  readonly prefixes: readonly Prefix[]
  /** Its own, or that of the nearest network that it extends; undefined: `pass`. */
  readonly ech?: EchPolicy | undefined
  /** Likewise; undefined: `off`. */
  readonly dnssec?: DnssecPolicy | undefined
  /** Likewise; undefined: `off`. */
  readonly egress?: EgressPolicy | undefined
  /** Likewise; undefined: off. */
  readonly dns64?: Dns64Settings | undefined
  /** Likewise; undefined: the upstreams of the settings. */
  readonly forward?: readonly ForwardedNames[] | undefined
  /** In which its users read explanations; undefined: the first of `LANGUAGES`. */
  readonly language?: Language | undefined
  /** What the public calls it; undefined: it has no public name. */
  readonly titles?: Readonly<Partial<Record<Language, string>>> | undefined
  readonly rules: readonly Rule[]
}

/** The networks in which an app or list is meant to be banned, as the rules declare it. */
export interface DeclaredScope {
  /** Id of the app or list. */
  readonly id: string
  readonly networks: readonly string[]
  readonly position: Position
}

/** The accepted bundle that the rules are from. */
export interface BundleFacts {
  readonly serial: number
  readonly created: Seconds
  readonly expires: Seconds
  /** The highest serial accepted here: greater than `serial` after a rollback. */
  readonly newest: number
  /** The root of trust whose keys it is trusted by; undefined: the settings have the keys. */
  readonly root?: { readonly version: number; readonly expires: Seconds } | undefined
  /** The rollback that activated this bundle, if there was one. */
  readonly rollback?:
    | {
        readonly from: number
        readonly to: number
        /** Who requested it. */
        readonly by: string
        /** RFC 3339. */
        readonly at: string
      }
    | undefined
}

/** The catalogue of apps that the rules use. */
export interface CatalogueFacts {
  readonly version: string
  readonly serial: number
  /** Of its content, hexadecimal. */
  readonly sha256: string
  readonly created: Seconds
  readonly expires: Seconds
  /** Names that an update has added, by app. */
  readonly added: Readonly<Record<string, Readonly<Record<string, AddedName>>>>
}

/** A name that an update of the catalogue has added. */
export interface AddedName {
  readonly serial: number
  readonly added: Seconds
  /** Until then it is only monitored. */
  readonly enforced: Seconds
}

/** A name that no rule may block, in any network. */
export interface MustResolve {
  /** In lower-cased wire form. */
  readonly name: Uint8Array
  readonly text: string
  /** As messages show it: `must-resolve[0]`, or `probe.control[0]` of the settings. */
  readonly path: string
  readonly position: Position
}

/** The validated content of a rules folder, which `policy` compiles. */
export interface RuleSet {
  readonly networks: readonly NetworkRules[]
  readonly sources: readonly NameSource[]
  /** Undefined: nothing is declared. */
  readonly scopes?: readonly DeclaredScope[] | undefined
  /** Undefined: clients are identified by their addresses alone. */
  readonly clients?: ClientRules | undefined
  /** IANA name of the time zone of its dates. */
  readonly timeZone: string
  /** Negative trust anchors; undefined: none. */
  readonly dnssecExceptions?: readonly DnssecException[] | undefined
  /** Keys of zones that DNSSEC validation trusts, in zone file format; undefined: none. */
  readonly trustAnchors?: readonly string[] | undefined
  /** Undefined: none. */
  readonly mustResolve?: readonly MustResolve[] | undefined
  /** Defaults of the register of bans; undefined: English, and no known URL. */
  readonly site?: { readonly language: Language; readonly register: string | undefined } | undefined
  /** SHA-256 over names and contents of all files read, and zones; hexadecimal. */
  readonly sha256: string
  readonly bundle?: BundleFacts | undefined
  /** The catalogue in force; undefined: the apps are those of the rules alone. */
  readonly catalogue?: CatalogueFacts | undefined
  /** The ASN database; undefined: the rules name no autonomous systems. */
  readonly asns?: AsnFacts | undefined
  /** The same without zones. */
  readonly filesSha256: string
  /** The same without copies of downloaded lists, too: of what people edit. */
  readonly ownSha256: string
  /** Transferred zones among the lists. */
  readonly zones: readonly ZoneState[]
  /** Every file and folder that was read: to be watched for changes. */
  readonly files: readonly string[]
}

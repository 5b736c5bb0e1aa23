import type { PrefixTableBuffers } from '../../base/prefix-table.js'
import type { Octets, Seconds } from '../../base/units.js'
import type {
  BundleFacts,
  LocalData,
  NameSource,
  ListReply,
  QtypeSet,
  Rule
} from '../../rules/model/types.js'
import type { ZoneState } from '../../zonefile/zone-state.js'
import type { AddressTableBuffers } from './address-table.js'
import type { ClaimIndexBuffers } from './claim-index.js'
import type { NameTableBuffers } from './name-table.js'
import type { SpecialUseName } from './special-use-names.js'
import type { Timetable } from './timetable.js'

/** Room in a tier for the steps of zones that are heard one after the other. */
const STEPS_PER_TIER = 2 ** 20

/**
 * Tiers of precedence between claims on one name, first wins; see docs/reference/rules.md. Where lists are
 * zones, a tier has steps, which are numbers from the tier's own on.
 *
 * `exception` through names that it spells out itself: they are open, whatever bans them
 * `ban`
 * `lift`      an exception through an app or list: it takes the bans of that very app or list
 *             away, and leaves those of others; what is left over is let through
 * `allow`, `block`
 * `local`     no rule, but the registry of special-use names: it speaks where no rule does
 */
export const TIER = {
  exception: 0,
  ban: STEPS_PER_TIER,
  sourceException: 2 * STEPS_PER_TIER,
  allow: 3 * STEPS_PER_TIER,
  block: 4 * STEPS_PER_TIER,
  specialUse: 5 * STEPS_PER_TIER
} as const

/** Behind all tiers: no claim decides. */
export const NO_TIER = 6 * STEPS_PER_TIER

/**
 * One rule speaking through one of its sources: "ban federal-phones/tiktok, through app tiktok".
 * What a verdict points at; everything an answer and a log record need is prepared in it.
 */
export interface Claim {
  readonly tier: number
  readonly kind: Rule['kind'] | 'local'
  readonly ruleId: string
  /** Where the rule is written: in the network that has it, or one that it extends. */
  readonly ruleFile: string
  readonly ruleLine: number
  readonly source: SourceSummary
  /** In force while `from <= now < until`: epoch seconds, infinite where not given. */
  readonly from: Seconds
  readonly until: Seconds
  /** In force only then, within its term; one object for all claims with the same one. */
  readonly timetable?: Timetable | undefined
  readonly monitor: boolean
  /** For bans and blocks, unless their list lets the name pass: what the client receives. */
  readonly reply: PreparedReply | undefined
  /** Where it is only for some types of questions. */
  readonly qtypes: QtypeSet | undefined
  /**
   * For people: authority, reference, referenceUrl, legalBasis, owner, review, purpose, approvedBy.
   */
  readonly facts: Readonly<Record<string, string>>
}

/** A source of names without its names. */
export interface SourceSummary {
  /** Its place in `Snapshot.sources`. */
  readonly index: number
  readonly kind: NameSource['kind']
  /** Of an app or list as rules have it: parts of a list have the same. */
  readonly id: string
  /** What a list says here of its names, for people; '' where it is what the rule says. */
  readonly part: string
  /** Whether that is to let them pass. */
  readonly isPass: boolean
  /** As in `Part.stage`. */
  readonly stage: number | undefined
  readonly title: string
  readonly file: string
  /** How many names and prefixes it gave, repeated ones counted again. */
  readonly names: number
  /** Over those names and prefixes, in whatever order: equal content has equal digests. */
  readonly digest: number
  /** Where the digest of each of them begins. */
  readonly digestBasis: number
}

/** A reply with nothing left to compute on the hot path. All octets ready to be copied. */
export interface PreparedReply {
  /** `data`: see `Policy.findData`. */
  readonly action: ListReply['action']
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

/** What is said of a special-use name, with nothing left to compute on the hot path. */
export interface SpecialUseEntry extends Omit<SpecialUseName, 'name' | 'cover'> {
  /** Position of the name in the snapshot. */
  readonly entry: number
  /** For answers that there is nothing: why. As in `PreparedReply`. */
  readonly edeOption: Uint8Array
}

/** What crosses threads: shared memory and a small description. Immutable once made. */
export interface Snapshot {
  readonly generation: number
  /** SHA-256 of the rule files and zones, hex; and of the files alone. */
  readonly sha256: string
  /** Undefined: the rules are from a folder. */
  readonly bundle?: BundleFacts | undefined
  readonly filesSha256: string
  /** Zones of primaries in it, as they were read. */
  readonly zones: readonly ZoneState[]
  /** Of all name hashes: give it to `HashedName.set`. */
  readonly seed: number
  readonly claims: readonly Claim[]
  /** Sources that some rule of some network points at. */
  readonly sources: readonly SourceSummary[]
  /** Special-use names that are answered here. */
  readonly locals: readonly SpecialUseEntry[]
  /** The records that lists have for their names, by source. */
  readonly data: ReadonlyMap<number, LocalData>
  readonly networks: readonly string[]
  /** Client class to network: index in `networks`. Class 0 is "in no network" and has -1. */
  readonly classNetworks: readonly number[]
  /** Client class to group of classes with the very same rules; group 0 has none. */
  readonly classGroups: readonly number[]
  /** The group to which no rule speaks, but special-use names are answered; 0: there is none. */
  readonly localGroup: number
  /** Shared memory; its layout is `policy/`'s own business. */
  readonly tables: {
    readonly names: NameTableBuffers
    readonly clients: PrefixTableBuffers
    readonly addresses: AddressTableBuffers
    readonly cells: ClaimIndexBuffers
  }
  readonly counts: {
    readonly names: number
    readonly rules: number
    readonly networks: number
    readonly sources: number
  }
  /** Shared memory in use. */
  readonly octets: Octets
  /**
   * All instants at which the term of some rule starts or ends, sorted, each once: epoch seconds.
   * Timetables know their own.
   */
  readonly switches: readonly Seconds[]
}

/**
 * What policy says of a name or address for one client, or of several together. One instance is
 * reused: clear it, then let `Policy.judge` and `Policy.judgeAddress` add what they find. Of several,
 * the better tier wins, and the earlier one inside a tier.
 */
export class Verdict {
  /** The deciding claim (index in `Snapshot.claims`), or -1: no rule speaks; forward. */
  claim = -1
  /** Its tier and the step in it, or NO_TIER. */
  tier: number = NO_TIER
  /** Position of the matched name or prefix in the snapshot: gives its text and line. -1: none. */
  entry = -1
  /** Label of the judged name at which the matched suffix begins. */
  label = 0
  /** A ban or block in monitor mode that would have decided if enforced, or -1; its tier and record. */
  monitorClaim = -1
  monitorTier: number = NO_TIER
  monitorEntry = -1

  /** Whether nothing was found, not even in monitor mode. */
  get isEmpty(): boolean {
    return this.claim === -1 && this.monitorClaim === -1
  }

  clear(): void {
    this.claim = -1
    this.tier = NO_TIER
    this.entry = -1
    this.label = 0
    this.monitorClaim = -1
    this.monitorTier = NO_TIER
    this.monitorEntry = -1
  }
}

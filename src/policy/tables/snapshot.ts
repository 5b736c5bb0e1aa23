import type { Octets, Seconds } from '../../base/units.js'
import type { AsnFacts } from '../rules/asn/asn-extract.js'
import type { BundleFacts } from '../rules/model/types.js'
import type { ZoneState } from '../../wire/zonefile/zone-state.js'
import type { AddressTableBuffers } from './address-table.js'
import type { ClaimTable } from './claim-table.js'
import type { ClientTable } from './client-table.js'
import type { Dns64Buffers } from './dns64-table.js'
import type { ForwarderSet } from './forwarder-sets.js'
import type { NameTableBuffers } from './name-table.js'
import type { SourceTable } from './source-table.js'
import type { SpecialUseEntry } from './special-use-names.js'

/**
 * Compiled rules. Immutable once built, and posted to other threads as one message: tables and lists are shared
 * memory, which costs the thread that receives it nothing, and the rest is small and cloned.
 *
 * A lookup goes from the client's address to its class and group (`clients`), from the query name
 * to an entry (`names`), from the entry's source set and the group to claims (`claims`).
 */
export interface Snapshot {
  /** Increases with every snapshot of a process. */
  readonly generation: number
  readonly origin: RulesOrigin
  readonly clients: ClientTable
  /** Of the networks that have forwarders of their own. */
  readonly forwarders: readonly ForwarderSet[]
  readonly dns64: readonly Dns64Buffers[]
  readonly names: NameTableBuffers
  readonly addresses: AddressTableBuffers
  readonly sources: SourceTable
  readonly claims: ClaimTable
  /** Special-use names that are answered locally. */
  readonly specialUse: readonly SpecialUseEntry[]
  readonly counts: SnapshotCounts
  /** Shared memory in use. */
  readonly octets: Octets
}

/** What the rules were read from. */
export interface RulesOrigin {
  /** SHA-256 of the rule files and zones, hex. */
  readonly sha256: string
  /** SHA-256 of the rule files alone, hex. */
  readonly filesSha256: string
  /** The transferred zones among the lists, as they were read. */
  readonly zones: readonly ZoneState[]
  /** The ASN database; undefined: the rules name no autonomous systems. */
  readonly asns?: AsnFacts | undefined
  /** Undefined: the rules come from a folder. */
  readonly bundle?: BundleFacts | undefined
  /** Blocks that were paused when the rules were compiled. */
  readonly pauses: readonly Pause[]
  /** Names that must resolve, in canonical text; undefined: none. */
  readonly mustResolve?: readonly string[] | undefined
  /** Names that are not validated for a while; undefined: none. */
  readonly dnssecExceptions?: readonly UnvalidatedName[] | undefined
  /** Trust anchors of DNSSEC in zone file format; undefined: none. */
  readonly trustAnchors?: readonly string[] | undefined
}

/** A negative trust anchor: a name that is not validated for a while, with all names below it. RFC 7646 §2. */
export interface UnvalidatedName {
  /** In lower-cased wire form. */
  readonly name: Uint8Array
  /** Human-readable. */
  readonly text: string
  readonly purpose: string
  readonly approvedBy: string
  readonly from: Seconds
  readonly until: Seconds
}

/** A block rule that has no effect for a while. */
export interface Pause {
  /** Id of the block rule. */
  readonly rule: string
  /** When it applies again, in Unix time. */
  readonly until: Seconds
  /** Who has paused it, and why; undefined: by a version that did not ask. */
  readonly by?: string | undefined
  readonly reason?: string | undefined
}

export interface SnapshotCounts {
  /** Distinct names in apps, lists and rules. */
  readonly names: number
  readonly rules: number
  readonly bans: number
  readonly networks: number
  readonly sources: number
}

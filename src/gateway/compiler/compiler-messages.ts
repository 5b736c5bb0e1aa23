import type { Milliseconds, Octets } from '../../base/units.js'
import type { Config } from '../config/config.js'
import type { SettingsFile } from '../config/load-settings.js'
import type { Pause, Snapshot } from '../../policy/tables/snapshot.js'
import type { SnapshotChanges } from '../../policy/compile/compare.js'
import type { SpecialUseName } from '../../policy/tables/special-use-names.js'
import type { EndEvent } from '../../policy/history/history-event.js'
import type { NewEvent } from '../../policy/history/history-writer.js'
import type { ListState } from '../../policy/rules/lists/load-list.js'
import type { TransferList } from '../../policy/rules/lists/transfer-list.js'
import type { RemoteListSet } from '../../sources/refresh/refresh-messages.js'
import type { OrderedFacts } from '../../analysis/enforcement/ordered-facts.js'
import type { MandateBaseline } from '../../sources/mandates/mandate-baseline.js'
import type { MandateReport } from '../../sources/mandates/mandate-report.js'
import type { TestedRules, TestReport, TestSettings } from './policy-test-gate.js'
import type { RulesLocation } from './rules-location.js'
import type { WatchState } from './watch-state.js'
import type { JournalUpdate } from './zone-journals.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'

export interface CompileRequest {
  readonly location: RulesLocation
  readonly generation: number
  /** Every path that the file watcher follows: files read last time, inside and outside the folder. */
  readonly watchedPaths: readonly string[]
  /** The state of the files when the active rules were read. */
  readonly watchState: WatchState
  /** Read and compile everything, even if no file has changed. */
  readonly isFull: boolean
  /** Compile even if the rules are the same: `localNames` are not. */
  readonly isForced: boolean
  /** Wait for every list, however long it takes. */
  readonly waitsForLists: boolean
  /** Whether no rules are active: what an earlier request has compiled was not adopted. */
  readonly isFirst: boolean
  /** SHA-256 of the rules that clients are answered by, which remain if others have errors; undefined: none. */
  readonly inherited?: string | undefined
  /** Special-use names that are answered locally. */
  readonly localNames: readonly SpecialUseName[]
  readonly pauses: readonly Pause[]
  /** Folder of the history of rules. */
  readonly history: string
  /** File of the names that are or were banned; undefined: none is kept. */
  readonly bannedNames: string | undefined
  /** Whether all lookups of these names are logged. */
  readonly logsBans: boolean
  /** The active snapshot, for a thread that did not compile it. */
  readonly active: Snapshot | undefined
  /** The lists in the active snapshot. */
  readonly lists: readonly ListState[]
  /** See `HistoryConfig`. */
  readonly listSize: Octets
  /** Whether the result is to contain a description of the rules. */
  readonly isPacked: boolean
  /** How many names of each source it is to contain. */
  readonly sampled: number
  readonly testSettings: TestSettings
  /** What is known of the active rules for their tests; undefined: none are active. */
  readonly tested: TestedRules | undefined
  /** What the active rules leave open in the mandates, if the state folder does not have it. */
  readonly unsavedBaseline: MandateBaseline | undefined
}

/** A list that is being compiled. */
export interface PendingList {
  readonly id: string
  /** Wall-clock time. */
  readonly since: Milliseconds
}

/** What came in force, for the history of rules. */
export interface RecordRequest {
  /** The folder of the history. */
  readonly folder: string
  readonly copiesFolder: string
  /** See `HistoryConfig`. */
  readonly listSize: Octets
  readonly event: NewEvent | EndEvent
}

/** Not the reply of a job: records are written while the next job may be done. */
export type RecordResult =
  | {
      readonly kind: 'recorded'
      /** Files of the rules that are not stored, without lists. */
      readonly missing: readonly string[]
      /** The file that was written. */
      readonly path: string
    }
  | { readonly kind: 'not recorded'; readonly error: SerializedError }

/** The rules folder as it was saved, while its changes wait to be applied. */
export interface SavedState {
  /** Undefined: there are errors. */
  readonly sha256: string | undefined
  /** As in `TestedRules`. */
  readonly edition: string
  readonly errors: readonly SerializedError[]
}

/** Copies saved rules to be applied, if they have this SHA-256. */
export interface PrepareRequest {
  readonly saved: string
  /** See `AppliedRules`. */
  readonly applied: string
  /** Undefined: whatever they have. */
  readonly sha256: string | undefined
  readonly asnDatabase: string | undefined
}

export type ToCompiler =
  | (RecordRequest & { readonly kind: 'record' })
  | (PrepareRequest & { readonly kind: 'prepare' })
  | { readonly kind: 'settings'; readonly file: string | undefined }
  | (CompileRequest & { readonly kind: 'compile' })

/** What rules get from elsewhere. */
export interface RuleSources {
  readonly remoteLists: RemoteListSet
  /** Lists that are zones transferred from primaries. */
  readonly zones: readonly TransferList[]
}

export type FromCompiler =
  | { readonly kind: 'prepared'; readonly sha256: string }
  | {
      readonly kind: 'settings'
      readonly file: SettingsFile
      /** The file as it was when it was read. */
      readonly watchState: WatchState
      /** Undefined: the settings have errors. */
      readonly config: Config | undefined
      readonly errors: readonly SerializedError[]
    }
  | (RuleSources & {
      readonly kind: 'compiled'
      /** Undefined: the rules are the same as the active ones. */
      readonly snapshot: Snapshot | undefined
      /** Compared to the previous snapshot, for the log; undefined for the first. */
      readonly changes: SnapshotChanges | undefined
      readonly warnings: readonly SerializedError[]
      /** Why the rules on offer were rejected, and these are the last good ones. */
      readonly bundleErrors: readonly SerializedError[]
      /** Why new versions of lists were rejected, and these are the names of the last good ones. */
      readonly listErrors: readonly SerializedError[]
      readonly tested: TestedRules
      readonly tests: TestReport
      readonly mandates: MandateReport
      /** What the rules order, for the status. */
      readonly ordered: OrderedFacts
      /** See `CompileRequest`; undefined: it is stored. */
      readonly unsavedBaseline?: MandateBaseline | undefined
      /** Undefined: saved rules are active. */
      readonly saved?: SavedState | undefined
      /** The lists in the snapshot. */
      readonly lists: readonly ListState[]
      /** Lists whose new version is not in it yet: `list compiled` follows. */
      readonly pendingLists: readonly PendingList[]
      /** See `packRules`; undefined: not requested. */
      readonly packedRules: Uint8Array | undefined
      /** Every file read or looked for, as it was when it was read. */
      readonly watchState: WatchState
      readonly duration: Milliseconds
      /** Whether `bundleErrors` or `listErrors` may go away by themselves, as below. */
      readonly isTransient: boolean
    })
  /** Only zone journals have changed. */
  | (JournalUpdate & {
      readonly kind: 'updated'
      readonly tests: TestReport
      readonly lists: readonly ListState[]
      readonly duration: Milliseconds
    })
  | {
      readonly kind: 'rejected'
      /** Of the rules, or else the failed tests. */
      readonly errors: readonly SerializedError[]
      /** Of the rules in force; undefined: as it was. */
      readonly mandates?: MandateReport | undefined
      readonly saved?: SavedState | undefined
      /** As above; undefined: the rules could not be loaded. */
      readonly sources?: RuleSources | undefined
      /** As above; undefined: no file was read. */
      readonly watchState: WatchState | undefined
      /** Whether a retry may succeed with the same files: out of descriptors, or of threads. */
      readonly isTransient: boolean
    }

/** Not a reply: a list is done that a reload has not waited for. */
export interface ListCompiled {
  readonly kind: 'list compiled'
}

export type CompileResult = Exclude<FromCompiler, { readonly kind: 'settings' | 'prepared' }>

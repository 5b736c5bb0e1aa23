import type { EndRequest } from '../../base/threads/thread.js'
import type { LogLine } from '../../base/threads/thread-log.js'
import type { KeyOptions } from '../../lookups/privacy/key-ring.js'
import type { PrivacyOptions } from '../../lookups/privacy/privacy-mode.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { AnswerBatch } from '../../resolver/stages/answer-notes.js'
import type { HeldReply, SeenAddress } from '../../resolver/stages/reply-gate.js'
import type { Config } from '../config/config.js'
import type { DeniedExport, FetchRequest } from './denied-export.js'
import type { DenyState } from './address-keeper.js'
import type { ObserverCounts } from './connection-observer.js'

export interface ObservationInit {
  readonly config: Config
  /** Of the addresses that workers hold replies for. */
  readonly denied: SharedArrayBuffer
  /** Of the query log; undefined: there is none, and findings are only counted. */
  readonly folder: string | undefined
  readonly privacy: PrivacyOptions & { readonly keys: KeyOptions }
  /** The rules in force. */
  readonly rules: RulesInForce
}

export interface RulesInForce {
  readonly snapshot: Snapshot
  /** With some names of each source: see `packRules`. */
  readonly packedRules: Uint8Array | undefined
}

export type ToObservation =
  | { readonly kind: 'rules'; readonly rules: RulesInForce }
  | { readonly kind: 'answers'; readonly batch: AnswerBatch }
  | {
      readonly kind: 'sighted'
      readonly seen: readonly SeenAddress[]
      readonly blocked: readonly string[]
    }
  | { readonly kind: 'held'; readonly worker: number; readonly reply: HeldReply }
  | { readonly kind: 'overdue'; readonly count: number }
  | { readonly kind: 'fetch'; readonly id: number; readonly request: FetchRequest }
  | EndRequest

/** State of the observation; its JSON form is public. */
export interface ObservationState extends ObserverCounts {
  /** Whether connections are read now. */
  readonly reading: boolean
  /** Why they are not; null: they are, or are about to be. */
  readonly error: string | null
  /** Whether the kernel counts octets. */
  readonly counted: boolean
  /** Whether it is known which answers clients had: not in the first hour. */
  readonly known: boolean
  /** Addresses that are denied. Null: no network has `egress: deny`. */
  readonly deny: DenyState | null
}

/** `denied` undefined: the rules have no such network. `notReady`: what is missing until the addresses are known. */
export type FetchResult =
  { readonly denied: DeniedExport | undefined } | { readonly notReady: string }

export type FromObservation =
  | LogLine
  | { readonly kind: 'state'; readonly state: ObservationState }
  | { readonly kind: 'fetched'; readonly id: number; readonly result: FetchResult }
  | { readonly kind: 'release'; readonly worker: number; readonly ids: readonly number[] }

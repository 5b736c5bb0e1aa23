import type { EndRequest } from '../../base/threads/thread.js'
import type { LogLine } from '../../base/threads/thread-log.js'
import type { KeyOptions } from '../../lookups/privacy/key-ring.js'
import type { PrivacyOptions } from '../../lookups/privacy/privacy-mode.js'
import type { EgressTarget } from '../../policy/egress/connection-judge.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { AnswerBatch } from '../../resolver/stages/answer-notes.js'
import type { ObserverCounts } from './connection-observer.js'

export interface ObservationInit {
  /** Socket of the egress helper for connections. */
  readonly socket: string
  /** Of the query log; undefined: there is none, and findings are only counted. */
  readonly folder: string | undefined
  readonly privacy: PrivacyOptions & { readonly keys: KeyOptions }
  /** The rules in force. */
  readonly snapshot: Snapshot
}

/** An address of banned names that clients of a network are not to reach. */
export interface AddressTarget extends EgressTarget {
  readonly network: string
  readonly address: string
}

export type ToObservation =
  | { readonly kind: 'rules'; readonly snapshot: Snapshot }
  | { readonly kind: 'answers'; readonly batch: AnswerBatch }
  /** All of them, instead of the previous ones. */
  | { readonly kind: 'targets'; readonly targets: readonly AddressTarget[] }
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
}

export type FromObservation = LogLine | { readonly kind: 'state'; readonly state: ObservationState }

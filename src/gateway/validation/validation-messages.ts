import type { MessagePort } from 'node:worker_threads'
import type { EndRequest } from '../../base/threads/thread.js'
import type { Observation, QueryEvent } from '../../lookups/event/query-event.js'
import type { ForwarderSet } from '../../policy/tables/forwarder-sets.js'
import type { LogLine } from '../../base/threads/thread-log.js'
import type { UnvalidatedName } from '../../policy/tables/snapshot.js'
import type { ValidationSample } from '../../resolver/stages/validation-sampler.js'
import type { Config } from '../config/config.js'
import type { ValidationStatus } from './validation-status.js'

/** The start parameters of the validation thread. */
export interface ValidationInit {
  readonly config: Config
  /** Of the rules in force. */
  readonly forwarders: readonly ForwarderSet[]
  readonly exceptions: readonly UnvalidatedName[]
  readonly trustAnchors: readonly string[]
}

export type ToValidation =
  | ({ readonly kind: 'settings' } & ValidationInit)
  | { readonly kind: 'sample'; readonly sample: ValidationSample }
  /** The negative trust anchors of the rules in force. */
  | { readonly kind: 'exceptions'; readonly exceptions: readonly UnvalidatedName[] }
  /** From here come the answers of a worker that clients wait for. */
  | { readonly kind: 'worker'; readonly port: MessagePort }
  | EndRequest

/** What it has found so far. */
export type ValidationState = Omit<ValidationStatus, 'since'>

export type FromValidation =
  | LogLine
  /** For the query log. */
  | { readonly kind: 'observed'; readonly event: QueryEvent; readonly observation: Observation }
  | { readonly kind: 'state'; readonly state: ValidationState }

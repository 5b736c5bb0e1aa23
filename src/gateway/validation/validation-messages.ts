import type { EndRequest } from '../../base/threads/thread.js'
import type { LogLine } from '../../base/threads/thread-log.js'
import type { ValidationSample } from '../../resolver/stages/validation-sampler.js'
import type { Config } from '../config/config.js'
import type { ValidationStatus } from './validation-status.js'

/** The start parameters of the validation thread. */
export interface ValidationInit {
  readonly config: Config
}

export type ToValidation =
  | { readonly kind: 'settings'; readonly config: Config }
  | { readonly kind: 'sample'; readonly sample: ValidationSample }
  | EndRequest

export type FromValidation =
  LogLine | { readonly kind: 'state'; readonly state: Omit<ValidationStatus, 'since'> }

import type { InterdictError } from '../../../base/errors/error.js'
import type { RuleFiles } from '../model/folder.js'
import type { NameSource } from '../model/types.js'
import type { ListReport } from './list-types.js'
import type { ListRequest, ListState } from './load-list.js'

/** A list for the rules that use it. */
export interface ProvidedList {
  /** Undefined: it has errors, or no copy of it exists so far. */
  readonly sources: readonly NameSource[] | undefined
  readonly reports: readonly ListReport[]
  /** The state from which it need not be read again; undefined for a list in a bundle. */
  readonly state: ListState | undefined
  /** Why there are no sources, or only the sources of an earlier version. */
  readonly errors: readonly InterdictError[]
  readonly warnings: readonly InterdictError[]
}

/** Provides lists that need not be read again, or are read in another thread. */
export interface ListProvider {
  /** Undefined: the caller reads the list. Never rejects. The files of the list count as read. */
  provide(files: RuleFiles, request: ListRequest): Promise<ProvidedList | undefined>
}

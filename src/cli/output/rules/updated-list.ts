import type { SerializedError } from '../../../base/errors/serialized-error.js'

/** What came of one update; its JSON form is public. */
export interface UpdatedList {
  readonly id: string
  readonly result: 'updated' | 'unchanged' | 'failed'
  /** Entries of the copy; null if the update failed, or the zone is unchanged. */
  readonly entries: number | null
  /** Serial of a zone; null of a download. */
  readonly serial: number | null
  /** Why it failed, or which primaries did. */
  readonly errors: readonly SerializedError[]
}

import type { PublicKey } from '../../base/files/ed25519.js'

/** Where mandates are read from, and where their last good versions are kept. */
export interface MandatesSource {
  readonly folder: string
  /** One of these, or of the files, must have signed a mandate. */
  readonly keys: readonly PublicKey[]
  /** Files with one key each. */
  readonly keyFiles: readonly string[]
  /** Folder of the last good versions. */
  readonly store: string
}

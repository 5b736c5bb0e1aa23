import type { PublicKey } from '../../base/files/ed25519.js'

/** The place where mandates are read from, and where their last good versions are stored. */
export interface MandatesSource {
  readonly folder: string
  /** A mandate must be signed by one of these keys, or by one in the files. */
  readonly keys: readonly PublicKey[]
  /** Files with one key each. */
  readonly keyFiles: readonly string[]
  /** Folder of the last good versions. */
  readonly store: string
}

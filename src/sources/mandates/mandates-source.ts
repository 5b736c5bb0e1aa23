import type { TrustSettings } from '../bundle/trusted-keys.js'

/** The place where mandates are read from, and where their last good versions are stored. */
export interface MandatesSource extends Omit<TrustSettings, 'signatures'> {
  readonly folder: string
  /** Folder of the last good versions. */
  readonly store: string
}

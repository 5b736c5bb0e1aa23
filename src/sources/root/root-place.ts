import { join } from 'node:path'

/** Where a gateway has its root of trust. Paths are absolute. */
export interface RootPlace {
  /** Named in the settings, and trusted for that; a higher version than the accepted one replaces it. */
  readonly file: string
  /** Folder of the accepted root. */
  readonly folder: string
}

/** Folder of the accepted root. */
export const rootFolder = (state: string): string => join(state, 'root')

/** Path of the accepted root. */
export const acceptedRoot = ({ folder }: Pick<RootPlace, 'folder'>): string =>
  join(folder, 'accepted.root')

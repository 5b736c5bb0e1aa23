import { join } from 'node:path'

/** Where accepted bundles are, within the folder for what is kept. */
export const bundlesFolder = (state: string): string => join(state, 'bundles')

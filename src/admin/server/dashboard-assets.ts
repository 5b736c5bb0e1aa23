import type { Asset } from './dashboard.js'

/** The files of the dashboard: none until the bundler puts them in place of this module (`tools/dashboard.ts`). */
export const ASSETS: readonly Asset[] = []

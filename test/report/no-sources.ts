import type { ClientSources } from '../../src/analysis/report/questions/bypass.js'

/** Nothing but lookups is known. */
export const NO_SOURCES: ClientSources = {
  findDevice: () => Promise.resolve({ status: 'unknown', reason: 'none' }),
  connections: () => Promise.resolve(new Map())
}

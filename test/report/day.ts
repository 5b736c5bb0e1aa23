import type { Milliseconds } from '../../src/base/units.js'
import type { Log } from '../../src/analysis/report/log.js'
import { periodic, type PeriodicOptions } from '../../src/analysis/report/questions/periodic.js'
import type { Selection } from '../../src/analysis/report/questions/selection.js'
import type { Origin, Report } from '../../src/analysis/report/report.js'

type Bounded = Selection & { readonly since: Milliseconds; readonly until: Milliseconds }

export const ORIGIN: Origin = {
  gateway: 'gw-1',
  version: '1.2.3',
  generated: new Date('2026-11-11T05:00:00Z'),
  rules: { sha256: 'ab12', serial: 7 }
}

/** Options without rules and titles, for a report made long after its period. */
export const PLAIN: PeriodicOptions = {
  titles: new Map(),
  bypassApps: [],
  top: 20,
  previous: 0,
  rules: undefined,
  now: Infinity
}

/** A daily report without rules. */
export const dailyReport = (log: Log, selection: Bounded, top = 20): Promise<Report> =>
  periodic(log, 'daily', selection, { ...PLAIN, top })

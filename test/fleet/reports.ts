import type { Counters, Report } from '../../src/fleet/channel/wire.js'

const AT = '2026-01-02T03:04:05.000Z'

export const counters = (change: Partial<Counters> = {}): Counters => {
  return { lookups: 0, blocked: 0, servfail: 0, durationSum: 0, responses: 0, ...change }
}

/** The report of a gateway that runs bundle 10. */
export const report = (change: Partial<Report>): Report => ({
  ...{ version: 1, gateway: 'gw', ring: 'canary', program: '1.0', at: AT, started: AT, number: 1 },
  ...{ wanted: 10, active: 10, rules: '0'.repeat(64), since: AT, ready: true, problems: [] },
  ...{ probe: null },
  ...{ refused: null, paused: [], counters: counters() },
  ...change
})

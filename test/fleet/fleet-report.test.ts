import t from 'tap'
import { fleetReport } from '../../src/fleet/agent/fleet-report.js'
import { isFailing } from '../../src/fleet/hub/inventory.js'
import type { StatusReply } from '../../src/gateway/status/health.js'
import { STATUS } from '../daemon/api/services.js'
import { counters } from './reports.js'

/** The report of a gateway with these problems. */
function reportOf(...codes: readonly string[]) {
  const problems = codes.map(code => ({ code, message: code, state: 'policy', subject: null }))
  const health = { ...STATUS.health, ready: true, problems } as StatusReply['health']
  return fleetReport(
    { name: 'gw', ring: 'canary' },
    { ...STATUS, health },
    { wanted: null, error: null } as Parameters<typeof fleetReport>[2],
    { counters: counters() },
    { number: 1, now: 0 }
  )
}

t.test('many problems do not hide one that fails a rollout', async t => {
  const shrunk = Array.from({ length: 100 }, () => 'LIST_SHRUNK')
  const report = reportOf(...shrunk, 'UPSTREAM_DOWN', 'RULES_REFUSED', 'UPSTREAM_DOWN')
  t.strictSame(report.problems, ['RULES_REFUSED', 'LIST_SHRUNK', 'UPSTREAM_DOWN'])
  t.ok(isFailing(report))
  t.notOk(isFailing(reportOf(...shrunk)))
})

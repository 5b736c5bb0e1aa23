import t from 'tap'
import { ObservationHandle } from '../../../src/gateway/egress/observation-handle.js'
import type { Config } from '../../../src/gateway/config/config.js'
import { EGRESS } from '../../../src/policy/tables/client-table.js'
import type { Snapshot } from '../../../src/policy/tables/snapshot.js'

t.test('without egress.connections, observe and deny are not reported as observed', async t => {
  const config = { egress: { connections: undefined } } as Config
  const logs = (): void => void t.fail()
  const log = { info: logs, warn: logs, error: logs }
  const handle = new ObservationHandle({
    startThread: () => t.fail() as never,
    config,
    log,
    release: logs
  })
  const statusWith = (egress: number) => {
    handle.setRules(
      { clients: { egress: Uint8Array.of(egress) } } as unknown as Snapshot,
      undefined
    )
    return handle.status
  }
  t.equal(statusWith(EGRESS.off), null)
  for (const egress of [EGRESS.observe, EGRESS.deny])
    t.match(statusWith(egress), { reading: false, error: /egress\.connections/ })
})

/** The fleet thread: the channel to the hub. It ends with the gateway, or when the settings of the fleet change. */
import type { LookupFunction } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { reasonOf } from '../../base/errors/reason.js'
import { systemClock } from '../../base/time/clock.js'
import { Channel } from '../channel/channel.js'
import type { BootstrapResolver, BootstrapServers } from '../../sources/http/bootstrap-resolver.js'
import type { ShipState } from '../ship/ship-state.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import type { FleetInit, FromFleet, ToFleet } from './fleet-messages.js'
import { endOnRequest } from '../../base/threads/end-thread.js'

const post = (message: FromFleet): void => parentPort!.postMessage(message)

endOnRequest()
run(workerData as FleetInit)

function run({ fleet, source, bootstrap, log: path, history, mandates }: FleetInit): void {
  const log = createThreadLog(post)
  const lookup = lookupBy(bootstrap)
  // Without bundles there is nothing to hear from a hub: only logs are sent.
  const channel =
    source &&
    new Channel({
      ...{ fleet, source, lookup, clock: systemClock, log },
      onState: state => post({ kind: 'state', state })
    })
  parentPort!.on('message', (message: ToFleet) => {
    if (channel === undefined) return
    if ('report' in message) void channel.report(message.report)
    else void countersign(channel, message)
  })
  channel?.start()
  if (fleet.logs === undefined) return
  const tools = {
    ...{ lookup, log, history, mandates, connection: () => channel?.connection },
    onState: (logs: ShipState) => post({ kind: 'logs', logs })
  }
  void import('../ship/start-shipping.js').then(({ startShipping }) => {
    startShipping(fleet, path, tools)
  })
}

async function countersign(
  channel: Channel,
  { id, countersign: request }: Extract<ToFleet, { id: number }>
): Promise<void> {
  const reply = await channel.countersign(request).catch((error: unknown) => reasonOf(error))
  post({ kind: 'countersigned', id, reply })
}

/** Resolves names by upstreams. The resolver is loaded with the first name: a gateway with NATS alone has none. */
function lookupBy(bootstrap: BootstrapServers): LookupFunction {
  let opening: Promise<BootstrapResolver> | undefined
  return (name, options, callback) => {
    opening ??= import('../../sources/http/bootstrap-resolver.js').then(
      ({ BootstrapResolver: resolver }) => resolver.open(bootstrap)
    )
    void opening.then(({ lookup }) => lookup(name, options, callback))
  }
}

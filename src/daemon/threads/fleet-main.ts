/** The fleet thread: the channel to the hub. It ends with the gateway, or when the settings of the fleet change. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../base/clock.js'
import { Channel } from '../../fleet/channel/channel.js'
import { BootstrapResolver } from '../../sources/http/bootstrap-resolver.js'
import { createThreadLog, type FleetInit, type FromFleet, type ToFleet } from './messages.js'

const post = (message: FromFleet): void => parentPort!.postMessage(message)

void run(workerData as FleetInit)

async function run({ fleet, source, bootstrap }: FleetInit): Promise<void> {
  const { lookup } = await BootstrapResolver.open(bootstrap)
  const channel = new Channel({
    ...{ fleet, source, lookup, clock: systemClock, log: createThreadLog(post) },
    onState: state => post({ kind: 'state', state })
  })
  parentPort!.on('message', ({ report }: ToFleet) => channel.report(report))
  channel.start()
}

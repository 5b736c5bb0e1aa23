/** The fleet thread: the channel to the hub. It ends with the gateway, or when the settings of the fleet change. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../base/clock.js'
import { Channel } from '../../fleet/channel/channel.js'
import { LiveLookups } from '../../fleet/ship/live-lookups.js'
import { LogSender } from '../../fleet/ship/log-sender.js'
import { LogLayout } from '../../querylog/archive/log-layout.js'
import { BootstrapResolver } from '../../sources/http/bootstrap-resolver.js'
import { createThreadLog, type FleetInit, type FromFleet, type ToFleet } from './messages.js'

const post = (message: FromFleet): void => parentPort!.postMessage(message)

void run(workerData as FleetInit)

async function run({ fleet, source, bootstrap, log: path }: FleetInit): Promise<void> {
  const { lookup } = await BootstrapResolver.open(bootstrap)
  const log = createThreadLog(post)
  const channel = new Channel({
    ...{ fleet, source, lookup, clock: systemClock, log },
    onState: state => post({ kind: 'state', state })
  })
  parentPort!.on('message', ({ report }: ToFleet) => void channel.report(report))
  channel.start()
  const connection = () => channel.connection
  if (fleet.logs?.live === true) new LiveLookups({ path, gateway: fleet.name, connection, log })
  if (fleet.logs !== undefined)
    void new LogSender(fleet, fleet.logs, new LogLayout(path), {
      ...{ lookup, log, connection }
    }).run()
}

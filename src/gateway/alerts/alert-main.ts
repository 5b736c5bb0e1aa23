/** An alert thread: sends the alerts that wait for one hook, in order, up to the first failure, and exits. */
import { parentPort, workerData } from 'node:worker_threads'
import { BootstrapResolver } from '../../sources/http/bootstrap-resolver.js'
import { sendAlerts } from './send-alerts.js'
import type { AlertInit } from './alert-messages.js'
import { endOnRequest } from '../../base/threads/end-thread.js'

endOnRequest()
// It exits when everything is sent.
parentPort!.unref()
void run(workerData as AlertInit)

async function run({ bootstrap, ...init }: AlertInit): Promise<void> {
  const resolver = BootstrapResolver.open(bootstrap)
  await sendAlerts(init, resolver.lookup, message => parentPort!.postMessage(message))
  resolver.close()
}

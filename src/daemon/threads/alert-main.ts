/** An alert thread: sends the alerts that wait for one hook, in order, up to the first failure, and exits. */
import { parentPort, workerData } from 'node:worker_threads'
import { postAlert } from '../../alerts/post-alert.js'
import { BootstrapResolver } from '../../sources/http/bootstrap-resolver.js'
import type { AlertInit, FromAlert } from './messages.js'
import { serializeError } from './serialized-error.js'

const post = (message: FromAlert): void => parentPort!.postMessage(message)

void sendAll(workerData as AlertInit)

async function sendAll({ hook, bootstrap, messages }: AlertInit): Promise<void> {
  const resolver = await BootstrapResolver.open(bootstrap)
  for (const message of messages) {
    const { delivery } = message
    try {
      await postAlert(hook, message, resolver.lookup)
      post({ kind: 'sent', delivery })
    } catch (error) {
      post({ kind: 'failed', delivery, error: serializeError(error) })
      break
    }
  }
  resolver.close()
}

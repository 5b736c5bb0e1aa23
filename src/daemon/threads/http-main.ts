/** The HTTP thread: health and metrics (`admin.http`), so that no client of it delays a query. */
import { parentPort, workerData } from 'node:worker_threads'
import type { Milliseconds } from '../../base/units.js'
import { CounterMetrics } from '../admin/http/counter-metrics.js'
import { HttpServer } from '../admin/http/http-server.js'
import type { StatusReply } from '../admin/health.js'
import type { FromHttp, HttpInit, ToHttp } from './messages.js'
import { PendingRequests } from './pending-requests.js'
import { serializeError } from './serialized-error.js'

/** The control thread waits up to two seconds for the other threads. */
const STATUS_TIMEOUT: Milliseconds = 3_000

const post = (message: FromHttp): void => parentPort!.postMessage(message)
const { endpoint, counters } = workerData as HttpInit
const requests = new PendingRequests<StatusReply>()
const counterMetrics = new CounterMetrics(counters)
const server = new HttpServer(counterMetrics, async () => {
  const reply = await requests.send(id => post({ kind: 'request', id }), STATUS_TIMEOUT)
  return typeof reply === 'object' ? reply : undefined
})

parentPort!.on('message', (message: ToHttp) => {
  if (message.kind === 'reply') requests.onReply(message.id, message.reply)
  else counterMetrics.setRules(message.rules)
})
server.listen(endpoint).then(
  local => post({ kind: 'listening', endpoint: local }),
  (error: unknown) => post({ kind: 'failed', error: serializeError(error) })
)

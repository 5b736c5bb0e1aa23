/** The HTTP thread: health, metrics and the API (`admin.http`), so that no client of it delays a query. */
import type { RequestListener } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../base/clock.js'
import { ControlClient } from '../admin/http/control-client.js'
import { CounterMetrics } from '../admin/http/counter-metrics.js'
import { HttpServer } from '../admin/http/http-server.js'
import { Probes } from '../admin/http/probes.js'
import { createThreadLog, type FromHttp, type HttpInit, type ToHttp } from './messages.js'
import { serializeError } from './serialized-error.js'

const post = (message: FromHttp): void => parentPort!.postMessage(message)
const log = createThreadLog(post)
const { config: initial, endpoint, counters, program } = workerData as HttpInit
let config = initial
const { tls, tokens } = config.admin
const control = new ControlClient(post)
const counterMetrics = new CounterMetrics(counters)
const probes = new Probes(counterMetrics, () => control.status())

/** Most of this thread's code, which is not needed for health and metrics. */
async function loadApi(tokens: string): Promise<RequestListener> {
  const { startApi } = await import('../admin/http/api/start-api.js')
  const settings = { config: () => config, admin: initial.admin }
  return startApi({ program, tokens, settings, control, probes, log, clock: systemClock })
}

parentPort!.on('message', (message: ToHttp) => {
  if (message.kind === 'reply') control.onReply(message.id, message.reply)
  else if (message.kind === 'rules') counterMetrics.setRules(message.rules)
  else config = message.config
})
const server = new HttpServer({
  probes,
  tls,
  loadApi: tokens === undefined ? undefined : () => loadApi(tokens),
  log
})
server.listen(endpoint).then(
  local => post({ kind: 'listening', endpoint: local }),
  (error: unknown) => post({ kind: 'failed', error: serializeError(error) })
)

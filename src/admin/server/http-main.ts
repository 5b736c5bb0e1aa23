/** The HTTP thread: health, metrics and the API (`admin.http`), so that no client of it delays a query. */
import type { RequestListener } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../base/time/clock.js'
import { removeExports } from '../api/lookup-export.js'
import { ChangeLog, changesFile, readsFile, type Read } from '../audit/change-log.js'
import { watchFiles } from '../audit/watch-files.js'
import { ControlClient } from '../http/control-client.js'
import { CounterMetrics } from '../metrics/counter-metrics.js'
import { Dashboard } from './dashboard.js'
import { STRICT_TRANSPORT } from '../http/headers.js'
import { HttpServer } from './http-server.js'
import { Probes } from '../metrics/probes.js'
import { recordTrend } from '../metrics/record-trend.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import { PREFIX } from '../http/api-prefix.js'
import type { PauseRequest } from '../../gateway/socket/admin-protocol.js'
import type { FromHttp, HttpInit, ToHttp } from '../http/http-messages.js'
import { serializeError } from '../../base/errors/serialized-error.js'

const post = (message: FromHttp): void => parentPort!.postMessage(message)
const log = createThreadLog(post)
const { config: initial, endpoint, counters, program } = workerData as HttpInit
let config = initial
const { tls, tokens, dashboard } = config.admin
const control = new ControlClient(post)
const counterMetrics = new CounterMetrics(counters)
const probes = new Probes(counterMetrics, () => control.status())

const { folder: state } = config.state
removeExports(state, log)
/** From the start, not from the first request of the API on. */
const trend = tokens === undefined ? undefined : recordTrend(counterMetrics, state, log)
const changes =
  tokens === undefined ? undefined : new ChangeLog(changesFile(state), systemClock, log)
if (changes !== undefined) watchFiles(changes, () => control.status())

/** Most of this thread's code, which is not needed for health and metrics. */
async function loadApi(tokens: string): Promise<RequestListener> {
  const { startApi } = await import('../api/start-api.js')
  const settings = { config: () => config, admin: initial.admin }
  const reads = new ChangeLog<Read>(readsFile(state), systemClock, log)
  const recorded = { trend: trend!, changes: changes!, reads }
  return startApi({
    program,
    tokens,
    settings,
    control,
    probes,
    ...recorded,
    log,
    clock: systemClock
  })
}

async function loadDashboard(): Promise<Dashboard> {
  const { ASSETS } = await import('./dashboard-assets.js')
  return new Dashboard(ASSETS, tls === undefined ? {} : STRICT_TRANSPORT)
}

/** As the same request through the API is recorded. */
function recordPause({ rule, seconds, by, reason }: PauseRequest): void {
  const operation = seconds === 0 ? 'resumeRule' : 'pauseRule'
  const subject = `${PREFIX}/rules/${encodeURIComponent(rule)}/pause`
  changes?.record({ by, operation, subject, code: null, ...(reason !== '' && { reason }) })
}

parentPort!.on('message', (message: ToHttp) => {
  if (message.kind === 'reply') control.onReply(message.id, message.reply)
  else if (message.kind === 'rules') counterMetrics.setRules(message.rules)
  else if (message.kind === 'paused') recordPause(message.request)
  else config = message.config
})
const server = new HttpServer({
  probes,
  tls,
  loadDashboard: dashboard && tokens !== undefined ? loadDashboard : undefined,
  loadApi: tokens === undefined ? undefined : () => loadApi(tokens),
  log
})
server.listen(endpoint).then(
  local => post({ kind: 'listening', endpoint: local }),
  (error: unknown) => post({ kind: 'failed', error: serializeError(error) })
)

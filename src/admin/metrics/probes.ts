import type { IncomingMessage } from 'node:http'
import type { Milliseconds } from '../../base/units.js'
import type { Health, StatusReply } from '../../gateway/status/health.js'
import type { HealthState } from '../../gateway/status/problems.js'
import type { CounterMetrics } from './counter-metrics.js'
import { metricFamilies } from './metrics.js'
import { processFigures } from './process-figures.js'
import { METRICS_TYPE, metricsFormat, metricsText } from './metrics-text.js'
import { PageMemory } from './page-memory.js'

/** A status this old is used again, so that many clients cost no more than one. */
const MAX_AGE: Milliseconds = 250

/** Asks the control thread. Undefined: it has not answered in time. */
export type AskStatus = () => Promise<StatusReply | undefined>

/** A complete response. */
export interface Page {
  readonly code: number
  readonly type: string
  readonly body: string | Buffer
  /** Called when the body has been sent, or cannot be. */
  readonly release?: () => void
}

const PATHS = ['/livez', '/readyz', '/policyz', '/evidencez', '/metrics'] as const
type ProbePath = (typeof PATHS)[number]

export const isProbe = (path: string): path is ProbePath =>
  (PATHS as readonly string[]).includes(path)

const SILENT = { code: 'CONTROL_SILENT', message: 'the control thread does not respond' }

/** `/livez`, `/readyz`, `/policyz`, `/evidencez` and `/metrics`: health and metrics, without a login. Nothing can be changed here. */
export class Probes {
  private cached: { readonly at: Milliseconds; readonly status: ReturnType<AskStatus> } | undefined

  private readonly memory = new PageMemory()

  constructor(
    private readonly counters: CounterMetrics,
    private readonly askStatus: AskStatus
  ) {}

  async page(path: ProbePath, { headers }: IncomingMessage): Promise<Page> {
    const status = await this.status()
    if (status === undefined) return json(503, { ready: false, good: false, problems: [SILENT] })
    if (path === '/livez') return json(200, { version: status.version })
    if (path === '/readyz') return json(status.health.ready ? 200 : 503, status.health)
    if (path === '/policyz') return statePage(status.health, 'policy')
    if (path === '/evidencez') return statePage(status.health, 'evidence')
    const format = metricsFormat(headers.accept)
    const families = [...metricFamilies(status, processFigures()), ...this.counters.families()]
    const page = this.memory.join(metricsText(families, format))
    return { code: 200, type: METRICS_TYPE[format], ...page }
  }

  /** Not older than a quarter of a second. */
  status(): ReturnType<AskStatus> {
    const now = performance.now()
    if (this.cached === undefined || now - this.cached.at > MAX_AGE) {
      this.cached = { at: now, status: this.askStatus() }
    }
    return this.cached.status
  }
}

/** Whether a state is good, and its problems. */
function statePage({ states, problems }: Health, state: HealthState): Page {
  const own = problems.filter(one => one.state === state)
  return json(states[state] ? 200 : 503, { good: states[state], problems: own })
}

function json(code: number, value: object): Page {
  return { code, type: 'application/json', body: `${JSON.stringify(value)}\n` }
}

/** A metric family: samples of one meaning, by labels. Label values come from settings and rules only. */
export interface MetricFamily {
  /** Without the suffix of its type. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'info'
  readonly help: string
  readonly samples: readonly MetricSample[]
}

export interface MetricSample {
  readonly value: number
  readonly labels?: Readonly<Record<string, string>>
}

/** What a client can be sent: OpenMetrics 1.0, or the older text format of Prometheus. */
export type MetricsFormat = 'openmetrics' | 'prometheus'

export const METRICS_TYPE: Readonly<Record<MetricsFormat, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8'
}

/** The format that an `Accept` header asks for. */
export function metricsFormat(accept: string | undefined): MetricsFormat {
  return accept?.includes('application/openmetrics-text') === true ? 'openmetrics' : 'prometheus'
}

const SUFFIX = { counter: '_total', info: '_info', gauge: '' } as const

/** Families without samples are left out. https://prometheus.io/docs/specs/om/open_metrics_spec/ */
export function metricsText(families: readonly MetricFamily[], format: MetricsFormat): string {
  const isOpen = format === 'openmetrics'
  const lines = families
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ name, type, help, samples }) => {
      const sampleName = name + SUFFIX[type]
      // In the older format the suffix belongs to the name, and the type `info` does not exist.
      const shown = isOpen ? name : sampleName
      const shownType = isOpen || type !== 'info' ? type : 'gauge'
      return [
        `# HELP ${shown} ${escape(help, /[\\\n]/g)}`,
        `# TYPE ${shown} ${shownType}`,
        ...samples.map(({ value, labels }) => `${sampleName}${labelText(labels)} ${value}`)
      ]
    })
  return `${[...lines, ...(isOpen ? ['# EOF'] : [])].join('\n')}\n`
}

function labelText(labels: MetricSample['labels']): string {
  if (labels === undefined) return ''
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${escape(value, /[\\\n"]/g)}"`
  )
  return `{${parts.join(',')}}`
}

function escape(text: string, special: RegExp): string {
  return text.replaceAll(special, found => (found === '\n' ? '\\n' : `\\${found}`))
}

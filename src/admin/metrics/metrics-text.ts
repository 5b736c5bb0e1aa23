/** A metric family: samples of one meaning, by labels. Label values come from settings and rules only. */
export interface MetricFamily {
  /** Without the suffix of its type. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info'
  readonly help: string
  readonly samples?: readonly MetricSample[]
  /** In place of samples: their lines, with the whole name. */
  readonly written?: readonly Uint8Array[]
}

export interface MetricSample {
  readonly value: number
  readonly labels?: Readonly<Record<string, string>>
  /** Of the name, in place of that of the type: the parts of a histogram. */
  readonly suffix?: '_bucket' | '_sum' | '_count'
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

const SUFFIX = { counter: '_total', info: '_info', gauge: '', histogram: '' } as const

/**
 * The parts of a page. Families without samples are left out.
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export function metricsText(
  families: readonly MetricFamily[],
  format: MetricsFormat
): readonly Uint8Array[] {
  const isOpen = format === 'openmetrics'
  const parts: Uint8Array[] = []
  for (const { name, type, help, samples = [], written = [] } of families) {
    if (samples.length + written.length === 0) continue
    // In the older format the suffix belongs to the name, and the type `info` does not exist.
    const shown = isOpen ? name : name + SUFFIX[type]
    const shownType = isOpen || type !== 'info' ? type : 'gauge'
    const head = `# HELP ${shown} ${escape(help, /[\\\n]/g)}\n# TYPE ${shown} ${shownType}\n`
    parts.push(Buffer.from(head + samplesText(name, type, samples)), ...written)
  }
  if (isOpen) parts.push(Buffer.from('# EOF\n'))
  return parts
}

/** A line for each sample, the same in both formats. */
export function samplesText(
  name: string,
  type: MetricFamily['type'],
  samples: readonly MetricSample[]
): string {
  let text = ''
  for (const { value, labels, suffix = SUFFIX[type] } of samples) {
    text += `${sampleStart(name + suffix, labels)}${value}\n`
  }
  return text
}

/** A sample's line up to its value. @param name with its suffix */
export function sampleStart(name: string, labels: MetricSample['labels']): string {
  return `${name}${labelText(labels)} `
}

/** `{name="value",...}`; nothing without labels. */
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

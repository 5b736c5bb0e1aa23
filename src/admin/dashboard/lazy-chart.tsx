import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { ChartProps } from './chart.js'

/** A chart, whose code is loaded when the first one is shown. */
export function LazyChart(props: ChartProps) {
  const [Chart, setChart] = useState<ComponentType<ChartProps> | undefined>(undefined)
  useEffect(() => void import('./chart.js').then(it => setChart(() => it.default)), [])
  return Chart === undefined ? (
    <div style={{ height: `${props.height}px` }} />
  ) : (
    <Chart {...props} />
  )
}

import { BarChart } from 'echarts/charts'
import { GridComponent, LegendComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, GridComponent, LegendComponent, SVGRenderer])

/** Colours by meaning; the page defines each for light and dark. */
export type Tone = 'blocked' | 'monitored' | 'allowed' | 'other'

/** One series of bars, with a value for each label. */
export interface Series {
  readonly name: string
  readonly tone: Tone
  readonly values: readonly number[]
}

/**
 * Counts as bars; several series are stacked.
 *
 * `ranking`  horizontal bars, the first label on top
 * `timeline` vertical bars, time from left to right
 */
export interface Chart {
  readonly kind: 'ranking' | 'timeline'
  /** Axis title: `lookups`. */
  readonly unit: string
  /** Without control characters. */
  readonly labels: readonly string[]
  readonly series: readonly Series[]
}

/** Pixels; a narrower page scales the chart down. */
const WIDTH = 720
const TIMELINE_HEIGHT = 260
const BAR_HEIGHT = 26
/** Height of the legend, the axis and its title. */
const MARGIN = 92
/** Longest label at the left, in pixels; longer ones are truncated. */
const LABEL = 190

/**
 * A chart as SVG. Its colours are CSS variables of the page, so that it follows the page's dark mode;
 * it has no style sheet, no script and no external reference.
 */
export function drawChart(chart: Chart): string {
  const isRanking = chart.kind === 'ranking'
  const height = isRanking ? chart.labels.length * BAR_HEIGHT + MARGIN : TIMELINE_HEIGHT
  const drawing = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  const names = {
    type: 'category',
    data: [...chart.labels],
    inverse: isRanking,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: 'var(--rule)' } },
    axisLabel: {
      ...TEXT,
      hideOverlap: true,
      ...(isRanking ? { width: LABEL, overflow: 'truncate' } : {})
    }
  } as const
  const counts = {
    type: 'value',
    name: chart.unit,
    nameLocation: 'middle',
    nameGap: isRanking ? 28 : 48,
    nameTextStyle: TEXT,
    minInterval: 1,
    splitNumber: 4,
    splitLine: { lineStyle: { color: 'var(--rule)' } },
    axisLabel: { ...TEXT, formatter: shortCount }
  } as const
  drawing.setOption({
    animation: false,
    grid: isRanking
      ? { left: LABEL + 16, right: 32, top: 32, bottom: 52 }
      : { left: 76, right: 36, top: 40, bottom: 32 },
    legend: {
      show: chart.series.length > 1,
      top: 0,
      itemGap: 24,
      left: isRanking ? LABEL + 16 : 76,
      textStyle: TEXT
    },
    xAxis: isRanking ? counts : names,
    yAxis: isRanking ? names : counts,
    series: chart.series.map(({ name, tone, values }) => ({
      type: 'bar',
      stack: 'all',
      silent: true,
      barMaxWidth: 28,
      barCategoryGap: '25%',
      name,
      data: [...values],
      itemStyle: { color: `var(--${tone})` }
    }))
  })
  const svg = drawing.renderToSVGString()
  drawing.dispose()
  return stripInteractive(svg)
}

/**
 * Removes the styles and classes for animation and hovering: class names are the same in every
 * chart, so they would apply to the whole page.
 */
function stripInteractive(svg: string): string {
  return svg
    .replace(/<style[^]*?<\/style>\n?/g, '')
    .replaceAll(/ (?:ecmeta_\w+|class|pointer-events)="[^"]*"/g, '')
    .replace(/<svg [^>]*?(viewBox="[^"]*")>/, '<svg xmlns="http://www.w3.org/2000/svg" $1>')
}

const TEXT = { color: 'var(--ink)', fontFamily: 'inherit', fontSize: 12 } as const

/** `950`, `1.2k`, `3M`: labels on an axis must be short. */
function shortCount(count: number): string {
  if (count < 1000) return String(count)
  if (count < 1_000_000) return `${Number((count / 1000).toFixed(1))}k`
  return `${Number((count / 1_000_000).toFixed(1))}M`
}

import { BarChart } from 'echarts/charts'
import { GridComponent, LegendComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import type { Chart } from '../report.js'

use([BarChart, GridComponent, LegendComponent, SVGRenderer])

/** Where a chart is shown. It is drawn for each, since text that is scaled down cannot be read. */
export interface Size {
  /** Pixels: the page scales the chart to its own width, which is near this. */
  readonly width: number
  /** Longest label at the left, in pixels; longer ones are truncated. */
  readonly label: number
}

export const WIDE: Size = { width: 870, label: 190 }
export const NARROW: Size = { width: 370, label: 120 }

const TIMELINE_HEIGHT = 240
const BAR_HEIGHT = 26
const LEGEND_HEIGHT = 34
/** Width of a character, about: labels get no more space than they need. */
const CHARACTER = 7.5
/** How much wider text is in wide fonts, such as DejaVu Sans, than in Helvetica. */
const WIDE_FONT = 1.2

/**
 * A chart as SVG. Its colours are CSS variables of the page, so that it follows the page's dark mode;
 * it has no styles, no script and no external reference.
 */
export function drawChart(chart: Chart, { width, label }: Size = WIDE): string {
  const isRanking = chart.kind === 'ranking'
  // Bars of lookups need no name, unless there are several; others do.
  const hasLegend = chart.series.length > 1 || chart.unit !== 'lookups'
  const top = hasLegend ? LEGEND_HEIGHT : 8
  const height = isRanking ? chart.labels.length * BAR_HEIGHT + top : TIMELINE_HEIGHT
  const drawing = init(null, null, { renderer: 'svg', ssr: true, width, height })
  const longest = Math.max(0, ...chart.labels.map(({ length }) => length))
  const labelWidth = Math.min(label, longest * CHARACTER)
  // Only long labels are cut: ECharts underestimates the width of characters in wide fonts.
  const cutAt = labelWidth < label ? labelWidth : label / WIDE_FONT
  const names = {
    type: 'category',
    data: [...chart.labels],
    inverse: isRanking,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: 'var(--rule)' } },
    axisLabel: {
      ...TEXT,
      hideOverlap: true,
      ...(isRanking ? { width: cutAt, overflow: 'truncate' } : {})
    }
  } as const
  const counts = {
    type: 'value',
    minInterval: 1,
    ...(isRanking ? { max: 'dataMax' } : {}),
    splitNumber: 4,
    splitLine: { show: !isRanking, lineStyle: { color: 'var(--rule)' } },
    axisLabel: { ...TEXT, show: !isRanking, formatter: shortCount }
  } as const
  const sums = chart.labels.map((_, i) => chart.series.reduce((sum, it) => sum + it.values[i]!, 0))
  const bars = chart.series.map(({ name, tone, values }) => ({
    ...BARS,
    name,
    data: [...values],
    itemStyle: { color: `var(--${tone})` }
  }))
  const ends = {
    ...BARS,
    data: sums.map(() => 0),
    label: {
      ...TEXT,
      show: true,
      position: 'right',
      formatter: ({ dataIndex }: { dataIndex: number }) => sums[dataIndex]!.toLocaleString('en')
    }
  } as const
  const left = isRanking ? labelWidth + 12 : 44
  drawing.setOption({
    animation: false,
    grid: isRanking
      ? { left, right: 64, top, bottom: 0 }
      : { left, right: 8, top: top + 16, bottom: 26 },
    legend: {
      show: hasLegend,
      data: chart.series.map(({ name }) => name),
      top: 0,
      itemGap: 20,
      itemWidth: 14,
      left: isRanking ? left - 5 : 39,
      textStyle: TEXT
    },
    xAxis: isRanking ? counts : names,
    yAxis: isRanking
      ? names
      : {
          ...counts,
          name: chart.unit,
          nameGap: 10,
          nameTextStyle: { ...TEXT, align: 'left', padding: [0, 0, 0, 4 - 44] }
        },
    series: isRanking ? [...bars, ends] : bars
  })
  const svg = drawing.renderToSVGString()
  drawing.dispose()
  return stripStyles(svg)
}

const BARS = {
  type: 'bar',
  stack: 'all',
  silent: true,
  barMaxWidth: 26,
  barCategoryGap: '28%'
} as const

/**
 * Removes styles and classes: those for animation and hovering would apply to the whole page, since class
 * names are the same in every chart, and the policy of the page allows no style attributes. The font is
 * that of the page; its size becomes an attribute.
 */
function stripStyles(svg: string): string {
  return svg
    .replace(/<style[^]*?<\/style>\n?/g, '')
    .replaceAll(/ (?:ecmeta_\w+|class|pointer-events)="[^"]*"/g, '')
    .replaceAll(/ style="[^"]*"/g, ` font-size="${TEXT.fontSize}"`)
    .replace(/<svg [^>]*?(viewBox="[^"]*")>/, '<svg aria-hidden="true" $1>')
}

const TEXT = { color: 'var(--ink)', fontFamily: 'inherit', fontSize: 12 } as const

/** `950`, `1.2k`, `3M`: labels on an axis must be short. */
function shortCount(count: number): string {
  if (count < 1000) return String(count)
  if (count < 1_000_000) return `${Number((count / 1000).toFixed(1))}k`
  return `${Number((count / 1_000_000).toFixed(1))}M`
}

import uPlot from 'uplot'
import { useEffect, useRef, useState } from 'preact/hooks'
import { format, language, theme, timeZone } from './state.js'
import { useMedia } from './use-media.js'

/** One line or area of a chart; areas are drawn in their order, each over those before it. */
export interface Series {
  readonly label: string
  /** Name of a design token. */
  readonly tone: string
  readonly values: readonly (number | null)[]
  readonly isArea?: boolean
  /** What the legend shows at the cursor; default: the values drawn. */
  readonly shown?: readonly (number | null)[]
}

export interface ChartProps {
  /** What is shown, for those who cannot see it. */
  readonly label: string
  /** Seconds of Unix time. */
  readonly times: readonly number[]
  readonly series: readonly Series[]
  readonly height: number
  /** A logarithmic scale, for values that differ a thousandfold. */
  readonly isLog?: boolean
  readonly show: (value: number | null) => string
  /** A person has dragged over a period: milliseconds of Unix time. */
  readonly onSelect?: ((from: number, to: number) => void) | undefined
}

/** `uPlot.Scale.Distr` is of types alone. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
const LOGARITHMIC = { distr: 3 } as uPlot.Scale

/** Lines between powers of ten would be too many. */
const powerOfTen = (value: number): number | null =>
  Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6) ? value : null

/** Distances between labels that are days: seconds. */
const DAYS = [1, 2, 7, 14, 28, 56, 112, 364].map(one => one * 86_400)

const token = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
const dark = matchMedia('(prefers-color-scheme: dark)')

/** Values over time, with a legend that shows those at the cursor, or the last ones. */
export default function Chart(props: ChartProps) {
  const { label, times, series, height, isLog = false, show, onSelect } = props
  const select = useRef(onSelect)
  select.current = onSelect
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const [at, setAt] = useState<number | null>(null)
  const isDark = useMedia(dark)
  const key = `${theme.value} ${String(isDark)} ${language.value} ${timeZone.value} ${series.map(one => one.label).join()} ${height}`
  const data = [times, ...series.map(({ values }) => values)] as uPlot.AlignedData
  useEffect(() => {
    const parent = box.current!
    const isLong = times.length > 1 && times.at(-1)! - times[0]! > 2 * 86_400
    const labelOf = (at: number): string =>
      isLong ? format.value.shortDay(at) : format.value.time(at)
    const axis = {
      stroke: token('faint'),
      font: `12px ${token('sans')}`,
      grid: { stroke: token('rule'), width: 1 },
      ticks: { show: false }
    }
    const drawn = new uPlot(
      {
        width: parent.clientWidth,
        height,
        legend: { show: false },
        // Hours and days begin as in the labels.
        ...(timeZone.value !== undefined && {
          tzDate: (at: number) => uPlot.tzDate(new Date(at * 1000), timeZone.value!)
        }),
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: onSelect !== undefined, y: false, setScale: false, dist: 5 }
        },
        padding: [8, 28, 0, 0],
        scales: {
          y: isLog ? LOGARITHMIC : { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] }
        },
        axes: [
          {
            ...axis,
            space: 70,
            size: 26,
            ...(isLong && { incrs: DAYS }),
            values: (_plot, splits) => splits.map(one => labelOf(one * 1000))
          },
          {
            ...axis,
            ...(isLog && {
              grid: { ...axis.grid, filter: (_plot, splits) => splits.map(powerOfTen) }
            }),
            size: 56,
            values: (_plot, splits) => splits.map(one => (Number.isFinite(one) ? show(one) : ''))
          }
        ],
        series: [
          {},
          // The one behind all others is pale.
          ...series.map(({ label, tone, isArea }, i) => ({
            label,
            stroke: token(tone),
            width: isArea === true ? 1 : 1.8,
            ...(isArea === true && { fill: token(tone) + (i === 0 ? '59' : '') }),
            points: { show: false }
          }))
        ],
        hooks: {
          setCursor: [({ cursor }) => setAt(cursor.idx ?? null)],
          setSelect: [
            chart => {
              const { left, width } = chart.select
              if (width < 2) return
              const at = (x: number): number => chart.posToVal(x, 'x') * 1000
              select.current?.(at(left), at(left + width))
              chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
            }
          ]
        }
      },
      data,
      parent
    )
    plot.current = drawn
    const observer = new ResizeObserver(() => drawn.setSize({ width: parent.clientWidth, height }))
    observer.observe(parent)
    return () => {
      observer.disconnect()
      drawn.destroy()
      plot.current = undefined
    }
  }, [key])
  useEffect(() => plot.current?.setData(data), [times, series])
  const last = lastKnown(series[0]?.values ?? [])
  const index = at ?? last
  return (
    <figure style={{ margin: 0 }}>
      <div
        class="chart"
        role="img"
        aria-label={label}
        ref={box}
        style={{ height: `${height}px` }}
      />
      <ul class="legend">
        <li>
          {index === undefined
            ? ''
            : times.at(-1)! - times[0]! > 2 * 86_400
              ? format.value.day(times[index]! * 1000)
              : format.value.time(times[index]! * 1000)}
        </li>
        {series.map(({ label, tone, values, shown }) => (
          <li key={label}>
            <i style={{ background: `var(--${tone})` }} />
            {label} <b>{index === undefined ? '' : show((shown ?? values)[index] ?? null)}</b>
          </li>
        ))}
      </ul>
    </figure>
  )
}

function lastKnown(values: readonly (number | null)[]): number | undefined {
  const index = values.findLastIndex(value => value !== null)
  return index === -1 ? undefined : index
}

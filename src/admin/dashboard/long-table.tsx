import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { visibleRows } from '../web/visible-rows.js'
import { useMedia } from './use-media.js'

const NARROW = matchMedia('(max-width: 48rem)')

export interface LongColumn<T> {
  /** The cells have the class `c-` and this. */
  readonly id: string
  readonly title: string
  readonly cell: (row: T) => ComponentChildren
  /** All of a text that may be cut. */
  readonly full?: (row: T) => string
}

export interface LongTableProps<T> {
  /** Of the style sheet: it has the widths of the columns. */
  readonly kind: string
  /** For screen readers. */
  readonly label: string
  readonly count: number
  /** Undefined: it is not loaded yet. */
  readonly rowAt: (index: number) => T | undefined
  /** The first one is a button that opens the row. */
  readonly columns: readonly LongColumn<T>[]
  readonly rowKey: (row: T, index: number) => string | number
  /** What a row is about, for those who hear it. */
  readonly rowLabel: (row: T) => string
  readonly onOpen: (row: T) => void
  /** Which rows are to be shown, from `first` to the one before `last`. */
  readonly onRange: (first: number, last: number) => void
}

/** A table of rows of a fixed height, of which only the visible ones exist. */
export function LongTable<T>(props: LongTableProps<T>) {
  const { kind, label, count, rowAt, columns, rowKey, rowLabel, onOpen, onRange } = props
  const box = useRef<HTMLDivElement>(null)
  const [scroll, setScroll] = useState({ top: 0, height: 600 })
  const isNarrow = useMedia(NARROW)
  const [chosen, setChosen] = useState(0)
  /** The row that a key went to, until it has the focus. */
  const wanted = useRef<number | undefined>(undefined)
  const measure = (): void => {
    const { scrollTop: top, clientHeight: height } = box.current!
    setScroll({ top, height })
  }
  useEffect(measure, [count === 0])
  // Of the style sheet, in pixels.
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
  const rowHeight = Math.round((isNarrow ? 3.5 : 2.25) * rem)
  const { first, last } = visibleRows(scroll.top, scroll.height, rowHeight, count)
  useEffect(() => onRange(first, last), [first, last, count])
  /** Tab reaches one row, so that it also leaves the table; other keys go to other rows. */
  const current = Math.min(Math.max(chosen, first), last - 1)
  useEffect(() => {
    // Effects are late: this may be that of a rendering before the key, so it looks for the row itself.
    if (wanted.current === undefined) return
    const row = `[aria-rowindex="${wanted.current + 2}"] button`
    const button = box.current!.querySelector<HTMLElement>(row)
    if (button === null) return
    wanted.current = undefined
    button.focus({ preventScroll: true })
  })
  const move = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(scroll.height / rowHeight) - 2)
    const steps: Readonly<Record<string, number>> = {
      ...{ ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -count, End: count }
    }
    const step = steps[event.key]
    if (step === undefined) return
    event.preventDefault()
    const next = Math.min(Math.max(current + step, 0), count - 1)
    // The heading, which is as high as a row, stays above the rows.
    const { scrollTop, clientHeight } = box.current!
    const top = Math.min(
      next * rowHeight,
      Math.max(scrollTop, (next + 2) * rowHeight - clientHeight)
    )
    wanted.current = next
    setChosen(next)
    box.current!.scrollTop = top
    measure()
  }
  const shown = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i)
  return (
    <div
      class={`long ${kind}`}
      role="grid"
      aria-label={label}
      aria-rowcount={count + 1}
      ref={box}
      onScroll={measure}
      onKeyDown={move}
    >
      <div class="head" role="rowgroup">
        <div role="row" aria-rowindex={1}>
          {columns.map(({ id, title }) => (
            <span key={id} role="columnheader" class={`c-${id}`}>
              {title}
            </span>
          ))}
        </div>
      </div>
      <div class="body" role="rowgroup" style={{ height: `${count * rowHeight}px` }}>
        {shown.map(index => {
          const row = rowAt(index)
          const place = { 'aria-rowindex': index + 2, style: { top: `${index * rowHeight}px` } }
          if (row === undefined)
            return (
              <div key={index} role="row" aria-busy {...place}>
                <span role="gridcell">…</span>
              </div>
            )
          return (
            <div key={rowKey(row, index)} role="row" {...place} onClick={() => onOpen(row)}>
              {columns.map(({ id, cell, full }, column) => (
                <span key={id} role="gridcell" class={`c-${id}`} title={full?.(row)}>
                  {column === 0 ? (
                    <button
                      type="button"
                      class="link"
                      aria-label={rowLabel(row)}
                      tabIndex={index === current ? 0 : -1}
                      onFocus={() => setChosen(index)}
                      onClick={() => onOpen(row)}
                    >
                      {cell(row)}
                    </button>
                  ) : (
                    cell(row)
                  )}
                </span>
              ))}
            </div>
          )
        })}
      </div>
    </div>
  )
}

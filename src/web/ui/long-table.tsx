import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { visibleRows } from '../visible-rows.js'

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
  readonly rows: readonly T[]
  /** The first one is a button that opens the row. */
  readonly columns: readonly LongColumn<T>[]
  readonly rowKey: (row: T, index: number) => string | number
  readonly onOpen: (row: T) => void
  /** When the last rows are near. */
  readonly onEnd?: (() => void) | undefined
}

/** A table of rows of a fixed height, of which only the visible ones exist. */
export function LongTable<T>(props: LongTableProps<T>) {
  const { kind, label, rows, columns, rowKey, onOpen, onEnd } = props
  const box = useRef<HTMLDivElement>(null)
  const [scroll, setScroll] = useState({ top: 0, height: 600 })
  const [isNarrow, setNarrow] = useState(NARROW.matches)
  useEffect(() => {
    const change = (): void => setNarrow(NARROW.matches)
    NARROW.addEventListener('change', change)
    return () => NARROW.removeEventListener('change', change)
  }, [])
  const measure = (): void => {
    const { scrollTop: top, clientHeight: height } = box.current!
    setScroll({ top, height })
  }
  useEffect(measure, [rows.length === 0])
  // Of the style sheet, in pixels.
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
  const rowHeight = Math.round((isNarrow ? 3.5 : 2.25) * rem)
  const { first, last } = visibleRows(scroll.top, scroll.height, rowHeight, rows.length)
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - 20) onEnd?.()
  }, [last, rows.length])
  return (
    <div
      class={`long ${kind}`}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      ref={box}
      onScroll={measure}
      tabIndex={0}
    >
      <div class="head" role="rowgroup">
        <div role="row" aria-rowindex={1}>
          {columns.map(({ id, title }) => (
            <span key={id} role="columnheader">
              {title}
            </span>
          ))}
        </div>
      </div>
      <div class="body" role="rowgroup" style={{ height: `${rows.length * rowHeight}px` }}>
        {rows.slice(first, last).map((row, i) => (
          <div
            key={rowKey(row, first + i)}
            role="row"
            aria-rowindex={first + i + 2}
            style={{ top: `${(first + i) * rowHeight}px` }}
            onClick={() => onOpen(row)}
          >
            {columns.map(({ id, cell, full }, column) => (
              <span key={id} role="cell" class={`c-${id}`} title={full?.(row)}>
                {column === 0 ? (
                  <button type="button" class="link" onClick={() => onOpen(row)}>
                    {cell(row)}
                  </button>
                ) : (
                  cell(row)
                )}
              </span>
            ))}
          </div>
        ))}
      </div>
    </div>
  )
}

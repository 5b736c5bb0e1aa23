import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { FileRow } from '../web/table-file.js'
import { ExportButtons } from './export-buttons.js'

export interface Column<T> {
  readonly title: string
  readonly cell: (row: T, index: number) => ComponentChildren
  /** `n`: numbers; `break`: long words; `end`: buttons; `date`: in one line */
  readonly kind?: 'n' | 'break' | 'end' | 'date'
  /** Whether the title is for screen readers only. */
  readonly isUntitled?: boolean
}

export interface TableProps<T> {
  /** For screen readers. */
  readonly label: string
  readonly rows: readonly T[]
  /** What is said if there are none; default: the headings alone. */
  readonly none?: string
  readonly columns: readonly Column<T>[]
  /** Name of the table in the page. */
  readonly id?: string
  readonly caption?: string
  /** Whether the first cell names the row. */
  readonly hasHeadings?: boolean
  /** Name of a row in the page. */
  readonly rowId?: (row: T) => string
  readonly rowClass?: (row: T) => string
  /** The rows as a file has them; default: their texts. False: there is no such file. */
  readonly exported?: readonly FileRow[] | false
}

/** A table whose rows become cards where its columns do not fit, each value with the title of its column. */
export function Table<T>({ none, ...props }: TableProps<T>) {
  if (props.rows.length === 0 && none !== undefined) return <p class="faint">{none}</p>
  return <Rows {...props} />
}

function Rows<T>({
  label,
  rows,
  columns,
  id,
  caption,
  hasHeadings = true,
  rowId,
  rowClass,
  exported
}: Omit<TableProps<T>, 'none'>) {
  const box = useRef<HTMLDivElement>(null)
  const hasTitles = columns.some(({ isUntitled = false }) => !isUntitled)
  useLayoutEffect(() => fitCards(box.current!), [])
  useLayoutEffect(() => chooseCards(box.current!))
  const table = (
    <div class="table" ref={box}>
      {/* The roles stay where the cards are not displayed as a table. */}
      <table role="table" aria-label={label} data-table={id}>
        {caption !== undefined && <caption>{caption}</caption>}
        <thead role="rowgroup" class={hasTitles ? undefined : 'hide'}>
          <tr role="row">
            {columns.map(({ title, kind, isUntitled = false }, i) => (
              <th key={i} role="columnheader" scope="col" class={kind === 'n' ? 'n' : undefined}>
                {isUntitled ? <span class="hide">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row, index) => (
            <tr
              key={rowId?.(row) ?? index}
              role="row"
              data-row={rowId?.(row)}
              class={rowClass?.(row)}
            >
              {columns.map(({ title, isUntitled, kind, cell }, i) =>
                hasHeadings && i === 0 ? (
                  <th key={i} role="rowheader" scope="row" class={kind}>
                    {cell(row, index)}
                  </th>
                ) : (
                  <td
                    key={i}
                    role="cell"
                    class={kind}
                    data-label={isUntitled === true ? undefined : title}
                  >
                    {cell(row, index)}
                  </td>
                )
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
  if (exported === false || !hasTitles || rows.length === 0) return table
  return (
    <>
      {table}
      <ExportButtons name={id ?? 'table'} rows={() => exported ?? textsIn(box.current!, columns)} />
    </>
  )
}

/** The texts of a table, by the titles of its columns; buttons are left out. */
function textsIn<T>(box: HTMLElement, columns: readonly Column<T>[]): FileRow[] {
  return [...box.querySelectorAll('tbody tr')].map(row => {
    const cells = columns.flatMap(({ title, kind }, i) =>
      kind === 'end' ? [] : [[title, row.children[i]!.textContent.trim()] as const]
    )
    return Object.fromEntries(cells)
  })
}

function chooseCards(box: HTMLDivElement): void {
  box.classList.remove('cards')
  box.classList.toggle('cards', isCut(box))
  // A keyboard can scroll what does not fit as cards either.
  if (isCut(box)) box.tabIndex = 0
  else box.removeAttribute('tabindex')
}

const isCut = (box: HTMLDivElement): boolean => box.scrollWidth > box.clientWidth

/** Chooses again whenever the width changes, or the columns no longer fit. @returns ends it */
function fitCards(box: HTMLDivElement): () => void {
  let width = box.clientWidth
  const observer = new ResizeObserver(() => {
    if (box.clientWidth === width && (box.classList.contains('cards') || !isCut(box))) return
    width = box.clientWidth
    // In the next frame: the observer must not change what it observes.
    requestAnimationFrame(() => chooseCards(box))
  })
  observer.observe(box)
  observer.observe(box.firstElementChild!)
  return () => observer.disconnect()
}

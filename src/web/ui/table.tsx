import type { ComponentChildren } from 'preact'
import { Scroll } from './components.js'

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
  readonly columns: readonly Column<T>[]
  /** Name of the table in the page. */
  readonly id?: string
  readonly caption?: string
  /** Whether the first cell names the row. */
  readonly hasHeadings?: boolean
  /** Name of a row in the page. */
  readonly rowId?: (row: T) => string
  readonly rowClass?: (row: T) => string
}

/** A table that scrolls sideways where it must. */
export function Table<T>({
  label,
  rows,
  columns,
  id,
  caption,
  hasHeadings = true,
  rowId,
  rowClass
}: TableProps<T>) {
  return (
    <Scroll label={label}>
      <table data-table={id}>
        {caption !== undefined && <caption>{caption}</caption>}
        <thead>
          <tr>
            {columns.map(({ title, kind, isUntitled = false }, i) => (
              <th key={i} scope="col" class={kind === 'n' ? 'n' : undefined}>
                {isUntitled ? <span class="hide">{title}</span> : title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={rowId?.(row) ?? index} data-row={rowId?.(row)} class={rowClass?.(row)}>
              {columns.map(({ kind, cell }, i) =>
                hasHeadings && i === 0 ? (
                  <th key={i} scope="row" class={kind}>
                    {cell(row, index)}
                  </th>
                ) : (
                  <td key={i} class={kind}>
                    {cell(row, index)}
                  </td>
                )
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  )
}

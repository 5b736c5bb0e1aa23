import type { Report } from '../report.js'
import { rawValue } from './format-value.js'

export function toJson(report: Report): string {
  return `${JSON.stringify(jsonOf(report), undefined, 2)}\n`
}

/** A list of objects for each table, by its id; timestamps are RFC 3339 in the time zone. */
export function jsonOf({ title, timeZone, facts, tables, remarks, tiles = [] }: Report): object {
  const lists = tables.map(({ id, columns, rows }) => {
    const objects = rows.map(row =>
      Object.fromEntries(columns.map(({ key }, i) => [key, rawValue(row[i]!, timeZone)]))
    )
    return [id, objects] as const
  })
  const entries = Object.fromEntries(facts.map(([label, ...lines]) => [label, lines.join('; ')]))
  const figures = Object.fromEntries(
    tiles.map(({ key, value }) => [key, rawValue(value, timeZone)])
  )
  return {
    title,
    timeZone,
    tiles: figures,
    facts: entries,
    tables: Object.fromEntries(lists),
    remarks
  }
}

import type { Report } from '../report.js'
import { rawValue } from './format.js'

/** A list of objects for each table, by its id; timestamps are RFC 3339 in UTC. */
export function toJson({ title, facts, tables, remarks }: Report): string {
  const lists = tables.map(({ id, columns, rows }) => {
    const objects = rows.map(row =>
      Object.fromEntries(columns.map(({ key }, i) => [key, rawValue(row[i]!)]))
    )
    return [id, objects] as const
  })
  const entries = Object.fromEntries(facts.map(([label, ...lines]) => [label, lines.join('; ')]))
  const whole = { title, facts: entries, tables: Object.fromEntries(lists), remarks }
  return `${JSON.stringify(whole, undefined, 2)}\n`
}

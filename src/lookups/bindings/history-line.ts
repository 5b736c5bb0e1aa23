import type { Milliseconds } from '../../base/units.js'
import type { Binding } from '../../policy/bindings/binding.js'

/**
 * A line of the history of bindings; its JSON form is public, see docs/reference/bindings.md.
 *
 * `start`  the gateway started, or could not write before: what was in force then is not known
 * `open`   a file follows the previous one, and begins with all bindings in force
 * `alive`  nothing else happened for ten seconds
 * `stop`   the gateway stopped
 * `up`     a feed works, and all its bindings are known
 * `down`   a feed does not work
 * `begin`  a binding begins, or its facts change
 * `end`    a binding ends
 */
export type HistoryLine =
  | { readonly kind: 'start' | 'open' | 'alive' | 'stop'; readonly time: Milliseconds }
  | { readonly kind: 'up' | 'down'; readonly time: Milliseconds; readonly source: string }
  | { readonly kind: 'begin'; readonly time: Milliseconds; readonly binding: Binding }
  | {
      readonly kind: 'end'
      readonly time: Milliseconds
      readonly address: string
      readonly source: string
      readonly at: Milliseconds
    }

const iso = (time: Milliseconds): string => new Date(time).toISOString()

/** Writes a line without its line end. */
export function encodeHistoryLine(line: HistoryLine): string {
  const { kind, time } = line
  const head = { v: 1, time: iso(time), event: kind }
  if (line.kind === 'up' || line.kind === 'down')
    return JSON.stringify({ ...head, source: line.source })
  if (line.kind === 'end') {
    const { address, source, at } = line
    return JSON.stringify({ ...head, address, source, at: iso(at) })
  }
  if (line.kind !== 'begin') return JSON.stringify(head)
  const { address, source, from, until, ...facts } = line.binding
  const ends = until === Infinity ? {} : { until: iso(until) }
  return JSON.stringify({ ...head, address, ...facts, source, from: iso(from), ...ends })
}

/** Reads a line; undefined: it is not one. */
export function parseHistoryLine(text: string): HistoryLine | undefined {
  let value: Record<string, unknown>
  try {
    value = JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
  const { v, time, event, from, until, at, address, source, ...facts } = value as Record<
    string,
    string
  > & { v: unknown }
  const when = Date.parse(time ?? '')
  if (v !== 1 || Number.isNaN(when)) return undefined
  if (event === 'start' || event === 'open' || event === 'alive' || event === 'stop')
    return { kind: event, time: when }
  if (event === 'up' || event === 'down') return { kind: event, time: when, source: source! }
  if (event === 'end')
    return { kind: 'end', time: when, address: address!, source: source!, at: Date.parse(at!) }
  if (event !== 'begin') return undefined
  const ends = until === undefined ? Infinity : Date.parse(until)
  const times = { from: Date.parse(from!), until: ends }
  const binding: Binding = { ...facts, address: address!, source: source!, ...times }
  return { kind: 'begin', time: when, binding }
}

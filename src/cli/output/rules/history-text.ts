import { escapeControls } from '../../../base/log/terminal-line.js'
import type { StoredZone } from '../../../policy/history/history-event.js'
import type { HistoryEntry } from '../../../analysis/views/history-view.js'
import { columns, type Cell, type Row } from '../columns.js'
import { formatCount, formatDuration, formatInstant } from '../format.js'

const SHOWN_DIGITS = 12
const EVENTS = { stop: 'stopped', gap: 'not known' } as const

/** @param total how many there are, with those not shown */
export function historyText(
  entries: readonly HistoryEntry[],
  total: number,
  width: number
): string {
  if (entries.length === 0) return 'No rules in the history.\n'
  const head = ['since', 'for', 'version', 'cause', 'what changed']
  const rows = entries.map((entry): Row => ({ cells: cellsOf(entry) }))
  const more = total - entries.length
  const rest =
    more > 0
      ? ['', `${formatCount(more, 'more entry', 'more entries')} not shown; raise --limit`]
      : []
  return `${[...columns(head, rows, width), ...rest].join('\n')}\n`
}

function cellsOf(entry: HistoryEntry): Cell[] {
  const { from, seconds, sha256, serial, event, summary } = entry
  const bundle = serial === null ? '' : ` (bundle ${serial})`
  const version =
    sha256 === null
      ? EVENTS[event as keyof typeof EVENTS]
      : `${sha256.slice(0, SHOWN_DIGITS)}${bundle}`
  return [
    [formatInstant(from)],
    [seconds === null ? 'still' : formatDuration(seconds)],
    [version],
    [escapeControls(causeOf(entry))],
    [escapeControls(summary)]
  ]
}

/** `networks.yaml by user:alice` */
function causeOf({ reason, by, changed, event }: HistoryEntry): string {
  if (reason === null) return ''
  const [first, ...others] = changed
  const more = others.length === 0 ? '' : ` and ${formatCount(others.length, 'more', 'more')}`
  const isFile = reason === 'file changed' && first !== undefined
  const what = isFile ? `${first.replaceAll('\0', 'copy of ')}${more}` : reason
  return `${event === 'start' ? 'start' : what}${by === null ? '' : ` by ${by}`}`
}

/** What `interdict rules show` shows; its JSON form is public. */
export interface ShownVersion {
  readonly sha256: string
  /** When it was in force, the oldest first. */
  readonly stretches: readonly HistoryEntry[]
  readonly files: readonly {
    readonly path: string
    readonly sha256: string
    readonly stored: boolean
  }[]
  readonly zones: readonly StoredZone[]
}

export function versionText({ sha256, stretches, files, zones }: ShownVersion): string {
  const times = stretches.map(entry => {
    const { from, until, program, serial } = entry
    const end = until === null ? '' : ` until ${formatInstant(until)}`
    const bundle = serial === null ? '' : `, bundle ${serial}`
    return `  since ${formatInstant(from)}${end}${bundle}, by version ${program} of the program (${causeOf(entry)})`
  })
  const width = Math.max(0, ...files.map(({ path }) => path.length))
  const lines = files.map(({ path, sha256: digest, stored }) => {
    const note = stored ? '' : '  not stored'
    return `  ${escapeControls(path).padEnd(width)}  ${digest.slice(0, SHOWN_DIGITS)}${note}`
  })
  const zoneLines = zones.map(({ zone, serial, content }) => {
    return `  ${zone} serial ${serial}${content === undefined ? '  not stored' : ''}`
  })
  return `${[
    `Rules SHA-256 ${sha256}`,
    ...['', 'In force', ...times],
    ...['', 'Files', ...lines],
    ...(zones.length === 0 ? [] : ['', 'Zones', ...zoneLines])
  ].join('\n')}\n`
}

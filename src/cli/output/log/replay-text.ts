import { escapeControls } from '../../../base/log/terminal-line.js'
import type { Count, ReasonCount } from '../../../analysis/replay/change-tally.js'
import { CHANGE_KINDS, type ChangeKind } from '../../../analysis/replay/comparison.js'
import { paint, type Colour } from '../../io.js'
import { columns, wrap, type Row } from '../columns.js'
import { formatCount, formatNumber } from '../format.js'
import {
  exampleText,
  HEADINGS,
  remarks,
  type ChangeSummary,
  type TopRows,
  type ReplayResult
} from './replay-result.js'

const COLOURS: Readonly<Record<ChangeKind, Colour>> = {
  blocked: 'red',
  allowed: 'green',
  refused: 'red',
  served: 'green'
}

/** @param width of the terminal, in columns */
export function toText(result: ReplayResult, width: number): string {
  const { rules, against, counts, changes, files } = result
  const before = against === undefined ? 'the recorded answers' : against.folder
  const lines = [
    paint(
      'bold',
      escapeControls(
        `${formatCount(counts.lookups, 'lookup')} under ${rules.folder}, compared with ${before}`
      )
    ),
    ...files.flatMap(file => [
      escapeControls(`${file.file}: ${formatCount(file.lookups, 'lookup')} (${file.format})`),
      ...file.firstUnreadable.map(({ line, why }) =>
        escapeControls(`${file.file}:${line} skipped: ${why}`)
      ),
      ...more(file.unreadable - file.firstUnreadable.length, `${file.file}: `, 'skipped')
    ]),
    ...CHANGE_KINDS.flatMap(kind =>
      changes[kind].lookups === 0 ? [] : ['', ...kindLines(kind, result, width)]
    ),
    '',
    ...remarks(result).flatMap(text => wrap(text, width)),
    '',
    summary(result)
  ]
  return `${lines.join('\n')}\n`
}

function kindLines(kind: ChangeKind, { changes, timeZone }: ReplayResult, width: number): string[] {
  const changed = changes[kind]
  const head = `${HEADINGS[kind]}: ${formatCount(changed.lookups, 'lookup')}`
  return [
    paint(COLOURS[kind], head),
    '',
    ...columns(['by', 'rule', 'lookups'], groundRows(changed.rules, timeZone), width),
    ...more(changed.rules.all - changed.rules.top.length),
    ...tableOf('network', changed.networks, width),
    ...tableOf('client', changed.clients, width),
    ...tableOf('name', changed.names, width),
    ...uncounted(changed)
  ]
}

function groundRows({ top }: TopRows<ReasonCount>, timeZone: string): Row[] {
  return top.flatMap(({ through, by, lookups, examples }): Row[] => [
    { cells: [[through === '' ? '-' : through], [by === '' ? '-' : by], [formatNumber(lookups)]] },
    ...examples.map(example => ({
      across: [exampleText(example, timeZone), `  ${example.was} -> ${example.is}`]
    }))
  ])
}

function tableOf(what: string, { all, top }: TopRows<Count>, width: number): string[] {
  const rows = top.map(({ what, lookups }) => ({
    cells: [[what === '' ? '-' : what], [formatNumber(lookups)]]
  }))
  return ['', ...columns([what, 'lookups'], rows, width), ...more(all - top.length)]
}

function uncounted({ uncounted }: ChangeSummary): string[] {
  if (uncounted === 0) return []
  return [`${formatCount(uncounted, 'lookup')} of further names, not counted by name`]
}

function more(n: number, before = '', after = ''): string[] {
  return n <= 0 ? [] : [escapeControls(`${before}and ${formatNumber(n)} more ${after}`.trimEnd())]
}

function summary({ counts }: ReplayResult): string {
  const { lookups, changed } = counts
  if (changed === 0) return paint('green', 'Nothing changes.')
  return paint('yellow', `${formatNumber(changed)} of ${formatCount(lookups, 'lookup')} change.`)
}

import { escapeControls } from '../../querylog/record/terminal-line.js'
import { KINDS, type Kind } from '../../replay/comparison.js'
import type { Count, GroundCount } from '../../replay/tally.js'
import {
  exampleText,
  HEADINGS,
  remarks,
  type Changed,
  type Most,
  type Replayed
} from '../commands/replayed.js'
import { paint, type Paint } from '../io.js'
import { columns, wrap, type Row } from './columns.js'
import { count, number } from './show.js'

const COLOURS: Readonly<Record<Kind, Paint>> = {
  blocked: 'red',
  allowed: 'green',
  refused: 'red',
  served: 'green'
}

/** For a terminal; colours only there. */
export function toText(said: Replayed, width: number): string {
  const { rules, against, counts, changes, files } = said
  const before = against === undefined ? 'what was recorded' : against.folder
  const lines = [
    paint(
      'bold',
      escapeControls(`${count(counts.lookups, 'lookup')} under ${rules.folder}, against ${before}`)
    ),
    ...files.flatMap(file => [
      escapeControls(`${file.file}: ${count(file.lookups, 'lookup')} (${file.format})`),
      ...file.told.map(({ line, why }) => escapeControls(`${file.file}:${line} skipped: ${why}`)),
      ...more(file.unreadable - file.told.length, `${file.file}: `, 'skipped')
    ]),
    ...KINDS.flatMap(kind =>
      changes[kind].lookups === 0 ? [] : ['', ...kindLines(kind, said, width)]
    ),
    '',
    ...remarks(said).flatMap(text => wrap(text, width)),
    '',
    summary(said)
  ]
  return `${lines.join('\n')}\n`
}

function kindLines(kind: Kind, { changes, timeZone }: Replayed, width: number): string[] {
  const changed = changes[kind]
  const head = `${HEADINGS[kind]}: ${count(changed.lookups, 'lookup')}`
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

function groundRows({ top }: Most<GroundCount>, timeZone: string): Row[] {
  return top.flatMap(({ through, by, lookups, examples }): Row[] => [
    { cells: [[through === '' ? '-' : through], [by === '' ? '-' : by], [number(lookups)]] },
    ...examples.map(example => ({
      across: [exampleText(example, timeZone), `  ${example.was} -> ${example.is}`]
    }))
  ])
}

function tableOf(what: string, { all, top }: Most<Count>, width: number): string[] {
  const rows = top.map(({ what, lookups }) => ({
    cells: [[what === '' ? '-' : what], [number(lookups)]]
  }))
  return ['', ...columns([what, 'lookups'], rows, width), ...more(all - top.length)]
}

function uncounted({ uncounted }: Changed): string[] {
  if (uncounted === 0) return []
  return [`${count(uncounted, 'lookup')} of further names, which were too many to be counted`]
}

function more(n: number, before = '', after = ''): string[] {
  return n <= 0 ? [] : [escapeControls(`${before}and ${number(n)} more ${after}`.trimEnd())]
}

function summary({ counts }: Replayed): string {
  const { lookups, changed } = counts
  if (changed === 0) return paint('green', 'Nothing changes.')
  return paint('yellow', `${number(changed)} of ${count(lookups, 'lookup')} change.`)
}

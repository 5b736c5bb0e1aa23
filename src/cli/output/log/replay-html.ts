import { escapeControls } from '../../../base/log/terminal-line.js'
import type { Count, Example } from '../../../analysis/replay/change-tally.js'
import { CHANGE_KINDS, type ChangeKind } from '../../../analysis/replay/comparison.js'
import { toHtml } from '../../../analysis/report/output/html.js'
import {
  column,
  type Origin,
  type Report,
  type Table,
  type Tile,
  type Value
} from '../../../analysis/report/report.js'
import { HEADINGS, remarks, type ReplayResult, type TopRows } from './replay-result.js'

/** A page on a replay, in the layout of reports. */
export function replayHtml(result: ReplayResult, origin: Origin): string {
  return toHtml(pageOf(result), origin)
}

function pageOf(result: ReplayResult): Report {
  const { rules, against, counts, changes, files, timeZone } = result
  const kinds = CHANGE_KINDS.filter(kind => changes[kind].lookups > 0)
  return {
    title: `Replay under ${escapeControls(rules.folder)}`,
    timeZone,
    tiles: tilesOf(result),
    facts: [
      ['Compared with', escapeControls(against?.folder ?? 'the recorded answers')],
      [
        'Result',
        `${counts.changed.toLocaleString('en')} of ${counts.lookups.toLocaleString('en')} lookups change`
      ],
      ['Time zone', timeZone],
      ['SHA-256 of the rules', rules.sha256]
    ],
    tables: [...kinds.flatMap(kind => tablesOf(kind, result)), logsTable(files)],
    remarks: remarks(result)
  }
}

function tilesOf({ counts, changes }: ReplayResult): Tile[] {
  const of = (kind: ChangeKind, title: string): Tile => {
    return { key: kind, title, value: changes[kind].lookups, kind: 'count' }
  }
  const share = counts.lookups === 0 ? null : counts.changed / counts.lookups
  return [
    { key: 'lookups', title: 'Lookups', value: counts.lookups, kind: 'count' },
    {
      key: 'changed',
      title: 'Change',
      value: share,
      kind: 'share',
      note: `${counts.changed.toLocaleString('en')} lookups`
    },
    of('blocked', 'Newly blocked'),
    of('allowed', 'Newly allowed'),
    ...(changes.refused.lookups > 0 ? [{ ...of('refused', 'Newly refused'), warn: true }] : []),
    ...(changes.served.lookups > 0 ? [of('served', 'Newly served')] : [])
  ]
}

function tablesOf(kind: ChangeKind, { changes }: ReplayResult): Table[] {
  const { lookups, rules, networks, clients, names } = changes[kind]
  const share = (count: number): number => count / lookups
  const examples = rules.top.flatMap(({ by, examples }) => examples.map(one => ({ by, ...one })))
  const counted = (what: string, { all, top }: TopRows<Count>): Table => ({
    id: `${kind}-${what}s`,
    title: `${HEADINGS[kind]}, by ${what}`,
    description: descriptionOf(all - top.length),
    emptyText: 'None.',
    columns: [column(what, 'text'), column('lookups', 'count'), column('share', 'share')],
    rows: top.map(({ what: key, lookups }) => [textOf(key), lookups, share(lookups)])
  })
  return [
    {
      id: `${kind}-rules`,
      title: `${HEADINGS[kind]}, by rule`,
      description: descriptionOf(rules.all - rules.top.length),
      emptyText: 'None.',
      columns: [
        column('rule', 'text'),
        column('by', 'text', 'through'),
        column('lookups', 'count'),
        column('share', 'share')
      ],
      rows: rules.top.map(({ through, by, lookups }) => [
        textOf(by),
        textOf(through),
        lookups,
        share(lookups)
      ])
    },
    counted('network', networks),
    counted('client', clients),
    counted('name', names),
    {
      id: `${kind}-examples`,
      title: `${HEADINGS[kind]}, examples`,
      description: 'Lookups as recorded, with their answer then and under these rules.',
      emptyText: 'None.',
      columns: [
        column('name', 'text'),
        column('type', 'text'),
        column('client', 'text'),
        column('time', 'time'),
        column('was', 'text'),
        column('is', 'text')
      ],
      rows: examples.map(exampleRow)
    }
  ]
}

function exampleRow({ at, client, name, type, was, is }: Example): Value[] {
  const time = Number.isNaN(at) ? null : new Date(1000 * at)
  return [textOf(name), textOf(type), textOf(client), time, textOf(was), textOf(is)]
}

const descriptionOf = (more: number): string =>
  more <= 0
    ? 'Lookups that change.'
    : `Lookups that change; ${more.toLocaleString('en')} more rows are not shown.`

function logsTable(files: ReplayResult['files']): Table {
  return {
    id: 'logs',
    title: 'Logs',
    description: 'What was replayed.',
    emptyText: 'None.',
    columns: [
      column('log', 'text'),
      column('format', 'text'),
      column('lookups', 'count'),
      column('skipped', 'count')
    ],
    rows: files.map(({ file, format, lookups, unreadable }) => [file, format, lookups, unreadable])
  }
}

const textOf = (text: string): string => (text === '' ? '-' : text)

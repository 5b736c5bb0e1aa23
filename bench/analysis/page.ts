import type { Machine } from '../kit/machine.js'
import { table } from '../kit/markdown.js'
import { showMegabytes, showSpread, showThousands, type Spread } from '../kit/numbers.js'
import type { BesideRow } from './beside.js'
import type { Alone, Loaded } from './conversion.js'
import type { Month } from './month.js'
import { BY_APP, OF_BAN, type Answered } from './questions.js'

/** The conversion of the lines of one finished day. */
export interface Conversion extends Loaded {
  readonly lines: number
  readonly workers: number
  /** Rotated at the default size, with alternating lines of several workers. */
  readonly byDefault: Alone
  /** The same in one file. */
  readonly oneFile: Alone
  /** Lines of one worker, which are in the order of time. */
  readonly oneWorker: Alone
}

/** All results of one run. */
export interface Found {
  readonly month: Month
  /** Whether an earlier run wrote the log. */
  readonly wasThere: boolean
  readonly answers: readonly Answered[]
  readonly conversion: Conversion
  readonly beside: readonly BesideRow[]
  /** Number of lookups given to all tools. */
  readonly sample: number
  /** What `npm run bench:replay` printed. */
  readonly replay: string
  readonly rounds: number
}

const millions = (count: number): string => `${(count / 1e6).toFixed(1)}M`
const seconds = (time: Spread): string => {
  return `${showSpread(scaled(time, 1 / 1000), 2)} s`
}
const scaled = ({ median, min, max }: Spread, by: number): Spread => {
  return { median: median * by, min: min * by, max: max * by }
}
const percent = (share: number): string => `${(100 * share).toFixed(1)}%`

/** Numbers of lookups and lines that the budgets apply to. */
const [OF_MONTH, OF_LINES] = [100_000_000, 10_000_000]

/** The budgets and what was measured; with fewer lookups they do not apply. */
function budgets({ month, answers, conversion }: Found): string {
  const rows: string[][] = []
  const budget = (text: string, measured: string, held: boolean, isMeant: boolean): void => {
    rows.push([text, measured, isMeant ? (held ? 'held' : 'MISSED') : 'too few'])
  }
  const isMonth = month.records >= OF_MONTH * 0.99
  const size = month.parquet / month.parquetRecords
  budget('Parquet: at most 12 octets per record', size.toFixed(2), size <= 12, isMonth)
  for (const [wanted, limit] of [
    [BY_APP, 3],
    [OF_BAN, 10]
  ] as const) {
    const time = answers.find(({ question }) => question === wanted)?.time
    if (time === undefined) continue
    const text = `\`${wanted.words.join(' ')}\`: at most ${limit} s`
    budget(text, seconds(time), time.median <= 1000 * limit, isMonth)
  }
  const peak = Math.max(...answers.map(answer => answer.peak))
  budget('every question: at most 2 GB', showMegabytes(peak), peak <= 2 * 2 ** 30, isMonth)
  const { byDefault, loss, lines } = conversion
  const { converting } = byDefault
  const isMeant = lines >= OF_LINES
  const text = 'conversion of 10M lines, default settings: at most 20 s'
  budget(text, seconds(converting), converting.median <= 20_000, isMeant)
  const lost = 'conversion while `mixed` runs: at most 5% fewer answers'
  budget(lost, percent(loss.median), loss.median <= 0.05, isMeant)
  return `## Budgets\n\n${table(['budget', 'measured', ''], rows)}`
}

function logSection({ month, wasThere }: Found): string {
  const { records, live, lines, parquet, tallies, parquetRecords } = month
  const rows = [
    ['lines of JSON', millions(records), (lines / records).toFixed(1), showMegabytes(lines)],
    [
      'Parquet and tallies',
      millions(parquetRecords),
      (parquet / parquetRecords).toFixed(2),
      showMegabytes(parquet)
    ],
    [
      'tallies alone',
      millions(parquetRecords),
      (tallies / parquetRecords).toFixed(2),
      showMegabytes(tallies)
    ]
  ]
  const heads = ['form', 'lookups', 'octets each', 'in all']
  return [
    '## The log\n',
    table(heads, rows),
    `The newest ${live} lookups are still lines, in the active file. ${wasThere ? MADE_BEFORE : timesOf(month)}\n`
  ].join('\n')
}

const MADE_BEFORE = 'An earlier run\nwrote the log.'

function timesOf({ writing, archiving, parquetRecords }: Month): string {
  const [wrote, archived] = [writing / 1000, archiving / 1000]
  return (
    `Written in\n${wrote.toFixed(0)} s, converted to Parquet in ${archived.toFixed(0)} s, including merging and ` +
    `tallies:\n${showThousands(parquetRecords / archived)} lookups/s.`
  )
}

function questionSection({ answers }: Found): string {
  const rows = answers.map(({ question, time, peak }) => [
    `\`${question.words.join(' ')}\``,
    question.once ? `${(time.median / 1000).toFixed(2)} s` : seconds(time),
    showMegabytes(peak)
  ])
  return `## Questions\n\n${table(['interdict …', 'time', 'memory, peak'], rows)}`
}

function conversionSection(found: Found): string {
  const { workers, lines, byDefault, oneFile, oneWorker } = found.conversion
  const row = (what: string, { files, converting, merging, peak }: Alone, one: boolean) => [
    what,
    String(files),
    ...[converting, merging].map(time => (one ? inSeconds(time) : seconds(time))),
    showThousands((1000 * lines) / converting.median),
    showMegabytes(peak)
  ]
  return [
    '## Conversion\n',
    `The archive process converts ${millions(lines)} lines of a finished day. By default files are rotated at 256 MB. The`,
    `${workers} workers write one after the other, five times a second, so their lines must be sorted; lines of one`,
    'worker are in order already. In the end the files of the day are merged and counted (tallies): in a gateway',
    'once, after midnight. One large file takes longer, because DuckDB waits until it is sorted, but no more',
    'memory.\n',
    table(
      ['lines', 'files', 'conversion', 'then merging and tallies', 'lines/s', 'memory, peak'],
      [
        row(`of ${workers} workers (default settings)`, byDefault, false),
        row('of one worker', oneWorker, true),
        row(`of ${workers} workers, in one file`, oneFile, true)
      ]
    ),
    'Lines/s refer to the conversion.\n',
    loadedSection(found)
  ].join('\n')
}

const inSeconds = ({ median }: Spread): string => `${(median / 1000).toFixed(2)} s`

function loadedSection({ conversion }: Found): string {
  const { quiet, busy, loss, cpu } = conversion
  return [
    '### Under full load\n',
    'The same process, which gets a core only while nobody else wants it, and the same files. One worker',
    'is under the closed loop of `mixed`: one core for the gateway, the other for the load. Measured',
    'alternately with the process stopped.\n',
    table(
      ['', 'answers/s'],
      [
        ['conversion stopped', showThousandsSpread(quiet)],
        ['conversion running', showThousandsSpread(busy)]
      ]
    ),
    `Loss per pair: ${showSpread(scaled(loss, 100), 1)}%. The conversion got ${cpu.toFixed(2)} s of CPU per second.\n`
  ].join('\n')
}

const showThousandsSpread = (spread: Spread): string =>
  `${showSpread(scaled(spread, 1 / 1000), 1)}k`

function besideSection({ beside, sample, month }: Found): string {
  const first = beside[0]!.time.median
  const rows = beside.map(({ tool, time, peak, octets }) => [
    tool,
    seconds(time),
    `x ${(time.median / first).toFixed(1)}`,
    showMegabytes(peak),
    (octets / sample).toFixed(1)
  ])
  return [
    `## Other tools, ${millions(sample)} lookups\n`,
    'The same question about the same lookups of one day: how many per app, how many of them blocked, and',
    'of how many clients. A run counts only if all tools agree. SQLite has the tables of Pi-hole 6, with',
    'an app as a list, and queries `query_storage`, which is faster than the view `queries`.\n',
    table(['tool', 'time', '', 'memory, peak', 'octets per lookup'], rows),
    `All but Parquet read every lookup: ${millions(month.records)} take them ${(month.records / sample).toFixed(0)} times as long, or more. Most of`,
    'the time for Parquet here is the start of the program.\n'
  ].join('\n')
}

/** `bench/analysis.md`. */
export function page(found: Found, machine: Machine, versions: readonly string[]): string {
  const { month, rounds } = found
  return [
    '# Benchmark of log analysis\n',
    'Written by `npm run bench:analysis`; do not edit.\n',
    `- ${machine.date}, commit ${machine.commit}`,
    `- ${machine.processor}, ${machine.memory}, ${machine.kernel}`,
    `- Node ${machine.node}, ${versions.join(', ')}\n`,
    `${millions(month.records)} lookups of the last 30 days that rules matched: five networks, 20,000 clients, eight apps of`,
    "the shipped catalogue with 300 names each. Names and clients follow Zipf's law; there are days and",
    'nights, workdays and weekends. A query for A usually comes with one for AAAA, often with one for HTTPS.',
    "The product's own code decides, writes lines with clients as daily pseudonyms, rotates and converts",
    `them. Numbers are median [min, max] of ${rounds} rounds, or of one where there is one number. Time is that of`,
    'the whole command, with files in the page cache.\n',
    budgets(found),
    logSection(found),
    questionSection(found),
    conversionSection(found),
    besideSection(found),
    `## Replay\n\nBy \`npm run bench:replay\`, one core.\n\n${found.replay}`
  ]
    .filter(section => section !== '')
    .join('\n')
}

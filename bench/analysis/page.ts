import type { Machine } from '../kit/machine.js'
import { table } from '../kit/markdown.js'
import { showMegabytes, showSpread, showThousands, type Spread } from '../kit/numbers.js'
import type { BesideRow } from './beside.js'
import type { Alone, Loaded } from './conversion.js'
import type { Month } from './month.js'
import { BY_APP, OF_BAN, type Answered } from './questions.js'

/** What becomes of lines of one day that is over. */
export interface Conversion extends Loaded {
  readonly lines: number
  readonly workers: number
  /** Rotated at the size that is the default, written by several workers, whose lines alternate. */
  readonly byDefault: Alone
  /** The same in one file. */
  readonly oneFile: Alone
  /** Of one worker, whose lines are in the order of time. */
  readonly oneWorker: Alone
}

/** Everything that one run found. */
export interface Found {
  readonly month: Month
  /** Whether it was made by a run before. */
  readonly wasThere: boolean
  readonly answers: readonly Answered[]
  readonly conversion: Conversion
  readonly beside: readonly BesideRow[]
  /** Lookups that all tools were asked about. */
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

/** For how many lookups, and lines, the budgets are meant. */
const [OF_MONTH, OF_LINES] = [100_000_000, 10_000_000]

/** What is not to be exceeded, and what it came to; of fewer lookups it says nothing. */
function budgets({ month, answers, conversion }: Found): string {
  const rows: string[][] = []
  const budget = (text: string, measured: string, held: boolean, isMeant: boolean): void => {
    rows.push([text, measured, isMeant ? (held ? 'held' : 'MISSED') : 'too few'])
  }
  const isMonth = month.records >= OF_MONTH * 0.99
  const size = month.parquet / month.parquetRecords
  budget('Parquet: at most 12 octets a record', size.toFixed(2), size <= 12, isMonth)
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
    `The newest ${live} lookups are lines still, in the file being written. ${wasThere ? MADE_BEFORE : timesOf(month)}\n`
  ].join('\n')
}

const MADE_BEFORE = 'Made by a run\nbefore this one.'

function timesOf({ writing, archiving, parquetRecords }: Month): string {
  const [wrote, archived] = [writing / 1000, archiving / 1000]
  return (
    `Written in\n${wrote.toFixed(0)} s, made Parquet in ${archived.toFixed(0)} s, merging of days and ` +
    `tallies included:\n${showThousands(parquetRecords / archived)} lookups/s.`
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
    `What the process that makes Parquet takes for ${millions(lines)} lines of a day that is over. Rotated by`,
    `default at 256 MB; lines of ${workers} workers come one worker after the other, five times a second, and`,
    'have to be put in order, those of one worker are in the order of time. In the end the files of the',
    'day become one, and that is counted (tallies): in a gateway once, after midnight. The one large file',
    'takes longer, for DuckDB has nothing to do until it is in order, and no more memory.\n',
    table(
      ['lines', 'files', 'conversion', 'then merging and tallies', 'lines/s', 'memory, peak'],
      [
        row(`of ${workers} workers (default settings)`, byDefault, false),
        row('of one worker', oneWorker, true),
        row(`of ${workers} workers, in one file`, oneFile, true)
      ]
    ),
    'Lines/s are those of the conversion.\n',
    loadedSection(found)
  ].join('\n')
}

const inSeconds = ({ median }: Spread): string => `${(median / 1000).toFixed(2)} s`

function loadedSection({ conversion }: Found): string {
  const { quiet, busy, loss, cpu } = conversion
  return [
    '### While the gateway has all to do\n',
    'The same process, which has a core only while nobody else wants it, with the same files; one worker',
    'under the closed loop of `mixed`, which takes the one core for the gateway and the other for the',
    'load. In turns with the process stopped.\n',
    table(
      ['', 'answers/s'],
      [
        ['conversion stopped', showThousandsSpread(quiet)],
        ['conversion at work', showThousandsSpread(busy)]
      ]
    ),
    `Lost, turn by turn: ${showSpread(scaled(loss, 100), 1)}%. The conversion got ${cpu.toFixed(2)} s of CPU a second.\n`
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
    'The same question to the same lookups of one day: how many by app, how many of them blocked, of',
    'how many clients. A run counts only if all tools say the same. SQLite has the tables of Pi-hole 6,',
    'an app being a list there, and asks `query_storage` itself, which is faster than the view `queries`.\n',
    table(['tool', 'time', '', 'memory, peak', 'octets a lookup'], rows),
    `All but Parquet read every lookup: ${millions(month.records)} take them ${(month.records / sample).toFixed(0)} times as long, or more. Of`,
    'the time for Parquet here, most is to start the program.\n'
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
    `${millions(month.records)} lookups of 30 days until now, on which rules spoke: five networks, 20,000 clients,`,
    'eight apps of the shipped catalogue with 300 names each. What is asked for most, and by whom,',
    "goes by Zipf's law; there are days and nights, workdays and weekends. A question for A mostly",
    "comes with one for AAAA, often with one for HTTPS, at once. Decided by the product's policy,",
    'written by its line writer with clients as daily pseudonyms, rotated and made Parquet by its own',
    `code. Numbers are median [min, max] of ${rounds} rounds, or of one where there is one number; time is`,
    'that of the whole command, files being in the page cache.\n',
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

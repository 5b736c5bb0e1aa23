/**
 * Whether the query log streams: `npm run bench:log`. Generates a log in Parquet, and measures filters, exports and the
 * replay of a change against their budgets.
 */
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { MS_PER_DAY, type Milliseconds, type Octets } from '../../src/base/units.js'
import { describeMachine } from '../kit/machine.js'
import { table } from '../kit/markdown.js'
import { showMegabytes, showSpread, spreadOf } from '../kit/numbers.js'
import { FIRST_DAY, generateLog } from './generated-log.js'
import { measured, type Measured } from './measured-query.js'

const DAYS = 30
const HOUR: Milliseconds = 3_600_000
const MOST_MEMORY: Octets = 150 * 2 ** 20
/** Of a record in Parquet, more or less. */
const RECORD: Octets = 24
const REPLAYED = 2_000_000
const EXPORTED = 10_000_000

const say = (text: string) => process.stdout.write(`${text}\n`)

function options() {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      records: { ...text, default: '100000000' },
      rounds: { ...text, default: '3' },
      work: text
    }
  })
  const [records, rounds] = [Number(values.records), Number(values.rounds)]
  if (!(records >= 1_000 && rounds >= 1)) throw new Error('--records, --rounds: not a number')
  return { records, rounds, work: values.work }
}

interface Row {
  readonly what: string
  readonly budget: string
  readonly found: string
  readonly cpu: Milliseconds
  readonly peak: Octets
  readonly isHeld: boolean
}

const { records, rounds, work = mkdtempSync(join(tmpdir(), 'interdict-log-')) } = options()
mkdirSync(work, { recursive: true })
const log = join(work, 'log')
const replayed = join(work, 'replayed')
const rules = join(work, 'rules')
process.on('exit', () => {
  for (const path of [log, replayed, rules]) rmSync(path, { recursive: true, force: true })
})
const { bavail, bsize } = statfsSync(work)
if (bavail * bsize < records * RECORD + 2 ** 30) throw new Error(`${work}: too little space`)

say(`generating ${records} lookups of ${DAYS} days`)
await generateLog(log, records, DAYS)
await generateLog(replayed, REPLAYED, 1)
mkdirSync(rules)
writeFileSync(
  join(rules, 'networks.yaml'),
  `networks:
  all:
    prefixes: [10.0.0.0/8]
    bans:
      - { id: new-ban, names: [d7.example, d8.example], authority: A, reference: R, from: 2026-01-01 }
`
)
const at = (time: Milliseconds): string => `${new Date(time).toISOString().slice(0, 19)}Z`
const end = FIRST_DAY + DAYS * MS_PER_DAY
const lastHour = ['--since', at(end - HOUR)]
const exported = Math.min(records, EXPORTED)
const ofExport = ['--since', at(end - (exported / records) * DAYS * MS_PER_DAY)]
const ask = (...words: string[]): string[] => ['query', '--log', log, '--format', 'jsonl', ...words]

const rows: Row[] = []
async function judge(
  what: string,
  words: readonly string[],
  [budget, limit]: readonly [string, number],
  value: (one: Measured) => number,
  stopAfter?: Octets
): Promise<void> {
  const runs: Measured[] = []
  for (let round = 0; round < rounds; round++) runs.push(await measured(words, stopAfter))
  const found = spreadOf(runs.map(value))
  const peak = Math.max(...runs.map(one => one.peak))
  const isRate = budget.endsWith('rows/s')
  const isHeld = isRate ? found.median >= limit : found.median <= limit
  const shown = isRate ? `${Math.round(found.median / 1000)}k rows/s` : `${showSpread(found, 2)} s`
  const cpu = Math.min(...runs.map(one => one.cpu))
  rows.push({ what, budget, found: shown, cpu, peak, isHeld })
  say(`${what}: ${shown}, CPU ${(cpu / 1000).toFixed(2)} s, ${showMegabytes(peak)}`)
}

const first = (one: Measured): number => one.first / 1000
const whole = (one: Measured): number => one.time / 1000
const rate = (one: Measured): number => exported / whole(one)
const HOUR_BUDGET = ['0.3 s', 0.3] as const
const MONTH_BUDGET = ['3 s', 3] as const

await judge(
  'last hour, one client: first rows',
  ask('--all', '--client', '10.0.1.1', ...lastHour),
  HOUR_BUDGET,
  first
)
await judge(
  'last hour, the newest 100 blocked',
  ask('--verdict', 'blocked', ...lastHour),
  HOUR_BUDGET,
  first
)
await judge(
  'month, one row in 10,000: first rows',
  ask('--all', '--app', 'rare'),
  MONTH_BUDGET,
  first
)
await judge('month, one row in 10,000: the newest 100', ask('--app', 'rare'), MONTH_BUDGET, first)
await judge(
  'month, one row in 10,000: all',
  ask('--all', '--app', 'rare'),
  ['none', Infinity],
  whole
)
await judge(
  '`SELECT * FROM lookups \\| head -3`',
  ['query', '--log', log, 'SELECT * FROM lookups'],
  ['1 s', 1],
  whole,
  1
)
for (const format of ['jsonl', 'csv', 'parquet'])
  await judge(
    `export of ${exported / 1e6} M rows, ${format}`,
    ['query', '--log', log, '--format', format, '--all', ...ofExport],
    ['300k rows/s', 300_000],
    rate
  )
await judge(
  'replay of a change over 2 M lookups',
  ['replay', '--rules', rules, replayed],
  ['10 s', 10],
  whole
)

const { date, commit, processor, kernel, memory, node } = await describeMachine([])
say(
  `\n${date}, commit ${commit}; ${processor}, ${memory}, ${kernel}; Node ${node}; ${records} lookups of ${DAYS} days\n`
)
say(
  table(
    ['', 'budget', 'measured', 'CPU', 'memory, peak', ''],
    rows.map(({ what, budget, found, cpu, peak, isHeld }) => {
      const isSmall = what.startsWith('replay') || peak <= MOST_MEMORY
      const used = `${(cpu / 1000).toFixed(2)} s`
      return [what, budget, found, used, showMegabytes(peak), isHeld && isSmall ? 'held' : 'missed']
    })
  )
)

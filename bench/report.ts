import { BUDGETS } from './budgets.js'
import type { Machine } from './kit/machine.js'
import { table } from './kit/markdown.js'
import { microseconds, showMegabytes, showSpread, showThousands, spreadOf } from './kit/numbers.js'
import { OURS } from './peers/index.js'
import { ratio, rowOf, spread, type Results } from './results.js'
import { GONE_AFTER, type LoadingRow } from './scenarios/loading.js'
import type { StartingRow } from './scenarios/starting.js'
import type { Row } from './scenarios/throughput.js'
import type { TrapRow } from './scenarios/validated.js'

/** Short enough for a cell. */
const brief = (problem: string) => problem.replace(/\s+/g, ' ').replaceAll('|', '/').slice(0, 100)

const blank = (count: number) => Array<string>(count).fill('')

const THROUGHPUT = [
  'server',
  'answers/s',
  'CPU µs/answer',
  'user',
  'sys',
  'RSS',
  'p50 / p99',
  'lost',
  'CPU / ours'
]

/** Table of one scenario, and what else was found in it. */
export function throughputSection(results: Results, name: string): string {
  const found = results.throughput.get(name)
  if (found === undefined) return ''
  const ours = rowOf(results, name, OURS)
  const cells = found.rows.map(row => throughputCells(row, ours))
  const notes = [secondOpinion(found.rows), logLines(found.rows)].filter(note => note !== '')
  return [`## ${name}: ${found.scenario.title}\n`, table(THROUGHPUT, cells), ...notes].join('\n')
}

function throughputCells(row: Row, ours: Row | undefined): string[] {
  if (row.problem !== undefined)
    return [row.peer, 'not counted', brief(row.problem), ...blank(THROUGHPUT.length - 3)]
  const relative = ratio(row, ours)
  const lost = row.samples.reduce((sum, { tally }) => sum + tally.lost, 0)
  return [
    row.peer,
    showThousands(spread(row, sample => sample.rate).median),
    showSpread(
      spread(row, sample => sample.cpu),
      2
    ),
    spread(row, sample => sample.user).median.toFixed(2),
    spread(row, sample => sample.system).median.toFixed(2),
    showMegabytes(row.samples.at(-1)?.resident ?? 0),
    `${latency(row, 'p50')} / ${latency(row, 'p99')}`,
    String(lost),
    relative === undefined ? '' : showSpread(relative, 2)
  ]
}

const latency = (row: Row, of: 'p50' | 'p99'): string =>
  microseconds(spread(row, ({ tally }) => tally.latency[of]).median)

function secondOpinion(rows: readonly Row[]): string {
  const told = rows.flatMap(({ peer, dnsperf }) =>
    dnsperf === undefined ? [] : [`${peer} ${showThousands(dnsperf.rate)} (${dnsperf.lost} lost)`]
  )
  return told.length === 0 ? '' : `By dnsperf, one run each, answers/s: ${told.join(', ')}.\n`
}

function logLines(rows: readonly Row[]): string {
  const told = rows.flatMap(({ peer, logged }) =>
    logged === undefined ? [] : [`${peer} ${logged.lines} lines for ${logged.blocked}`]
  )
  return told.length === 0
    ? ''
    : `Log lines for blocked lookups, one run each: ${told.join(', ')}.\n`
}

const LOADING = [
  'server',
  'names',
  'ready after',
  'RSS',
  'above empty',
  'idle p99.9 / worst',
  'reload p99.9 / worst',
  'lost in reload',
  'in force after',
  `RSS at swap / ${GONE_AFTER} s later`
]

export function loadingSection(rows: readonly LoadingRow[]): string {
  if (rows.length === 0) return ''
  const title = '## load: start and reload of long lists, under 2,000 queries/s\n'
  return [title, table(LOADING, rows.map(loadingCells))].join('\n')
}

function loadingCells(row: LoadingRow): string[] {
  const names = `${row.names / 1e6}M`
  if (row.problem !== undefined) return [row.peer, names, brief(row.problem), ...blank(7)]
  const tail = (tally: LoadingRow['idle']) =>
    tally === undefined
      ? 'restart only'
      : `${microseconds(tally.latency.p999)} / ${microseconds(tally.latency.max)}`
  const seconds = (time: number | undefined) =>
    time === undefined ? '' : `${(time / 1000).toFixed(2)} s`
  const { reload } = row
  return [
    row.peer,
    names,
    seconds(row.readyAfter),
    showMegabytes(row.resident ?? 0),
    showMegabytes(row.aboveEmpty ?? 0),
    tail(row.idle),
    tail(reload),
    reload === undefined ? '' : `${reload.lost} of ${reload.sent}`,
    reload && row.inForceAfter === undefined ? 'not in 60 s' : seconds(row.inForceAfter),
    reload === undefined
      ? ''
      : `${showMegabytes(row.residentAtSwap ?? 0)} / ${showMegabytes(row.residentAfter ?? 0)}`
  ]
}

export function startingSection(rows: readonly StartingRow[]): string {
  if (rows.length === 0) return ''
  const cells = rows.map(({ peer, problem, firstAnswer, idle }) =>
    problem === undefined
      ? [peer, showSpread(spreadOf(firstAnswer), 0), idle === undefined ? '' : showMegabytes(idle)]
      : [peer, 'not counted', brief(problem)]
  )
  const title = '## start: cold start, ours with the shipped rules, the others with none\n'
  return [title, table(['server', 'first answer, ms', 'RSS idle, after 15 s'], cells)].join('\n')
}

const TRAPS = ['server', 'quiet p50 / p99', 'meanwhile p50 / p99', 'lost', 'answers of the zone']

export function trapSection(rows: readonly TrapRow[]): string {
  if (rows.length === 0) return ''
  const title =
    '## keytrap: hits of other clients, 2,000 queries/s, while a KeyTrap zone is queried\n'
  return [title, table(TRAPS, rows.map(trapCells))].join('\n')
}

function trapCells({ peer, quiet, trapped, answers, problem }: TrapRow): string[] {
  if (problem !== undefined) return [peer, 'not counted', brief(problem), ...blank(2)]
  const median = (tallies: TrapRow['quiet'], of: 'p50' | 'p99'): string =>
    microseconds(spreadOf(tallies.map(({ latency }) => latency[of])).median)
  const both = (tallies: TrapRow['quiet']) =>
    `${median(tallies, 'p50')} / ${median(tallies, 'p99')}`
  const lost = [...quiet, ...trapped].reduce((sum, tally) => sum + tally.lost, 0)
  return [peer, both(quiet), both(trapped), String(lost), String(answers)]
}

/** Every budget with what was measured beside it. */
export function budgetSection(results: Results): string {
  const cells = BUDGETS.map(({ text, outcome }) => {
    const found = outcome(results)
    if (found === undefined) return [text, 'not measured', '']
    return [text, found.measured, found.held ? 'held' : 'MISSED']
  })
  return `## Budgets\n\n${table(['budget', 'measured', ''], cells)}`
}

/** `bench/results.md`. */
export function page(results: Results, machine: Machine, how: string): string {
  const versions = [...machine.versions].map(([peer, version]) => `${peer} ${version}`).join(', ')
  return [
    '# Benchmark results\n',
    `Written by \`npm run bench\`; do not edit. ${how}\n`,
    `- ${machine.date}, commit ${machine.commit}`,
    `- ${machine.processor}, ${machine.memory}, ${machine.kernel}`,
    `- Node ${machine.node}; ${versions}\n`,
    'Server on one core, load and upstream on another, all servers in turns. CPU per answer is user',
    'and system time of all threads of the server over answers; numbers are median [min, max] of the',
    'rounds; `CPU / ours` is taken round by round. `floor` is a C program with one fixed answer. Before',
    'each run a server is asked 20 questions, and is not counted if an answer is wrong; then it answers',
    'half a second of load that does not count, since it has stood still for the turns of the others.\n',
    budgetSection(results),
    ...[...results.throughput.keys()].map(name => throughputSection(results, name)),
    trapSection(results.traps),
    loadingSection(results.loading),
    startingSection(results.starting)
  ]
    .filter(section => section !== '')
    .join('\n')
}

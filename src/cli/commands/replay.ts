import { statSync } from 'node:fs'
import { systemClock, epochSeconds } from '../../base/clock.js'
import { compile } from '../../policy/compile/compile.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { Comparison } from '../../replay/comparison.js'
import { FORMATS, type Format } from '../../replay/formats/formats.js'
import { Judge } from '../../replay/judge.js'
import {
  replayLines,
  replayLog,
  type ReadLog,
  type ReplayOptions as ReadOptions
} from '../../replay/replay.js'
import { loadRules } from '../../rules/load.js'
import type { RuleSet } from '../../rules/model/types.js'
import { copiesFolder } from '../../sources/http/copies.js'
import { checkAt, secondsAt } from '../args/given.js'
import { openLog } from '../args/log-database.js'
import { ruleFiles } from '../args/rule-files.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { EXIT, refuse, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { terminalWidth } from '../output/columns.js'
import { toHtml } from '../output/replay-html.js'
import { toText } from '../output/replay-text.js'
import { number, size } from '../output/show.js'
import { replayed, toJson, type Replayed } from './replayed.js'

export interface ReplayOptions extends CommonOptions {
  readonly rules: string
  readonly against?: string
  readonly from?: string
  readonly at?: string
  readonly network?: string
  readonly top: string
  readonly examples: string
  readonly failOver?: string
  readonly json?: boolean
  readonly html?: boolean
}

/**
 * `interdict replay`: which answers of recorded lookups would change under candidate rules. Exit code
 * 1 if more do than `failOver`.
 */
export async function replay(
  logs: readonly string[],
  options: ReplayOptions,
  io: Io
): Promise<number> {
  const { json, html } = options
  if (json === true && html === true) usage('--json and --html: one of the two')
  const format = formatOf(options.from)
  const top = wholeNumber('--top', options.top)
  const examples = wholeNumber('--examples', options.examples)
  const most =
    options.failOver === undefined ? Infinity : wholeNumber('--fail-over', options.failOver)
  checkAt(options.at)
  const [rules, against] = await loadBoth(options)
  checkNetwork(options.network, [rules, ...(against ? [against] : [])])
  const { timeZone } = rules
  const at = options.at === undefined ? undefined : secondsAt(options.at, timeZone)
  const now = epochSeconds(systemClock)
  const comparison = new Comparison({ at, now, network: options.network, examples, random })
  comparison.judgeBy(judgeOf(rules, comparison), against && judgeOf(against, comparison))
  const files = await readAll(logs, comparison, { ...options, format, zone: timeZone, now }, io)
  const { rules: folder, against: folderBefore } = options
  const said = replayed(comparison, files, {
    rules: { folder, sha256: rules.sha256 },
    against: against && { folder: folderBefore!, sha256: against.sha256 },
    at,
    timeZone,
    top
  })
  print(io, show(said, options, terminalWidth(io.stdout)))
  return comparison.counts.changed > most ? EXIT.failure : EXIT.success
}

function show(said: Replayed, { json, html }: ReplayOptions, width: number): string {
  if (json === true) return toJson(said)
  return html === true ? toHtml(said) : toText(said, width)
}

function random(): number {
  return Math.floor(Math.random() * 2 ** 32)
}

function judgeOf(rules: RuleSet, { names }: Comparison): Judge {
  return new Judge(rules, compile(rules, { generation: 1, random }), names)
}

/** The candidate rules, and those that they are compared with; ends the process where one is wrong. */
async function loadBoth(options: ReplayOptions): Promise<[RuleSet, RuleSet | undefined]> {
  const { rules, against } = options
  const copies = copiesFolder((await settings(options)).state.folder)
  const after = await loadRules(await ruleFiles(rules, copies))
  const before =
    against === undefined ? undefined : await loadRules(await ruleFiles(against, copies))
  if (after.ok && before?.ok !== false) return [after.rules, before?.rules]
  return refuse([after, before].flatMap(one => (one?.ok === false ? one.errors : [])))
}

async function readAll(
  logs: readonly string[],
  comparison: Comparison,
  options: CommonOptions & Omit<ReadOptions, 'progress'>,
  io: Io
): Promise<ReadLog[]> {
  const files: ReadLog[] = []
  const onTerminal = io.stderr.isTTY === true
  const progress = (file: string, read: number): void => {
    if (!onTerminal) return
    const lookups = number(comparison.counts.lookups)
    io.stderr.write(`\r\x1b[K${lookups} lookups, ${size(read)} of ${JSON.stringify(file)}`)
  }
  try {
    for (const file of logs) {
      const isFolder = statSync(file, { throwIfNoEntry: false })?.isDirectory() === true
      const read = isFolder ? replayStored : replayLog
      files.push(await read(file, comparison, { ...options, progress }, io))
    }
  } finally {
    if (onTerminal) io.stderr.write('\r\x1b[K')
  }
  return files
}

/** The folder of our own query log: what is in it still as lines, and what is Parquet already. */
async function replayStored(
  folder: string,
  comparison: Comparison,
  options: CommonOptions & ReadOptions,
  io: Io
): Promise<ReadLog> {
  const { format = 'interdict', progress } = options
  if (format !== 'interdict') usage(`${folder} is a folder, which --from ${format} has not`)
  const log = await openLog({ ...options, log: folder }, io, { use: 'once', silent: true })
  try {
    let read = 0
    const feed = (push: (octets: Buffer) => void): Promise<void> =>
      log.database.lines(octets => {
        push(octets)
        progress?.(folder, (read += octets.length))
      })
    const stored = await replayLines(folder, feed, comparison, options)
    for (const remark of await log.remarks()) io.stderr.write(`${escapeControls(remark)}\n`)
    return stored
  } finally {
    log.close()
  }
}

function formatOf(from: string | undefined): Format | undefined {
  if (from === undefined) return undefined
  const found = FORMATS.find(format => format === from)
  return found ?? usage(`--from: ${from} is none of ${FORMATS.join(', ')}`)
}

function checkNetwork(network: string | undefined, all: readonly RuleSet[]): void {
  if (network === undefined) return
  for (const { networks } of all) {
    if (!networks.some(({ id }) => id === network)) {
      usage(`--network: the rules have no network ${network}`)
    }
  }
}

function wholeNumber(argument: string, text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : usage(`${argument}: ${text} is no whole number`)
}

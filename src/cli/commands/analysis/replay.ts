import { statSync } from 'node:fs'
import { systemClock, epochSeconds } from '../../../base/time/clock.js'
import { compile } from '../../../policy/compile/compile.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { Comparison } from '../../../analysis/replay/comparison.js'
import { FORMATS, type Format } from '../../../analysis/replay/formats/formats.js'
import { Judge } from '../../../analysis/replay/rule-judge.js'
import {
  replayLines,
  replayLog,
  type ReadLog,
  type ReplayOptions as ReadOptions
} from '../../../analysis/replay/replay.js'
import { loadRules, type RulesResult } from '../../../policy/rules/load.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { listCopiesFolder } from '../../../sources/http/list-copies.js'
import type { ParsedRequest } from '../../../gateway/processes/requests.js'
import { withLog, type OpenLog } from '../../args/open-log.js'
import { checkTime, parseWholeNumber, resolveTime } from '../../args/parse.js'
import { ruleFilesAt } from '../../args/configured-rules.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { type Io } from '../../io.js'
import { formatNumber, formatSize } from '../../output/format.js'
import { impliedFormat } from '../../args/output-format.js'
import { collectResult, toJson, type ReplayResult } from '../../output/log/replay-result.js'
import { toText } from '../../output/log/replay-text.js'
import { outputWidth, writeOutput } from '../../output/write-output.js'
import { originOf } from './make-report.js'

/** Largest number of rows, examples or changes on the command line. */
const MAX_COUNT = 999_999_999
const OUTPUT_FORMATS = ['table', 'json', 'html']

export interface ReplayOptions extends CommonOptions {
  readonly rules: string
  readonly against?: string
  readonly logFormat?: string
  readonly at?: string
  readonly network?: string
  readonly top: string
  readonly examples: string
  readonly failOver?: string
  readonly json?: boolean
  readonly html?: boolean
  readonly output?: string
}

/**
 * `interdict replay`: recorded lookups that candidate rules would answer differently. The exit code
 * is 1 if there are more than `failOver`.
 */
export async function replay(
  logs: readonly string[],
  options: ReplayOptions,
  io: Io
): Promise<number> {
  const { json, html, output } = options
  if (json === true && html === true) usageError('give --json or --html, not both')
  const outputFormat =
    json === true ? 'json' : html === true ? 'html' : impliedFormat(output, OUTPUT_FORMATS)
  const { rules, against, logFormat, at, network } = options
  const request = {
    ...{ logs: [...logs], rules, against, logFormat, at, network },
    top: parseWholeNumber('--top', options.top, { max: MAX_COUNT }),
    examples: parseWholeNumber('--examples', options.examples, { max: MAX_COUNT })
  }
  const limit =
    options.failOver === undefined
      ? Infinity
      : parseWholeNumber('--fail-over', options.failOver, { max: MAX_COUNT })
  const replayed = await performReplay(request, options, io)
  writeOutput(await render(replayed, outputFormat, options, io), output, io)
  return replayed.result.counts.changed > limit ? EXIT.failure : EXIT.success
}

interface Replayed {
  readonly result: ReplayResult
  /** Of the bundle of the candidate rules; null: they are a folder. */
  readonly serial: number | null
}

/** @throws InterdictError as `ruleFilesAt` and `withLog` */
export async function performReplay(
  request: ParsedRequest<'replay'>,
  options: CommonOptions,
  io: Io
): Promise<Replayed> {
  const { logs, network, top, examples } = request
  const format = parseFormat(request.logFormat)
  checkTime(request.at)
  const [rules, against] = await loadBoth(request, options)
  checkNetwork(network, [rules, ...(against ? [against] : [])])
  const { timeZone } = rules
  const at = request.at === undefined ? undefined : resolveTime(request.at, timeZone)
  const now = epochSeconds(systemClock)
  const comparison = new Comparison({ at, now, network, examples, random })
  comparison.judgeBy(judgeOf(rules, comparison), against && judgeOf(against, comparison))
  const { sample } = request
  const reading = { ...options, format, zone: timeZone, now, sample }
  const files = await readAll(logs, comparison, reading, io)
  const all = files.reduce((sum, { sampledOf, lookups }) => sum + (sampledOf ?? lookups), 0)
  const judged = comparison.counts.lookups
  const result = collectResult(comparison, files, {
    rules: { folder: request.rules, sha256: rules.sha256 },
    against: against && { folder: request.against!, sha256: against.sha256 },
    at,
    timeZone,
    sample: sample === undefined || all <= judged ? undefined : { lookups: judged, of: all },
    top
  })
  return { result, serial: rules.bundle?.serial ?? null }
}

async function render(
  { result, serial }: Replayed,
  format: string,
  options: ReplayOptions,
  io: Io
): Promise<string> {
  if (format === 'json') return toJson(result)
  if (format === 'table') return toText(result, outputWidth(options.output, io))
  const { sha256 } = result.rules
  const origin = await originOf(options, io, { sha256, serial })
  // Loads ECharts, which is large, for pages alone.
  const { replayHtml } = await import('../../output/log/replay-html.js')
  return replayHtml(result, origin)
}

function random(): number {
  return Math.floor(Math.random() * 2 ** 32)
}

function judgeOf(rules: RuleSet, { names }: Comparison): Judge {
  return new Judge(rules, compile(rules, { generation: 1, random }), names)
}

/** Loads the candidate rules, and the rules of `against`; errors in any of them end the command. */
async function loadBoth(
  { rules, against, confined }: ParsedRequest<'replay'>,
  options: CommonOptions
): Promise<[RuleSet, RuleSet | undefined]> {
  const config = await loadSettings(options)
  const copies = listCopiesFolder(config.state.folder)
  const { outsideFolders: outside } = config
  const load = async (path: string, folders: readonly string[]): Promise<RulesResult> =>
    loadRules(await ruleFilesAt(path, copies, folders, config))
  const after = await load(rules, confined ? [] : outside)
  const before = against === undefined ? undefined : await load(against, outside)
  if (after.ok && before?.ok !== false) return [after.rules, before?.rules]
  return rejectInput([after, before].flatMap(loaded => (loaded?.ok === false ? loaded.errors : [])))
}

interface Sampling {
  /** Lookups of a folder that are judged; undefined: all. */
  readonly sample?: number | undefined
}

async function readAll(
  logs: readonly string[],
  comparison: Comparison,
  options: CommonOptions & Omit<ReadOptions, 'progress'> & Sampling,
  io: Io
): Promise<ReadLog[]> {
  const files: ReadLog[] = []
  const onTerminal = io.stderr.isTTY === true
  const progress = (file: string, read: number): void => {
    if (!onTerminal) return
    const lookups = formatNumber(comparison.counts.lookups)
    io.stderr.write(`\r\x1b[K${lookups} lookups, ${formatSize(read)} of ${JSON.stringify(file)}`)
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

/** Replays a query log folder of Interdict, whose files are JSON lines or Parquet. */
async function replayStored(
  folder: string,
  comparison: Comparison,
  options: CommonOptions & ReadOptions & Sampling,
  io: Io
): Promise<ReadLog> {
  const { format = 'interdict', progress, sample } = options
  if (format !== 'interdict')
    usageError(`${folder} is a folder, but --log-format ${format} reads files`)
  const judge = async (log: OpenLog): Promise<ReadLog> => {
    let read = 0
    const sampledOf = sample === undefined ? undefined : await log.database.count()
    const share = sampledOf === undefined ? 1 : sample! / sampledOf
    const feed = (push: (octets: Buffer) => void): Promise<void> =>
      log.database.lines(
        octets => {
          push(octets)
          progress?.(folder, (read += octets.length))
        },
        undefined,
        share
      )
    const stored = await replayLines(folder, feed, comparison, options)
    if (sampledOf !== undefined) return { ...stored, sampledOf }
    for (const problem of await log.problems()) io.stderr.write(`${escapeControls(problem)}\n`)
    return stored
  }
  return withLog({ ...options, log: folder }, io, judge, { use: 'once', silent: true })
}

function parseFormat(format: string | undefined): Format | undefined {
  if (format === undefined) return undefined
  const found = FORMATS.find(known => known === format)
  return found ?? usageError(`--log-format: ${format} is not one of ${FORMATS.join(', ')}`)
}

function checkNetwork(network: string | undefined, all: readonly RuleSet[]): void {
  if (network === undefined) return
  for (const { networks } of all) {
    if (!networks.some(({ id }) => id === network)) {
      usageError(`--network: the rules have no network ${network}`)
    }
  }
}

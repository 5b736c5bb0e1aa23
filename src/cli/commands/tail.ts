import { setTimeout as sleep } from 'node:timers/promises'
import { failure } from '../../base/error.js'
import type { Milliseconds } from '../../base/units.js'
import { FollowedFile } from '../../querylog/record/follow.js'
import { readRecord } from '../../querylog/record/read-record.js'
import type { QueryRecord } from '../../querylog/record/schema.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { remarkIds } from '../args/known-ids.js'
import { logFileAt } from '../args/log-path.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { EXIT, usage } from '../exit.js'
import { print, type Io, type OutputStream } from '../io.js'
import { count } from '../output/show.js'
import { recordText } from '../output/tail-text.js'
import { readFilter, type FilterOptions } from './tail-filter.js'

/** The recorder writes every 200 ms, unless told otherwise. */
const LOOK_EVERY: Milliseconds = 200
/** Narrower than that nothing can be read. */
const NARROWEST = 40
/** What a terminal could take for an order, as it may stand in a JSON string. */
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

export interface TailOptions extends CommonOptions, FilterOptions {
  readonly lines: string
  readonly follow: boolean
  readonly json?: boolean
}

/**
 * `interdict tail`: what is being blocked, and why, while it happens. Follows the query log until
 * it is interrupted, or nobody reads it any more.
 */
export async function tail(log: string | undefined, options: TailOptions, io: Io): Promise<number> {
  const wanted = readFilter(options)
  const most = readLines(options.lines)
  const path = log === undefined ? await pathOf(options, io) : logFileAt(log)
  const show = options.json === true ? toJson : toText(io.stdout)
  const file = new FollowedFile(path)
  let foreign = 0
  const select = (line: string): QueryRecord | undefined => {
    const record = readRecord(line)
    if (record === undefined) foreign++
    return record !== undefined && wanted(record) ? record : undefined
  }
  const tell = async (lines: readonly QueryRecord[]): Promise<void> => {
    if (foreign > 0) io.stderr.write(`${count(foreign, 'line')} passed over: no record\n`)
    foreign = 0
    await write(io, lines.map(show).join(''))
  }

  const last = file.readLast(most, line => select(line) !== undefined)
  foreign = 0
  await tell(last.flatMap(line => readRecord(line) ?? []))
  if (!file.isOpen) {
    if (!options.follow) throw failure('LOG_FOLLOW', path, 'it is not there')
    io.stderr.write(`waiting for ${path}, which is not there yet\n`)
  }
  const stopped = new AbortController()
  const ignoreSignals = io.onSignal(() => stopped.abort())
  while (options.follow && !stopped.signal.aborted) {
    await sleep(LOOK_EVERY, undefined, stopped).catch(() => undefined)
    for (const lines of file.readNew()) await tell(lines.flatMap(line => select(line) ?? []))
  }
  ignoreSignals()
  return EXIT.success
}

/** That of the settings, with a word on ids that are nowhere in the rules. */
async function pathOf(options: TailOptions, io: Io): Promise<string> {
  const config = await settings(options)
  for (const remark of await remarkIds(options, config, io))
    io.stderr.write(`${escapeControls(remark)}\n`)
  return config.log.queries.path
}

function readLines(text: string): number {
  const isNumber = /^\d{1,5}$/.test(text)
  return isNumber ? Number(text) : usage(`--lines: ${text} is no number from 0 to 99999`)
}

function toJson(record: QueryRecord): string {
  const text = JSON.stringify(record).replaceAll(CONTROL, character =>
    Array.from({ length: character.length }, (_, i) => escape(character.charCodeAt(i))).join('')
  )
  return `${text}\n`
}

function escape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}

/** Times are without the day, so a day is told before its first lookup. */
function toText(stdout: OutputStream): (record: QueryRecord) => string {
  let day = ''
  return record => {
    const { columns = Infinity } = stdout
    const text = recordText(record, Math.max(NARROWEST, columns))
    const began = record.time.slice(0, 10)
    if (began === day) return text
    day = began
    return /^\d{4}-\d\d-\d\d$/.test(day) ? `${day} (UTC)\n${text}` : text
  }
}

/** Who reads may be slower than who writes: no more is read until it is taken. */
async function write(io: Io, text: string): Promise<void> {
  if (text === '' || print(io, text)) return
  await new Promise<void>(resolve => io.stdout.once('drain', () => resolve()))
}

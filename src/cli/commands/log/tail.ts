import { setTimeout as sleep } from 'node:timers/promises'
import { failure } from '../../../base/errors/error.js'
import type { Milliseconds } from '../../../base/units.js'
import { FollowedFile } from '../../../lookups/files/follow.js'
import { readRecord } from '../../../lookups/event/read-record.js'
import type { QueryRecord } from '../../../lookups/event/schema.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { showTime } from '../../../base/time/instant.js'
import { logFileAt } from '../../args/log-path.js'
import { parseArgument, parseWholeNumber } from '../../args/parse.js'
import { unknownIdRemarks } from '../../args/check-ids.js'
import { loadSettings } from '../../args/settings.js'
import { chooseTimeZone, givenTimeZone, type TimeZoneOptions } from '../../args/time-zone.js'
import { EXIT } from '../../exit.js'
import { print, type Io, type OutputStream } from '../../io.js'
import { formatCount } from '../../output/format.js'
import { recordText } from '../../output/log/tail-text.js'
import { parseFilter } from '../../../analysis/views/record-filter.js'
import type { LookupFilters } from '../../../lookups/sql/lookup-filters.js'

/** The default of `log.queries.flush`: the log is written that often. */
const INTERVAL: Milliseconds = 200
/** Narrower lines cannot be read. */
const NARROWEST = 40
const UTC = 'UTC'
/** Characters that a terminal may interpret, and that JSON strings may contain. */
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

export interface TailOptions extends TimeZoneOptions, LookupFilters {
  readonly lines: string
  readonly follow: boolean
  readonly json?: boolean
}

/**
 * `interdict tail`: follows the query log, and shows what is blocked and why, until a signal or until
 * its own reader ends.
 */
export async function tail(log: string | undefined, options: TailOptions, io: Io): Promise<number> {
  io.onSignal(() => io.exit(EXIT.success))
  const matches = parseFilter(options, parseArgument)
  const lines = parseWholeNumber('--lines', options.lines, { max: 99_999 })
  const path = log === undefined ? await configuredLog(options, io) : logFileAt(log)
  const render = options.json === true ? toJson : toText(io.stdout, await timeZoneOf(options))
  const file = new FollowedFile(path)
  let skipped = 0
  const select = (line: string): QueryRecord | undefined => {
    const record = readRecord(line)
    if (record === undefined) skipped++
    return record !== undefined && matches(record) ? record : undefined
  }
  const show = async (records: readonly QueryRecord[]): Promise<void> => {
    if (skipped > 0) {
      const what = skipped === 1 ? 'not a lookup' : 'not lookups'
      io.stderr.write(`skipped ${formatCount(skipped, 'line')}: ${what}\n`)
    }
    skipped = 0
    await write(io, records.map(render).join(''))
  }

  const last = file.readLast(lines, line => select(line) !== undefined)
  skipped = 0
  await show(last.flatMap(line => readRecord(line) ?? []))
  if (!file.isOpen) {
    if (!options.follow) throw failure('LOG_FOLLOW', path, 'no such file')
    io.stderr.write(`waiting for ${path} to be created\n`)
  }
  while (options.follow) {
    await sleep(INTERVAL)
    for (const added of file.readNew()) await show(added.flatMap(line => select(line) ?? []))
  }
  return EXIT.success
}

/** The log of the settings. Warns of ids that the rules do not contain. */
async function configuredLog(options: TailOptions, io: Io): Promise<string> {
  const config = await loadSettings(options)
  for (const remark of await unknownIdRemarks(options, config, io))
    io.stderr.write(`${escapeControls(remark)}\n`)
  return config.log.queries.path
}

/** UTC where settings or rules cannot be read: a log that is given is shown nevertheless. */
async function timeZoneOf(options: TailOptions): Promise<string> {
  const given = givenTimeZone(options)
  if (given !== undefined) return given
  return chooseTimeZone(options).then(
    ({ timeZone }) => timeZone,
    () => UTC
  )
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

/** Lines show the time of day alone, so a new day is announced before its first lookup. */
function toText(stdout: OutputStream, timeZone: string): (record: QueryRecord) => string {
  let day = ''
  return record => {
    const { columns = Infinity } = stdout
    const at = Date.parse(record.time)
    const time = Number.isNaN(at) ? record.time : showTime(at, timeZone)
    const text = recordText({ ...record, time }, Math.max(NARROWEST, columns))
    const recordDay = time.slice(0, 10)
    if (recordDay === day) return text
    day = recordDay
    return /^\d{4}-\d\d-\d\d$/.test(day) ? `${day} (${timeZone})\n${text}` : text
  }
}

/** Waits for a slow reader before more of the log is read. */
async function write(io: Io, text: string): Promise<void> {
  if (text === '' || print(io, text)) return
  await new Promise<void>(resolve => io.stdout.once('drain', () => resolve()))
}

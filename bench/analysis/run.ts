/**
 * What analysis costs: `npm run bench:analysis`. Makes up a month of lookups, asks it what analysts
 * ask, converts lines while the gateway is under load, and asks other tools the same.
 */
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Octets } from '../../src/base/units.js'
import { describeMachine } from '../kit/machine.js'
import { install } from '../kit/packages.js'
import { BENCH, hasTwoCores, PACKAGE } from '../kit/place.js'
import { run } from '../kit/processes.js'
import { askBeside, TOOLS } from './beside.js'
import { asOneFile, measureAlone, measureUnderLoad } from './conversion.js'
import { archive, Pen, ROTATE, sizesIn, writeMonth, type Month, type PenOptions } from './month.js'
import { page, type Conversion, type Found } from './page.js'
import { askMonth } from './questions.js'
import { writeRules } from './rules.js'
import { DAY, startOfDay, Traffic } from './traffic.js'

const USAGE = `npm run bench:analysis -- [options]

  --records N     lookups of the month (100000000); the page is written only for at least so many
  --lines N       lines that are converted (10000000)
  --sample N      lookups that other tools are asked about (1000000)
  --rounds N      of each measurement (5)
  --work DIR      where all is written (a folder of its own in the temporary one); if a month is there
                  already, which --keep left, that is asked
  --keep          leave that folder
  --out FILE      where the page goes (bench/analysis.md)
`
const COMPLETE = 100_000_000
/** Of a line, and of a record of Parquet: what has to fit onto the disk, more or less. */
const [LINE, RECORD]: [Octets, Octets] = [420, 16]
const SECONDS = 3
/** As many as a gateway has by default on two cores. */
const WORKERS = 2

const say = (text: string) => process.stdout.write(`${text}\n`)

function options() {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      records: { ...text, default: String(COMPLETE) },
      lines: { ...text, default: '10000000' },
      sample: { ...text, default: '1000000' },
      rounds: { ...text, default: '5' },
      work: text,
      keep: { type: 'boolean', default: false },
      out: text
    }
  })
  const number = (key: 'records' | 'lines' | 'sample' | 'rounds'): number => {
    const value = Number(values[key])
    if (Number.isInteger(value) && value > 0) return value
    throw new Error(`--${key}: found ${values[key]}, wanted a whole number above 0`)
  }
  const records = number('records')
  const out = values.out ?? (records >= COMPLETE ? join(BENCH, 'analysis.md') : undefined)
  return {
    ...{ records, lines: number('lines'), sample: number('sample'), rounds: number('rounds') },
    ...{ work: values.work, keep: values.keep, out }
  }
}

type Options = ReturnType<typeof options>

async function main(): Promise<number> {
  let given: Options
  try {
    given = options()
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  }
  if (!hasTwoCores()) return refuse('two cores are needed: one for the server, one for the load')
  const missing = await install([...TOOLS, 'gcc', 'libc6-dev', 'util-linux'])
  if (missing !== undefined) return refuse(`please run first, as root: ${missing}`)
  const work = given.work ?? mkdtempSync(join(tmpdir(), 'interdict-analysis-'))
  await mkdir(work, { recursive: true })
  if (!given.keep) {
    // However this program ends. What is in it was written here: a folder that was given stays.
    const ours = given.work === undefined ? [work] : PARTS.map(part => join(work, part))
    process.on('exit', () => ours.forEach(path => rmSync(path, { recursive: true, force: true })))
  }
  const tooSmall = roomIn(work, given)
  if (tooSmall !== undefined) return refuse(tooSmall)
  const found = await measure(work, given)
  const text = page(found, await describeMachine([]), await versions())
  say(text)
  if (given.out === undefined) return 0
  await writeFile(given.out, text)
  say(`written to ${given.out}`)
  return 0
}

/** What is in `log`, once it is whole. */
const MONTH = 'month.json'
const PARTS = ['rules', 'log', MONTH, 'large', 'converting', 'sample', 'interdict.yaml']

function roomIn(work: string, { records, lines, sample }: Options): string | undefined {
  const { bavail, bsize } = statfsSync(work)
  const wanted = records * RECORD + (records / 20 + 2.5 * lines + 2 * sample) * LINE + 2 ** 30
  if (bavail * bsize >= wanted) return undefined
  return `${work}: ${(wanted / 1e9).toFixed(1)} GB are needed, --work names another folder`
}

async function measure(work: string, given: Options): Promise<Found> {
  const { policy, names } = await writeRules(join(work, 'rules'))
  const settings = join(work, 'interdict.yaml')
  await writeFile(settings, 'rules: rules\nupstreams: { use-resolv-conf: false }\n')
  const traffic = new Traffic(policy, names)
  const { rounds, sample } = given
  const day = startOfDay(Date.now()) - 2 * DAY
  const lines = async (part: string, count: number, options?: PenOptions): Promise<string> => {
    // Of a run before, which ended in the middle or was to keep its month.
    await rm(join(work, part), { recursive: true, force: true })
    const pen = await Pen.open(policy, join(work, part), options)
    pen.write(traffic, day, day + DAY, count / traffic.weight(day, day + DAY))
    if (options !== undefined) pen.turn()
    pen.close()
    return options === undefined ? pen.path : join(work, part)
  }
  const write = (workers: number) => lines('large', given.lines, { rotate: ROTATE, workers })
  const conversion = await convert(work, write, given)
  const beside = await askBeside(await lines('sample', sample), settings, rounds, say)
  const log = join(work, 'log')
  const wasThere = existsSync(join(work, MONTH))
  const month = await monthIn(work, () => writeMonth(traffic, policy, log, given.records, say))
  const answers = await askMonth(settings, join(log, 'queries.jsonl'), rounds, say)
  return { month, wasThere, answers, conversion, beside, sample, replay: await replay(), rounds }
}

/** One that is there already is tended first, for what is made of Parquet may be another by now. */
async function monthIn(work: string, make: () => Promise<Month>): Promise<Month> {
  const path = join(work, MONTH)
  const log = join(work, 'log')
  if (existsSync(path)) {
    await archive(join(log, 'queries.jsonl'), Date.now())
    return { ...(JSON.parse(await readFile(path, 'utf8')) as Month), ...sizesIn(log) }
  }
  const month = await make()
  await writeFile(path, JSON.stringify(month))
  return month
}

/** @param write makes the folder `large`, of so many workers */
async function convert(
  work: string,
  write: (workers: number) => Promise<string>,
  { lines, rounds }: Options
): Promise<Conversion> {
  const folder = join(work, 'converting')
  const alone = async (of: string, from: string, times: number) => {
    const found = await measureAlone(from, folder, times)
    const [converting, merging] = [found.converting, found.merging].map(one => one.median)
    say(`${of}: converted in ${Math.round(converting!)} ms, merged in ${Math.round(merging!)} ms`)
    return found
  }
  const large = await write(WORKERS)
  const byDefault = await alone('by default', large, rounds)
  const loaded = await measureUnderLoad(large, folder, rounds, SECONDS)
  say(`lost while it converts: ${(100 * loaded.loss.median).toFixed(1)}%`)
  const oneFile = await alone('one file', await asOneFile(large), 1)
  rmSync(large, { recursive: true })
  const oneWorker = await alone('one worker', await write(1), 1)
  rmSync(large, { recursive: true })
  rmSync(folder, { recursive: true, force: true })
  return { lines, workers: WORKERS, byDefault, oneFile, oneWorker, ...loaded }
}

async function replay(): Promise<string> {
  const program = join(PACKAGE, 'dist/bench/replay/run.js')
  const { code, stdout, stderr } = await run([process.execPath, program], { limit: 600_000 })
  if (code !== 0) throw new Error(`bench:replay: ${stderr}`)
  // The table is in UTF-8.
  return Buffer.from(stdout, 'latin1').toString('utf8')
}

async function versions(): Promise<string[]> {
  const { stdout } = await run(['dpkg-query', '-W', '-f=${Package} ${Version}\n', ...TOOLS])
  return stdout.trim().split('\n')
}

function refuse(why: string): number {
  process.stderr.write(`bench: ${why}\n`)
  return 2
}

process.exitCode = await main()

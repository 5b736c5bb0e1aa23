/**
 * Whether the memory of a gateway stays level while its rules change all the time:
 * `npm run bench:churn`. For an hour, or as long as is said, a list of 100,000 names is replaced every
 * second under the load of `mixed`; once a minute it says what is resident.
 */
import { parseArgs } from 'node:util'
import type { Octets } from '../src/base/units.js'
import { putLoad } from './kit/load.js'
import { table } from './kit/markdown.js'
import { residentOf } from './kit/proc.js'
import { killAll } from './kit/processes.js'
import { replaceEverySecond } from './kit/replacing.js'
import { Server } from './kit/server.js'
import { SHORT_LIST, Workshop } from './kit/workshop.js'
import { interdict } from './peers/interdict.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    /** Queries a second; without it, as many as are answered. */
    rate: { type: 'string' }
  }
})
const minutes = Number(values.minutes)
const rate = values.rate === undefined ? {} : { rate: Number(values.rate) }
const SECONDS = 60
/** Caches fill and V8 compiles; and what is measured after it is compared with nothing before. */
const SETTLED = 10
const MB = 2 ** 20

interface Minute {
  readonly resident: Octets
  readonly replaced: number
  readonly answered: number
  readonly lost: number
}

const workshop = await Workshop.open(undefined)
try {
  await measure()
} finally {
  killAll()
  await workshop.close()
}

async function measure(): Promise<void> {
  const blocklist = workshop.blocklist(SHORT_LIST)
  const server = await Server.start(interdict, workshop, { blocklist, log: false })
  const replacing = replaceEverySecond(server, blocklist)
  const seen: Minute[] = []
  for (let minute = 1; minute <= minutes; minute++) {
    const before = replacing.times
    const load = { queries: workshop.queries.mixed, seconds: SECONDS, ...rate }
    const { answered, lost } = await putLoad(workshop.programs, server.port, load)
    const resident = residentOf(server.process.pid)
    seen.push({ resident, replaced: replacing.times - before, answered, lost })
    process.stdout.write(row(seen.at(-1)!, minute).join(' ') + '\n')
  }
  const fault = await replacing.stop()
  await server.stop()
  process.stdout.write(`\n${page(seen)}\n${fault === undefined ? '' : `FAULT: ${fault}\n`}`)
}

function row({ resident, replaced, answered, lost }: Minute, minute: number): string[] {
  const perSecond = Math.round(answered / SECONDS)
  return [minute, `${Math.round(resident / MB)} MB`, replaced, perSecond, lost].map(String)
}

function page(seen: readonly Minute[]): string {
  const head = ['minute', 'resident', 'replaced', 'answers/s', 'lost']
  const rows = seen.map((minute, i) => row(minute, i + 1))
  const level = seen.slice(SETTLED).map(({ resident }) => resident / MB)
  const half = Math.floor(level.length / 2)
  const [first, second] = [level.slice(0, half), level.slice(half)].map(mean)
  const told =
    half === 0
      ? ''
      : `From minute ${SETTLED + 1} on: ${Math.round(Math.min(...level))} to ${Math.round(Math.max(...level))} MB; ` +
        `mean of its first half ${first!.toFixed(0)} MB, of its second ${second!.toFixed(0)} MB.\n`
  return `${table(head, rows)}\n${told}`
}

function mean(of: readonly number[]): number {
  return of.reduce((sum, one) => sum + one, 0) / of.length
}

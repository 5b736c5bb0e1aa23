/**
 * Ten thousand reloads of a change in one file beside a list of 20 MB: what the history of rules takes on disk, and
 * whether it gives back what was in force: `npm run test:history -- 10000 1000`.
 *
 * 1. The list is stored by its content. At random moments the text of the rules is compared with what was written.
 * 2. The same reloads without the list, which would take two seconds to compile each time: at random moments
 *    `interdict explain --at` is compared with the generator's own account.
 *
 * Exit code 1 when a moment is wrong, or the history is larger than 60 MB.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { historyFolder } from '../../src/policy/history/history-folder.js'
import { RulesHistory } from '../../src/policy/history/rules-history.js'
import { interdict } from '../cli/run.js'
import { GeneratedHistory, type Moment } from './generated-history.js'

const [RELOADS = 10_000, MOMENTS = 1_000] = process.argv.slice(2).map(Number)
const MB = 2 ** 20
const MOST = 60 * MB

async function withList(place: string): Promise<number> {
  const list = longList(20 * MB)
  const history = new GeneratedHistory(place, list)
  const started = performance.now()
  await history.record(RELOADS)
  const each = (performance.now() - started) / RELOADS
  const size = sizeOf(historyFolder(join(place, 'state')))
  say(
    `${RELOADS} reloads beside a list of ${mb(list.length)}: ${mb(size)}, ${each.toFixed(1)} ms each`
  )
  const opening = performance.now()
  const read = await RulesHistory.open(historyFolder(join(place, 'state')))
  say(`opened in ${((performance.now() - opening) / 1000).toFixed(2)} s`)
  let right = 0
  for (let i = 0; i < MOMENTS; i++) {
    const { at, sha256 } = history.moment()
    const { version } = read.at(Date.parse(at)) ?? {}
    const text = (await version?.file('networks.yaml'))?.toString()
    if (version === undefined ? sha256 === null : text === history.texts.get(sha256!)) right++
  }
  const stored = await read.latest!.version.file('lists/bad.txt')
  say(
    `texts at ${MOMENTS} random moments: ${right} right; the list is ${stored?.equals(Buffer.from(list)) === true ? 'as it was' : 'LOST'}`
  )
  return right === MOMENTS ? size : Infinity
}

async function explained(place: string): Promise<number> {
  const history = new GeneratedHistory(place, undefined)
  await history.record(RELOADS)
  const verdicts = { blocked: 0, forwarded: 0, unknown: 0 }
  let wrong = 0
  for (let i = 0; i < MOMENTS; i++) {
    const moment = history.moment()
    verdicts[moment.verdict]++
    const found = await decided(history.settings, moment)
    if (found === `${moment.verdict} ${moment.sha256}`) continue
    wrong++
    say(
      `WRONG at ${moment.at}: ${moment.name} was ${moment.verdict} ${moment.sha256}, not ${found}`
    )
  }
  const { blocked, forwarded, unknown } = verdicts
  say(
    `explain --at ${MOMENTS} random moments (${blocked} blocked, ${forwarded} not, ${unknown} while stopped): ${MOMENTS - wrong} right`
  )
  return wrong
}

async function decided(settings: string, { at, name }: Moment): Promise<string> {
  const words = ['explain', name, '--from', '10.1.2.3', '--at', at, '-c', settings, '--json']
  const { out, err } = await interdict(...words)
  if (out === '') return err
  const { verdict, rules } = JSON.parse(out) as {
    verdict: string
    rules: { sha256: string | null }
  }
  return `${verdict} ${rules.sha256}`
}

/** Names like those of a real list: as hard to compress. */
function longList(octets: number): string {
  const lines: string[] = []
  let state = 1
  for (let size = 0; size < octets; size += lines.at(-1)!.length + 1) {
    state = (state * 48_271) % 2_147_483_647
    const label = state.toString(36)
    lines.push(
      `${['ads', 'track', 'cdn', 'stats'][state % 4]}-${label}.${['com', 'net', 'example'][state % 3]}`
    )
  }
  return `${lines.join('\n')}\n`
}

function sizeOf(path: string): number {
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
  // As the disk counts it.
  return files.reduce((sum, file) => sum + 512 * statSync(join(path, file)).blocks, 0)
}

const mb = (octets: number): string => `${(octets / MB).toFixed(1)} MB`

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const folder = mkdtempSync(join(tmpdir(), 'interdict-history-'))
try {
  const size = await withList(join(folder, 'list'))
  const wrong = await explained(join(folder, 'rules'))
  process.exitCode = size <= MOST && wrong === 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

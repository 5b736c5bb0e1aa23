/** Every lookup and minute of generated traffic is judged as its generator knows it to be. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { banStates } from '../../src/cli/commands/analysis/evidence-states.js'
import {
  Enforcement,
  STATUSES,
  versionKey,
  windowsOf,
  type Status,
  type Stretch
} from '../../src/analysis/evidence/enforcement.js'
import type { Activation } from '../../src/analysis/evidence/recorded-rules.js'
import { segmentsOf, unmixed, type Run } from '../../src/analysis/evidence/rule-segments.js'
import { BAN, generate, type Month } from './month.js'

const folder = mkdtempSync(join(tmpdir(), 'interdict-month-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const SINCE = Date.parse('2026-06-01T00:00:00Z')
/** Four days; the interop test has a month. */
const MINUTES = 4 * 1440

function judge(month: Month, activations: readonly Activation[]) {
  const { since, until, lines, lost, rules } = month
  const runs: Run[] = []
  for (const { record, at } of lines) {
    const { generation, sha256 = '' } = record
    const last = runs.at(-1)
    if (last?.generation === generation && last.sha256 === sha256)
      runs[runs.length - 1] = { ...last, last: at }
    else runs.push({ generation, sha256, serial: null, first: at, last: at })
  }
  const segments = segmentsOf(unmixed(runs), { since, until }, undefined, activations)
  const states = new Map(
    [...rules.values()].map(one => {
      const key = versionKey({ sha256: one.sha256.slice(0, 12), serial: null })
      return [key, banStates(BAN, one, since, until)]
    })
  )
  const missing = [{ from: lost[0]!.at, until: lost.at(-1)!.at + 1 }]
  const enforcement = new Enforcement(BAN, { since, until }, segments, states, missing)
  const wrong = lines.filter(
    ({ record, at, outcome }) => enforcement.add(record, at, undefined) !== outcome
  )
  const stretches = enforcement.stretches()
  return { enforcement, wrong, stretches, minutes: statuses(month, stretches) }
}

/** The worst status of each minute. */
function statuses({ since, minutes }: Month, stretches: readonly Stretch[]): Status[] {
  return minutes.map((_, i) => {
    const [from, until] = [since + i * 60_000, since + (i + 1) * 60_000]
    const ranks = stretches
      .filter(one => one.from < until && from < one.until)
      .map(({ status }) => STATUSES.indexOf(status))
    return STATUSES[Math.max(...ranks)]!
  })
}

for (const seed of [1, 2, 3]) {
  t.test(`generated traffic ${seed}`, async t => {
    const month = await generate(join(folder, String(seed)), SINCE, MINUTES, 3, seed)
    const known = judge(month, month.activations)
    t.equal(known.wrong.length, 0, `each of ${month.lines.length} lookups`)
    t.strictSame(known.enforcement.networks, ['laptops', 'phones'])
    const errors = known.minutes.filter((status, i) => status !== month.minutes[i])
    t.equal(errors.length, 0, `each of ${MINUTES} minutes, if it is known when rules changed`)
    for (const status of STATUSES.filter(one => one !== 'not known'))
      t.ok(month.minutes.includes(status), status)
    const windows = windowsOf(known.stretches)
    t.match(
      windows.filter(({ status }) => status === 'not in force').map(({ cause }) => cause),
      ['absent', 'monitored', 'outside its hours', 'absent', /not at hand/]
    )
    t.strictSame(
      windows.filter(({ cause }) => cause === 'absent').map(({ networks }) => networks),
      [['laptops', 'phones'], ['laptops']]
    )

    const byLog = judge(month, [])
    t.equal(byLog.wrong.length, 0)
    const wrong = byLog.minutes.filter(
      (status, i) => status !== month.minutes[i] && status !== 'not known'
    )
    t.equal(wrong.length, 0, 'from the log alone, no minute is wrong')
    const unclear = byLog.minutes.filter(status => status === 'not known').length
    t.ok(unclear <= 2 * month.activations.length, `${unclear} minutes are not known`)
  })
}

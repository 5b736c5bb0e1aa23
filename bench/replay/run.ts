/**
 * What `interdict replay` costs a lookup: `npm run bench:replay`. User and system CPU of the whole run,
 * with the reading of the file, on one core; rules and logs are made before. `--check` fails where
 * our own log is below the budget.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compile } from '../../src/policy/compile/compile.js'
import { Comparison } from '../../src/analysis/replay/comparison.js'
import { Judge } from '../../src/analysis/replay/rule-judge.js'
import { replayLog } from '../../src/analysis/replay/replay.js'
import { loadRules } from '../../src/policy/rules/load.js'
import type { RuleSet } from '../../src/policy/rules/model/types.js'
import { Blocklist } from '../kit/blocklist.js'
import { table } from '../kit/markdown.js'
import { NETWORKS } from '../peers/interdict.js'
import { OTHER_LOGS, OWN_LOGS, writeLog, type BenchLog } from './logs.js'

/** Lookups a second on one core that our own log has to be replayed at, at least. */
const BUDGET = 1_000_000
const HEAD = ['log', 'candidate rules', 'CPU µs a lookup', 'lookups a second', 'budget', 'changed']

const { values } = parseArgs({
  options: {
    lookups: { type: 'string', default: '2000000' },
    names: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    logs: { type: 'string', default: '' },
    check: { type: 'boolean', default: false }
  }
})
const [lookups, listed, rounds] = [values.lookups, values.names, values.rounds].map(Number)
const folder = await mkdtemp(join(tmpdir(), 'interdict-replay-'))
try {
  const all = await rulesOf('all', NETWORKS, listed!)
  const none = await rulesOf('none', NETWORKS.replace(/^ *block:.*$/m, ''), listed!)
  const rows: string[][] = []
  for (const log of [...OWN_LOGS, ...OTHER_LOGS]) {
    if (!log.what.includes(values.logs)) continue
    const file = join(folder, 'a.log')
    await writeLog(file, log, lookups!)
    rows.push(await measure(file, log, 'as they were', all, undefined))
    if (log === OWN_LOGS[0]) {
      rows.push(await measure(file, log, 'without the list', none, undefined))
      rows.push(await measure(file, log, 'the same, with --against', none, all))
    }
  }
  process.stdout.write(table(HEAD, rows))
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** The best of some rounds: others use the machine. */
async function measure(
  file: string,
  { what, format }: BenchLog,
  words: string,
  rules: RuleSet,
  before: RuleSet | undefined
): Promise<string[]> {
  let best = Infinity
  let changed = 0
  for (let round = 0; round < rounds!; round++) {
    const comparison = comparisonOf(rules, before)
    const since = process.cpuUsage()
    const { lookups: read } = await replayLog(file, comparison, { format, zone: 'UTC', now: 0 })
    const { user, system } = process.cpuUsage(since)
    if (read !== lookups) throw new Error(`${what}: ${read} lookups of ${lookups!}`)
    best = Math.min(best, (user + system) / read)
    changed = comparison.counts.changed
  }
  const perSecond = 1e6 / best
  const isHeld = perSecond >= BUDGET
  if (!isHeld && values.check && format === 'interdict') process.exitCode = 1
  const shown = [perSecond, BUDGET].map(rate => Math.round(rate).toLocaleString('en'))
  const held = format === 'interdict' ? `${shown[1]!} ${isHeld ? 'held' : 'missed'}` : '-'
  return [what, words, best.toFixed(2), shown[0]!, held, changed.toLocaleString('en')]
}

function comparisonOf(rules: RuleSet, before: RuleSet | undefined): Comparison {
  const random = (): number => 0x2545f491
  const comparison = new Comparison({
    at: undefined,
    now: 0,
    network: undefined,
    examples: 3,
    random
  })
  const judge = (set: RuleSet): Judge =>
    new Judge(set, compile(set, { generation: 1, random }), comparison.names)
  comparison.judgeBy(judge(rules), before && judge(before))
  return comparison
}

async function rulesOf(id: string, networks: string, names: number): Promise<RuleSet> {
  const rules = join(folder, id)
  await mkdir(join(rules, 'lists'), { recursive: true })
  await mkdir(join(rules, 'apps'))
  await writeFile(join(rules, 'networks.yaml'), networks)
  await new Blocklist(rules, names, 1).install('domains', join(rules, 'lists', 'names.txt'))
  const loaded = await loadRules(rules)
  if (!loaded.ok) throw loaded.errors[0] ?? new Error('no rules')
  return loaded.rules
}

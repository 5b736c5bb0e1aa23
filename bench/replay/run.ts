/**
 * What `interdict replay` costs a lookup of our own log: `npm run bench:replay`. User and system CPU
 * of the whole run, with the reading of the file, on one core; rules and log are made before.
 */
import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { compile } from '../../src/policy/compile.js'
import { Comparison } from '../../src/replay/comparison.js'
import { Judge } from '../../src/replay/judge.js'
import { replayLog } from '../../src/replay/replay.js'
import { loadRules } from '../../src/rules/load.js'
import type { RuleSet } from '../../src/rules/types.js'
import { table } from '../kit/markdown.js'
import { Blocklist } from '../kit/blocklist.js'
import { allowedName, blockedName, drawByRank } from '../kit/names.js'
import { scramble } from '../kit/random.js'
import { NETWORKS } from '../peers/interdict.js'

const { values } = parseArgs({
  options: {
    lookups: { type: 'string', default: '2000000' },
    names: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' }
  }
})
const [lookups, listed, rounds] = [values.lookups, values.names, values.rounds].map(Number)
const folder = await mkdtemp(join(tmpdir(), 'interdict-replay-'))
try {
  const log = join(folder, 'queries.jsonl')
  await writeLog(log)
  const all = await rulesOf('all', NETWORKS, listed!)
  const none = await rulesOf('none', NETWORKS.replace(/^ *block:.*$/m, ''), listed!)
  const rows = [
    ['the rules as they were: nothing changes', await measure(log, all, undefined)],
    [
      'rules without the list: each fifth lookup is newly allowed',
      await measure(log, none, undefined)
    ],
    ['--against: both verdicts are taken', await measure(log, none, all)]
  ].map(([what, cost]) => [String(what), ...(cost as string[])])
  process.stdout.write(
    table(['candidate rules', 'CPU µs a lookup', 'lookups a second', 'changed'], rows)
  )
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** The best of some rounds: others use the machine. */
async function measure(
  log: string,
  rules: RuleSet,
  before: RuleSet | undefined
): Promise<string[]> {
  let best = Infinity
  let changed = 0
  for (let round = 0; round < rounds!; round++) {
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
    const since = process.cpuUsage()
    await replayLog(log, comparison, { format: undefined, zone: 'UTC', now: 0 })
    const { user, system } = process.cpuUsage(since)
    best = Math.min(best, (user + system) / lookups!)
    changed = comparison.counts.changed
  }
  return [
    best.toFixed(2),
    Math.round(1e6 / best).toLocaleString('en'),
    changed.toLocaleString('en')
  ]
}

/** A fifth of lookups blocked; names by Zipf's law, as in real traffic; a thousand clients. */
async function writeLog(path: string): Promise<void> {
  const open = drawByRank(
    Array.from({ length: 200_000 }, (_, i) => allowedName(i)),
    1 << 20,
    1
  )
  const blocked = drawByRank(
    Array.from({ length: 50_000 }, (_, i) => blockedName(i)),
    1 << 18,
    2
  )
  const out = createWriteStream(path)
  let block = ''
  for (let i = 0; i < lookups!; i++) {
    const at = new Date(1_700_000_000_000 + i).toISOString()
    const client = `127.0.${scramble(i) & 3}.${(scramble(i) >>> 8) & 0xff}`
    const isBlocked = i % 5 === 0
    const name = isBlocked ? blocked[(i / 5) & (blocked.length - 1)]! : open[i & (open.length - 1)]!
    const rest = isBlocked
      ? `"rcode":"NOERROR","verdict":"blocked","match":"qname","list":"names","block":"local/names","rule":"networks.yaml:5","pattern":"${name}","source":"lists/names.txt:1","us":3,"ede":15}`
      : `"rcode":"NOERROR","verdict":"cached","us":3}`
    block += `{"v":1,"time":"${at}","generation":1,"sha256":"9f86d081884c","client":"${client}","network":"local","protocol":"udp","qname":"${name}","qtype":"${i % 3 === 0 ? 'AAAA' : 'A'}",${rest}\n`
    if (block.length < 1 << 20) continue
    if (!out.write(block)) await once(out, 'drain')
    block = ''
  }
  out.end(block)
  await once(out, 'finish')
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

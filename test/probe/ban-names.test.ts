import t from 'tap'
import { readName } from '../../src/wire/dns/name/name.js'
import { BanNames } from '../../src/gateway/probe/ban-names.js'
import { readApp } from '../../src/policy/rules/apps/app-file.js'
import type { NameSource } from '../../src/policy/rules/model/types.js'
import { packRules, unpackRules } from '../../src/gateway/compiler/packed-rules.js'
import { loadRules } from '../../src/policy/rules/load.js'

const MINUTE = 60_000
const ROUNDS_PER_DAY = 1440

/** An app as it is shipped, and one whose file has bare names. */
function appOf(id: string, names: readonly string[]): NameSource {
  const text = ['app: ' + id, 'title: T', 'names:', ...names.map(name => `  - ${name}`), ''].join(
    '\n'
  )
  const read = readApp(Buffer.from(text), `apps/${id}.yaml`, id)
  if (!('app' in read)) throw new Error(JSON.stringify(read))
  return read.app.source
}

const evidence = (count: number): string =>
  `[${Array.from({ length: count }, (_, i) => `s${i}`).join(', ')}]`
const factual = (name: string, role: string, confidence: string, count: number): string =>
  `{ name: ${name}, role: ${role}, confidence: ${confidence}, evidence: ${evidence(count)} }`

const clip = appOf('clip', [
  factual('old-api.test', 'api', 'low', 9),
  factual('api.test', 'api', 'high', 3),
  factual('site.test', 'web', 'high', 7),
  factual('log.test', 'telemetry', 'high', 20),
  factual("'*.video.test'", 'cdn', 'high', 2),
  factual('program.test', 'app', 'medium', 30),
  factual('vendor.test', 'shared', 'high', 30),
  ...Array.from({ length: 20 }, (_, i) => factual(`edge${i}.test`, 'cdn', 'low', 1))
])
const plain = appOf('plain', ['first.test', 'second.test', 'third.test', 'fourth.test'])

const namesIn = (names: BanNames, round: number): string[] =>
  names.ofRound(round).map(({ text }) => text)

t.test('each round has the main names of an app, by role and evidence, and others in turn', t => {
  const names = new BanNames({ sources: [clip] }, 3, MINUTE)
  const main = ['api.test', 'site.test', 'probe.video.test']
  const others = new Set<string>()
  for (let round = 0; round < 24; round++) {
    const asked = namesIn(names, round)
    t.strictSame(asked.slice(0, 3), main)
    t.equal(asked.length, 4)
    others.add(asked[3]!)
  }
  t.equal(others.size, 24)
  t.end()
})

t.test(
  'without facts, the first name of a file is the main one; each app of a ban has its own',
  t => {
    t.strictSame(namesIn(new BanNames({ sources: [plain] }, 3, MINUTE), 0).slice(0, 1), [
      'first.test'
    ])
    const both = namesIn(new BanNames({ sources: [clip, plain] }, 3, MINUTE), 7)
    t.equal(both.length, 5)
    t.ok(both.includes('api.test') && both.includes('first.test'))
    t.equal(namesIn(new BanNames({ sources: [plain] }, 3, undefined), 0).length, 3)
    t.end()
  }
)

t.test('all names are asked within a day, however many there are', t => {
  const many = appOf(
    'many',
    Array.from({ length: 2000 }, (_, i) => `n${i}.test`)
  )
  for (const every of [MINUTE, 60 * MINUTE]) {
    const names = new BanNames({ sources: [many] }, 1, every)
    const asked = new Set<string>()
    const rounds = (ROUNDS_PER_DAY * MINUTE) / every
    for (let round = 0; round < rounds; round++)
      for (const name of namesIn(names, round)) asked.add(name)
    t.equal(asked.size, 2000)
  }
  t.end()
})

t.test('the rules that the probe gets have the main names, whatever is sampled', async t => {
  const loaded = await loadRules('rules')
  if (!loaded.ok) throw new Error('the shipped rules are wrong')
  const { rules } = unpackRules(packRules(loaded, 2), true)
  const tiktok = rules.sources.find(({ id }) => id === 'tiktok')!
  const asked = namesIn(new BanNames({ sources: [tiktok] }, 3, undefined), 0)
  t.strictSame(new Set(asked.slice(0, 3)), new Set(['tiktok.com', 'tiktokv.com', 'tiktokcdn.com']))
  t.ok(readName(asked[3]!).length > 1)
})

import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { lines, record } from '../archive/lines.js'
import { tendOnce } from '../archive/chain/rig.js'
import { FILES, interdict, SETTINGS, site } from './run.js'

const CLOSED = 'log/queries-20230302T000000.104Z.jsonl'
const CHAIN = 'log: { queries: { chain: { sign-key: sign.pem } } }\n'

/** A site whose log has a chain; its settings, and the public key. */
async function proven(t: Test) {
  const config = site(t, {
    ...FILES,
    'interdict.yaml': SETTINGS + CHAIN,
    [CLOSED]: lines(record('2023-03-01T09:26:53.589Z', { ban: 'federal' }))
  })
  const at = (name: string): string => join(dirname(config), name)
  const key = (await interdict('bundle', 'keygen', at('sign.pem'))).out.trim()
  const chain = { signKey: at('sign.pem'), earlierKeys: [], checkpoint: 3_600_000 }
  const options = { parquet: false, chain }
  await tendOnce(at('log/queries.jsonl'), '2023-03-02T12:30:00.000Z', options)
  return { config, at, key }
}

t.test('says that a log is proven, for people and for programs', async t => {
  const { config, at, key } = await proven(t)
  const told = await interdict('verify-log', '-c', config)
  t.match(told, { code: 0, out: /chain\.jsonl: proven/ }, told.err)
  t.match(told.out, /3 lines since 2023-03-02 12:30:00/)
  t.match(told.out, /1 file as written/)
  const json = await interdict('verify-log', at('log'), '--json', '--key', key)
  t.equal(json.code, 0, json.err)
  const { head } = JSON.parse(json.out) as { head: { sha256: string } }
  t.match(JSON.parse(json.out), { proven: true, breaks: [], files: 1, lines: 3 })
  t.match(await interdict('verify-log', '-c', config, '--expect', head.sha256), { code: 0 })
  const cut = await interdict('verify-log', '-c', config, '--expect', '0'.repeat(64))
  t.match(cut, { code: 1, out: /broken at chain\.jsonl:4/ })
})

t.test('names where it broke, with exit code 1', async t => {
  const { config, at } = await proven(t)
  appendFileSync(at(CLOSED), lines(record('2023-03-01T10:00:00.000Z')))
  const told = await interdict('verify-log', '-c', config)
  t.match(told, { code: 1, out: /broken at queries-20230302T000000\.104Z\.jsonl/ })
  t.match(told.out, /altered/)
  const chain = at('log/chain.jsonl')
  writeFileSync(chain, readFileSync(chain, 'utf8').replace('"records":1', '"records":7'))
  t.match(await interdict('verify-log', '-c', config), { code: 1, out: /chain\.jsonl:2/ })
})

t.test('words that it does not know are exit code 2', async t => {
  const { config, at, key } = await proven(t)
  t.match(await interdict('verify-log', '-c', config, '--key', 'abc'), { code: 2, err: /--key/ })
  t.match(await interdict('verify-log', '-c', config, '--expect', 'abc'), { code: 2 })
  writeFileSync(config, SETTINGS)
  t.match(await interdict('verify-log', '-c', config), { code: 2, err: /--key/ })
  t.match(await interdict('verify-log', at('log'), '-k', key, '-c', config), { code: 0 })
})

t.test('report ban says whether the log is as it was written', async t => {
  const { config, at } = await proven(t)
  const ban = async (): Promise<unknown> => {
    const told = await interdict('report', 'ban', 'federal', '-c', config, '--format', 'json')
    return (JSON.parse(told.out) as { facts: Record<string, string> }).facts['Query log']
  }
  t.match(await ban(), /^proven: 1 file as written.*last checkpoint 2023-03-02 12:30:00/)
  appendFileSync(at(CLOSED), '\n')
  t.match(await ban(), /altered/)
  chmodSync(at('sign.pem'), 0o644)
  t.match(await ban(), /^not proven: /)
  writeFileSync(config, SETTINGS)
  t.match(await ban(), /^not proven: log\.queries\.chain is not set/)
})

t.test('a key that cannot be used is told by check, and by serve at the start', async t => {
  const { config, at } = await proven(t)
  t.match(await interdict('check', '-c', config), { code: 0 })
  chmodSync(at('sign.pem'), 0o644)
  t.match(await interdict('check', '-c', config), { code: 1, out: /CHAIN_KEY/ })
  t.match(await interdict('serve', '-c', config), { code: 1, err: /CHAIN_KEY/ })
  writeFileSync(config, `${SETTINGS}log: { queries: { chain: { sign-key: log/sign.pem } } }\n`)
  t.match(await interdict('check', '-c', config), {
    code: 1,
    out: /log\.queries\.chain\.sign-key: .*outside the folder of the query log/
  })
})

t.test('names of files give no orders to a terminal', async t => {
  const { config, at } = await proven(t)
  mkdirSync(at('log/archive/day=2023-03-01'), { recursive: true })
  writeFileSync(at('log/archive/day=2023-03-01/\u001b[2J.parquet'), '')
  const told = await interdict('verify-log', '-c', config)
  t.match(told, { code: 1, out: /broken at archive.*\\u\{1b\}\[2J\.parquet/ })
  t.notMatch(told.out, '\u001b')
})

import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { lines, record } from '../querylog/archive/lines.js'
import { siteWithChain } from './chained-log.js'
import { hashLine } from '../../src/lookups/chain/chain-entry.js'
import { messageOf } from '../../src/lookups/witness/external-receipts.js'
import { makeAuthority, makeTimeStamp } from '../pki/time-stamps.js'
import { interdict, SETTINGS } from './run.js'

const NAME = 'queries-20230302T000000.104Z.jsonl'
const CLOSED = `log/${NAME}`

t.test('verifies an unaltered log, as text and JSON', async t => {
  const { config, at, key } = await siteWithChain(t, NAME)
  const told = await interdict('verify-log', '-c', config)
  t.match(told, { code: 0, out: /chain\.jsonl: verified/ }, told.err)
  t.match(told.out, /3 lines since 2023-03-03 12:30:00/)
  t.match(told.out, /1 file unaltered/)
  const json = await interdict('verify-log', at('log'), '--json', '--trust', key)
  t.equal(json.code, 0, json.err)
  const { head } = JSON.parse(json.out) as { head: { sha256: string } }
  t.match(JSON.parse(json.out), { proven: true, breaks: [], files: 1, lines: 3 })
  t.match(await interdict('verify-log', '-c', config, '--expect', head.sha256), { code: 0 })
  const cut = await interdict('verify-log', '-c', config, '--expect', '0'.repeat(64))
  t.match(cut, { code: 1, out: /broken at chain\.jsonl:4/ })
})

t.test('reports the first alteration, with exit code 1', async t => {
  const { config, at } = await siteWithChain(t, NAME)
  appendFileSync(at(CLOSED), lines(record('2023-03-01T10:00:00.000Z')))
  const told = await interdict('verify-log', '-c', config)
  t.match(told, { code: 1, out: /broken at queries-20230302T000000\.104Z\.jsonl/ })
  t.match(told.out, /altered/)
  const chain = at('log/chain.jsonl')
  writeFileSync(chain, readFileSync(chain, 'utf8').replace('"records":1', '"records":7'))
  t.match(await interdict('verify-log', '-c', config), { code: 1, out: /chain\.jsonl:2/ })
})

t.test('a path that does not exist is an error, not a broken chain', async t => {
  const { config, at, key } = await siteWithChain(t, NAME)
  const verify = (...words: string[]): ReturnType<typeof interdict> =>
    interdict('verify-log', ...words, '-c', config, '--trust', key)
  const missing = at('no-such-folder')
  const err = `cannot read query log chain ${missing}: no such file or folder (CHAIN_READ)\n`
  t.strictSame(await verify(missing), { code: 1, out: '', err })
  const current = await verify(at('log/not-yet.jsonl'))
  t.match(current, { code: 0, out: /verified/ }, 'the chain may exist without the current file')
  rmSync(at('log'), { recursive: true })
  const told = await interdict('verify-log', '-c', config)
  t.match(told, { code: 1, out: '', err: /log: no such file or folder \(CHAIN_READ\)/ })
})

t.test('invalid keys and hashes are usage errors', async t => {
  const { config, at, key } = await siteWithChain(t, NAME)
  t.match(await interdict('verify-log', '-c', config, '--trust', 'abc'), {
    code: 2,
    err: /--trust/
  })
  t.match(await interdict('verify-log', '-c', config, '--expect', 'abc'), { code: 2 })
  writeFileSync(config, SETTINGS)
  t.match(await interdict('verify-log', '-c', config), { code: 2, err: /--trust/ })
  t.match(await interdict('verify-log', at('log'), '--trust', key, '-c', config), { code: 0 })
  rmSync(at('log/chain.jsonl'))
  const chainless = await interdict('verify-log', '-c', config)
  t.match(chainless, { code: 1, err: /no such file; log\.queries\.chain records one \(CHAIN_READ/ })
})

t.test('report ban shows whether the log is verified', async t => {
  const { config, at } = await siteWithChain(t, NAME)
  const ban = async (): Promise<unknown> => {
    const told = await interdict('report', 'ban', 'federal', '-c', config, '--format', 'json')
    return (JSON.parse(told.out) as { facts: Record<string, string> }).facts['Query log']
  }
  t.match(await ban(), /^verified: 1 file unaltered.*last checkpoint 2023-03-03 12:30:00/)
  appendFileSync(at(CLOSED), '\n')
  t.match(await ban(), /altered/)
  chmodSync(at('sign.pem'), 0o644)
  t.match(await ban(), /^not verified: /)
  writeFileSync(config, SETTINGS)
  t.match(await ban(), /^not verified: log\.queries\.chain is not set/)
})

t.test('check and serve report an unusable key', async t => {
  const { config, at } = await siteWithChain(t, NAME)
  t.match(await interdict('check', '-c', config), { code: 0 })
  chmodSync(at('sign.pem'), 0o644)
  t.match(await interdict('check', '-c', config), {
    code: 1,
    out: /interdict\.yaml:3:38: .*CHAIN_KEY/
  })
  t.match(await interdict('serve', '-c', config), { code: 1, err: /CHAIN_KEY/ })
  writeFileSync(config, `${SETTINGS}log: { queries: { chain: { sign-key: log/sign.pem } } }\n`)
  t.match(await interdict('check', '-c', config), {
    code: 1,
    out: /log\.queries\.chain\.sign-key: .*outside the folder of the query log/
  })
})

t.test('check reports certificates of a witness that cannot be used', async t => {
  const { config, at } = await siteWithChain(t, NAME)
  const settings = readFileSync(config, 'utf8')
  const witness = 'witness: { tsa: { url: "http://127.0.0.1/", ca-file: tsa.pem } }'
  writeFileSync(config, settings.replace('sign.pem }', `sign.pem }, ${witness}`))
  const missing = await interdict('check', '-c', config)
  t.match(missing, { code: 1, out: /:3:59: .*log\.queries\.witness\.tsa\.ca-file.*CONFIG_FILE/ })
  writeFileSync(at('tsa.pem'), makeAuthority().ca)
  t.match(await interdict('check', '-c', config), { code: 0 })
})

t.test('escapes control characters in file names', async t => {
  const { config, at } = await siteWithChain(t, NAME)
  mkdirSync(at('log/archive/day=2023-03-01'), { recursive: true })
  writeFileSync(at('log/archive/day=2023-03-01/\u001b[2J.parquet'), '')
  const told = await interdict('verify-log', '-c', config)
  t.match(told, { code: 1, out: /broken at archive.*\\u\{1b\}\[2J\.parquet/ })
  t.notMatch(told.out, '\u001b')
})

t.test(
  'a chain that the gateway has not begun is not yet signed, which proves nothing',
  async t => {
    const { config, at } = await siteWithChain(t, NAME)
    const [start] = readFileSync(at('log/chain.jsonl'), 'utf8').split('\n')
    writeFileSync(at('log/chain.jsonl'), `${start!}\n`)
    const early = await interdict('verify-log', '-c', config)
    t.match(early, { code: 1, out: /not yet signed, so nothing is proven/ })
    t.match(early.out, /no checkpoint yet/)
    rmSync(at('log/chain.jsonl'))
    const none = await interdict('verify-log', '-c', config)
    t.match(none, { code: 1, out: /not yet signed, so nothing is proven/ })
    t.match(none.out, /somebody removed it/)
    t.notMatch(none.out, /[Bb]roken|unaltered/)
  }
)

t.test(
  'says until when a witness confirms the log, and finds a chain that it has not seen',
  async t => {
    const { config, at, key } = await siteWithChain(t, NAME)
    const none = await interdict('verify-log', '-c', config)
    t.match(none, { code: 0, out: /verified: nobody without the key of the chain .*; no witness/ })
    t.match(none.out, /none: anyone with the key of the chain could have rewritten all of it since/)
    t.notMatch(none.out, /the log is unaltered/)

    const authority = makeAuthority()
    writeFileSync(at('tsa-ca.pem'), authority.ca)
    const sha256 = hashLine(readFileSync(at('log/chain.jsonl'), 'utf8').split('\n')[2]!)
    const response = makeTimeStamp(authority, sha256)
    const time = new Date().toISOString()
    const receipt = { v: 1, n: 3, sha256, time, to: 'https://tsa.example/', by: 'tsa' }
    const stored = `${JSON.stringify({ ...receipt, response: response.toString('base64') })}\n`
    writeFileSync(at('log/witness.jsonl'), stored)
    const trusting = ['verify-log', at('log'), '--trust', key, '--tsa-ca', at('tsa-ca.pem')]
    const found = await interdict(...trusting)
    t.match(
      found,
      { code: 0, out: /verified by the key of the chain; lookups of 2 periods could have/ },
      found.err
    )
    t.match(found.out, /1 receipt, .*; the last is for line 3/)
    t.match(found.out, /unconfirmed for longer than the interval: 2023-03-01 09:26:53 to 20/)
    t.match(found.out, /not confirmed since 2023-03-01 09:26:53/)
    const unknown = await interdict('verify-log', at('log'), '--trust', key)
    t.match(unknown, { code: 0, out: /no witness/ })
    t.match(unknown.out, /1 receipt not verified: the certificates of the authority are not known/)

    writeFileSync(at('held.tsr'), makeTimeStamp(authority, 'ab'.repeat(32)))
    const forged = await interdict(...trusting, '--witness', at('held.tsr'))
    t.match(forged, { code: 1, out: /broken at chain\.jsonl/ })
    t.match(forged.out, /a witness has confirmed another line/)
    writeFileSync(at('held.log'), `${time} gw ${messageOf(3, sha256, time)}\n`)
    const held = await interdict(...trusting, '--witness', at('held.log'), '--json')
    t.match(JSON.parse(held.out), { proven: true, witness: { confirmed: 2, line: 3 } })
  }
)

t.test('files of receipts that cannot be used are named', async t => {
  const { config, at } = await siteWithChain(t, NAME)
  const verify = (...words: string[]) => interdict('verify-log', '-c', config, ...words)
  t.match(await verify('--witness', at('none')), { code: 2, err: /--witness: cannot read/ })
  t.match(await verify('--witness', config), { code: 2, err: /has nothing of a chain/ })
  t.match(await verify('--tsa-ca', config), { code: 1, err: /no certificate in PEM.*WITNESS_CA/ })
})

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { FILES, interdict, writeSite } from './run.js'

const TEXT = `mandate: be
issued: 2026-01-01
authority: Council
reference: Decision 1
time-zone: Europe/Brussels
bans:
  - apps: [clip]
    networks: all
    last-day: 2090-12-31
    exceptions: allowed
`

/** A site with a signed mandate and the public key of the authority. */
async function site(t: Test, text = TEXT) {
  const config = writeSite(t, FILES)
  const at = (name: string): string => join(dirname(config), name)
  const key = (await interdict('bundle', 'keygen', at('authority.pem'))).out.trim()
  writeFileSync(at('be.yaml'), text)
  const sign = await interdict('mandate', 'sign', at('be.yaml'), '-k', at('authority.pem'))
  const check = (...words: string[]) =>
    interdict('mandate', 'check', at('be.yaml'), '-c', config, ...words)
  return { config, at, key, sign, check }
}

t.test('signs and checks a mandate', async t => {
  const { sign, check, key } = await site(t)
  t.match(
    sign,
    {
      code: 0,
      out: /^mandate be, issued 2026-01-01T00:00:00\+01:00 by Council: Decision 1\nbans app clip in all networks, last day 2090-12-31, with exceptions\nSHA-256 [0-9a-f]{64}\nsigned by /
    },
    sign.err
  )
  t.match(await check('--trust', key), { code: 0 })
  const json = JSON.parse((await check('--trust', key, '--json')).out) as object
  t.match(json, { mandate: 'be', signers: [key], bans: 1, shortfalls: [] })
})

t.test('a mandate that rules do not satisfy is an error with its position', async t => {
  const { check, key } = await site(t, TEXT.replace('[clip]', '[clip, tiktok]'))
  const { code, out } = await check('--trust', key)
  t.equal(code, 1)
  t.match(
    out,
    /be\.yaml:7:18: mandate be: app tiktok in .*: the rules have no app tiktok \(MANDATE_UNMET\)/
  )
  t.match(await check('--trust', key, '--no-rules'), { code: 0 })
})

t.test('an invalid or unsigned mandate is an error with its position', async t => {
  const { at, check, key, sign } = await site(t, TEXT.replace('apps', 'app'))
  t.match(sign, { code: 1, err: /be\.yaml:7:5: bans\[0\]: unknown key 'app'/ })
  t.notMatch(readFileSync(at('be.yaml'), 'utf8'), 'signature', 'it is not signed')
  writeFileSync(at('be.yaml'), TEXT)
  t.match(await check('--trust', key), { code: 1, err: /be\.yaml:1:1: .*\(MANDATE_UNSIGNED\)/ })
  t.match(await check(), { code: 2, err: /no rules\.mandates/ })
})

t.test('check compares rules with the mandates of the settings', async t => {
  const { config, at, key } = await site(t)
  mkdirSync(at('mandates'))
  renameSync(at('be.yaml'), at('mandates/be.yaml'))
  writeFileSync(
    config,
    `rules: { folder: rules, mandates: { folder: mandates, keys: ['${key}'] } }\n`
  )
  t.match((await interdict('check', '-c', config)).out, /\n1 mandate: satisfied\n/)
  const rules = readFileSync(at('rules/networks.yaml'), 'utf8')
  writeFileSync(
    at('rules/networks.yaml'),
    rules.replaceAll('apps: [clip]', 'names: [other.example]')
  )
  writeFileSync(at('mandates/b.yaml'), TEXT)
  const { code, out } = await interdict('check', '-c', config)
  t.equal(code, 1)
  t.match(out, /mandates\/be\.yaml:7:12: .*no ban covers it \(MANDATE_UNMET\)/)
  t.match(out, /mandates\/b\.yaml:1:1: .*\(MANDATE_UNSIGNED\)/)
  t.match(out, /\n1 mandate: 1 not satisfied\n/)
})

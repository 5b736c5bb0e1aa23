/** `log.queries.which: bans`: lookups of names that are or were banned are logged, whatever the verdict. */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { askUdp } from './dns-client.js'
import { serving, type Rig, type Setting } from './serve.js'
import { eventually } from './site.js'

const NETWORKS = 'rules/networks.yaml'
const BAN = '    bans: [{ id: be-clip, names: [clip.example], authority: A, reference: R }]\n'
const DAY = (days: number): string =>
  new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
const rules = (more: string): string => `networks:
  all:
    prefixes: [127.0.0.0/8]
${more}`

async function withUpstream(test: Test, more: string, setting: Setting = {}): Promise<Rig> {
  const upstream = await BadUpstream.open(good(1))
  test.teardown(() => upstream.close())
  const files = { [NETWORKS]: rules(more) }
  return serving(test, { upstream: upstream.endpoint, files, ...setting })
}

/** Asks a name some times; several times, so that answers come from the shelf where that is allowed. */
async function ask({ at }: Rig, name: string, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await askUdp(at, name)
}

const tally = ({ site }: Rig): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { qname, verdict } of site.records()) {
    const key = `${String(qname)} ${verdict === 'cached' ? 'forwarded' : String(verdict)}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

t.test('a ban that is removed and restored: every lookup in between is in the log', async t => {
  const rig = await withUpstream(t, BAN)
  await ask(rig, 'www.clip.example', 20)
  rig.site.write(NETWORKS, rules(''))
  await rig.generation(2)
  await ask(rig, 'www.clip.example', 40)
  await ask(rig, 'other.example', 5)
  rig.site.write(NETWORKS, rules(BAN))
  await rig.generation(3)
  await ask(rig, 'www.clip.example', 4)
  await eventually('all lines', () => rig.site.records().length >= 64)
  t.strictSame(tally(rig), { 'www.clip.example blocked': 24, 'www.clip.example forwarded': 40 })
  const open = rig.site.records().filter(({ verdict }) => verdict !== 'blocked')
  t.ok(
    open.every(({ pattern, match, source, ban, app, rule }) => {
      const none = ban === undefined && app === undefined && rule === undefined
      return pattern === 'clip.example' && match === 'qname' && source === 'networks.yaml' && none
    }),
    'with the name that was banned, and without a rule'
  )
  t.equal(new Set(rig.site.records().map(({ sha256 }) => sha256)).size, 2)
})

t.test('exceptions, monitored and scheduled bans, and aliases to a banned name', async t => {
  const rig = await withUpstream(
    t,
    `    bans:
      - { id: b1, names: [clip.example], authority: A, reference: R }
      - { id: b2, names: [seen.example], authority: A, reference: R, mode: monitor }
      - { id: b3, names: [late.example], authority: A, reference: R, from: 2200-01-01 }
    exceptions:
      - { id: e1, names: ["=www.press.clip.example"], prefixes: [127.0.0.1/32], purpose: P, approved-by: B, from: ${DAY(-1)}, until: ${DAY(30)} }
`
  )
  for (const name of ['www.press.clip.example', 'a.seen.example', 'late.example', 'x.example'])
    await ask(rig, name, 3)
  await ask(rig, 'clip.example', 2)
  await eventually('all lines', () => rig.site.records().length >= 11)
  t.strictSame(tally(rig), {
    'www.press.clip.example allowed': 3,
    'a.seen.example monitored': 3,
    'late.example forwarded': 3,
    'clip.example blocked': 2
  })
  const [exempt] = rig.site.records()
  t.match(exempt, { exception: 'e1', pattern: '=www.press.clip.example' })
})

t.test('an alias that leads to a name whose ban was removed', async t => {
  const rig = await withUpstream(
    t,
    '    bans: [{ id: b, addresses: [192.0.2.0/24], names: [c.example], authority: A, reference: R }]\n'
  )
  t.strictSame((await askUdp(rig.at, 'www.example')).answers, [], 'its address is banned')
  rig.site.write(NETWORKS, rules(''))
  await rig.generation(2)
  await ask(rig, 'www.example', 4)
  await eventually('all lines', () => rig.site.records().length >= 5)
  t.strictSame(tally(rig), { 'www.example blocked': 1, 'www.example forwarded': 4 })
  t.match(rig.site.records().at(-1), { match: 'address', pattern: '192.0.2.0/24' })
})

t.test('what was banned is kept over a restart, for 90 days', async t => {
  const rig = await withUpstream(t, BAN, { more: 'state: { folder: state }' })
  const file = rig.site.path('state/banned-names.json')
  const read = () =>
    JSON.parse(readFileSync(file, 'utf8')) as {
      banned: Record<string, string[]>
      former: Record<string, Record<string, string[]>>
    }
  t.match(read(), {
    v: 1,
    since: Number,
    banned: { 'networks.yaml': ['clip.example'] },
    former: {}
  })
  await rig.gateway.stop()
  const again = await withUpstream(t, '', {
    more: `state: { folder: '${rig.site.path('state')}' }`
  })
  await ask(again, 'www.clip.example', 3)
  await eventually('all lines', () => again.site.records().length >= 3)
  t.strictSame(tally(again), { 'www.clip.example forwarded': 3 })
  const { banned: now, former } = read()
  t.strictSame([now, Object.values(former)], [{}, [{ 'networks.yaml': ['clip.example'] }]])
  const left = (Number(Object.keys(former)[0]) - Date.now() / 1000) / 86_400
  t.ok(left > 89 && left <= 90, `until in ${left} days`)
})

t.test('a damaged file of banned names: a warning, and it is written anew', async t => {
  const files = { [NETWORKS]: rules(BAN), 'state/banned-names.json': '{"v":1,"banned":' }
  // Paths are relative to the settings, which are in the site.
  const rig = await withUpstream(t, BAN, { files, reloads: true, more: 'state: { folder: state }' })
  const [warning] = rig.log.lines.filter(({ fields }) => fields.code === 'LOG_BANS')
  t.match(warning, { level: 'warn', message: /banned-names\.json/ })
  const { banned } = JSON.parse(rig.site.read('state/banned-names.json')) as { banned: object }
  t.strictSame(banned, { 'networks.yaml': ['clip.example'] })
})

t.test(
  'with `blocked` nothing is logged but what is blocked, from the shelf as before',
  async t => {
    const rig = await withUpstream(t, BAN, { queries: 'flush: 10ms, which: blocked' })
    await ask(rig, 'www.clip.example', 2)
    rig.site.write(NETWORKS, rules(''))
    await rig.generation(2)
    await ask(rig, 'www.clip.example', 4)
    rig.site.write(NETWORKS, rules(BAN))
    await rig.generation(3)
    await ask(rig, 'www.clip.example', 1)
    await eventually('all lines', () => rig.site.records().length >= 3)
    t.strictSame(tally(rig), { 'www.clip.example blocked': 3 })
  }
)

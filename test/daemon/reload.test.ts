import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { IS_FUZZING } from '../runs.js'
import { askUdp } from './dns-client.js'
import { banned, isBanned } from './banned.js'
import { serving } from './serve.js'
import { banning, eventually } from './site.js'

const NETWORKS = 'rules/networks.yaml'
const RELOADED = 'rules reloaded'
const NOT_ACCEPTED = 'reload failed'

const list = `networks:
  all: { prefixes: [127.0.0.0/8], block: [{ lists: [bad] }] }
lists:
  bad: { file: lists/bad.txt }
`

t.test(
  'invalid rules: each error has its position, and the previous rules remain active',
  async t => {
    const rig = await serving(t)
    const { site, log } = rig
    site.write(NETWORKS, 'networks: { all: { prefixes: [127.0.0.0/33], bans: [{ ap: [x] }] } }\n')
    await log.says(NOT_ACCEPTED)
    const errors = log.lines.filter(({ level, fields }) => level === 'error' && 'code' in fields)
    t.ok(errors.length > 1, 'all of them')
    for (const { message } of errors) t.match(message, /networks\.yaml:1:\d+: networks\.all\./)
    t.ok(await banned(rig, 'banned.example'), 'the previous rules are active')
    t.equal(rig.gateway.rules.generation, 1)

    site.write('rules/apps/.tiktok.yaml.swp', 'an editor was here')
    await rig.gateway.reload('file changed')
    t.equal(log.with(NOT_ACCEPTED).length, 1, 'the same errors are not repeated')
    await rig.gateway.reload('SIGHUP')
    t.equal(log.with(NOT_ACCEPTED).length, 2, 'unless requested')

    site.write(NETWORKS, banning('banned.example'))
    await log.says('unchanged')
    site.write(NETWORKS, banning('other.example'))
    await rig.generation(2)
    t.ok(await banned(rig, 'other.example'), 'mended')
  }
)

t.test('many reload requests at once cause two reloads at most', async t => {
  const { gateway, threads, log } = await serving(t)
  const compilations = (): number =>
    threads.sent.filter(message => (message as { kind?: string }).kind === 'compile').length
  const before = compilations()
  const underWay = gateway.reload('SIGHUP')
  await new Promise(resolve => setImmediate(resolve))
  await Promise.all(Array.from({ length: 100 }, () => gateway.reload('SIGHUP')))
  await underWay
  t.equal(compilations() - before, 2)
  t.equal(log.with('unchanged').length, 2)
  await gateway.reload('SIGHUP')
  t.equal(compilations() - before, 3, 'the next one runs')
})

t.test('a requested reload is logged as such, although a file has changed as well', async t => {
  const { gateway, log } = await serving(t)
  for (const why of ['file changed', 'SIGHUP', 'file changed'] as const) {
    void gateway.reload(why)
  }
  const { fields } = await log.says('unchanged')
  t.match(fields, { reason: 'SIGHUP' })
})

t.test('a requested reload sees everything written before', async t => {
  const rig = await serving(t)
  for (let round = 2; round < 8; round++) {
    void rig.gateway.reload('SIGHUP')
    rig.site.write(NETWORKS, banning(`r${round}.example`))
    await rig.gateway.reload('SIGHUP')
    t.equal(rig.gateway.rules.generation, round)
  }
})

/** Reloads under load. */
const ROUNDS = IS_FUZZING ? 20 : 4

t.test('under load: every answer is by the old or the new rules, and none is lost', async t => {
  const rig = await serving(t, { ownThreads: true })
  const seen = [isBanned(await askUdp(rig.at, 'banned.example'))]
  for (let round = 0; round < ROUNDS; round++) {
    const willBan = round % 2 === 1
    rig.site.write(NETWORKS, banning(willBan ? 'banned.example' : 'other.example'))
    let reply
    do {
      reply = await askUdp(rig.at, 'banned.example')
      t.match(reply, isBanned(reply) ? { ede: 15 } : { rcode: 'SERVFAIL', ede: 23 })
      if (seen.at(-1) !== isBanned(reply)) seen.push(isBanned(reply))
    } while (isBanned(reply) !== willBan)
  }
  const inTurns = Array.from({ length: ROUNDS + 1 }, (_, i) => i % 2 === 0)
  t.strictSame(seen, inTurns, 'never back to older rules')
})

t.test('a file that is written piece by piece becomes active when complete', async t => {
  const lines = Array.from({ length: 100 }, (_, i) => `n${i}.example\n`)
  const files = { [NETWORKS]: list, 'rules/lists/bad.txt': `${lines.join('')}last.example\n` }
  const rig = await serving(t, { files })
  let written = 0
  const writer = setInterval(() => {
    rig.site.write('rules/lists/bad.txt', lines.slice(0, ++written).join(''))
  }, 10)
  t.teardown(() => clearInterval(writer))
  while (written < lines.length) {
    t.ok(await banned(rig, 'last.example'), `after ${written} lines`)
    await sleep(5)
  }
  clearInterval(writer)
  rig.site.write('rules/lists/bad.txt', `${lines.join('')}new.example\n`)
  await eventually('the whole', () => banned(rig, 'new.example'))
  t.equal(rig.gateway.rules.generation, 2, 'and nothing in between')
})

t.test('a change made during compilation is picked up', async t => {
  const rig = await serving(t)
  for (let round = 0; round < 10; round++) {
    const reloading = rig.gateway.reload('SIGHUP')
    await sleep(round)
    rig.site.write(NETWORKS, banning(`r${round}.example`))
    await reloading
    await eventually('the change', () => banned(rig, `r${round}.example`))
  }
})

t.test('each activation logs what changed', async t => {
  const rig = await serving(t)
  rig.site.write(NETWORKS, banning('banned.example', 'more.example'))
  const { fields } = await rig.log.says(RELOADED)
  t.match(fields, { generation: 2, sha256: /^[0-9a-f]{64}$/, names: 2, rules: 1, ms: Number })
  t.match(fields, { changes: { names: { added: 1 } } })
})

t.test('a large list is compiled apart, and becomes active by itself', async t => {
  const filler = `# ${'x'.repeat(1000)}\n`.repeat(5_000)
  const files = { [NETWORKS]: list, 'rules/lists/bad.txt': `old.example\n${filler}` }
  const rig = await serving(t, { files })
  rig.site.write('rules/lists/bad.txt', `new.example\n${filler}`)
  await eventually('the new version', () => banned(rig, 'new.example'))
  t.notOk(await banned(rig, 'old.example'))
  rig.site.write(NETWORKS, list.replace('[{ lists: [bad] }]', '[other.example, { lists: [bad] }]'))
  await eventually('the rule', () => banned(rig, 'other.example'))
  t.ok(await banned(rig, 'new.example'))
})

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { MemoryBudget, tableSize } from '../../src/policy/compile/memory-budget.js'
import { healthOf } from '../../src/gateway/status/health.js'
import { compile, usedSources } from '../../src/policy/compile/compile.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { RulesFolder } from '../../src/policy/rules/model/folder.js'
import { askUdp } from './dns-client.js'
import { Rig, serving } from './serve.js'
import { eventually, Site } from './site.js'

const MB = 1024 * 1024
const root = mkdtempSync(join(tmpdir(), 'interdict-memory-'))
t.teardown(() => rmSync(root, { recursive: true, force: true }))
mkdirSync(join(root, 'proc'))

/** Sets what the machine has, in MB. */
const leave = (megabytes: number): void =>
  writeFileSync(join(root, 'proc/meminfo'), `MemAvailable: ${Math.round(megabytes * 1024)} kB\n`)

leave(4096)
// Threads copy it when they start.
process.env.INTERDICT_MEMORY_ROOT = root

const NETWORKS = `lists:
  big: { file: big.txt }
networks:
  all: { prefixes: [127.0.0.0/8], block: [{ lists: [big] }] }
`
const NAMES = Array.from({ length: 150_000 }, (_, i) => `host${i}.list${i % 500}.net\n`).join('')
const files = { 'rules/networks.yaml': NETWORKS, 'rules/big.txt': NAMES }

const isBlocked = async ({ at }: Rig, name: string): Promise<boolean> =>
  (await askUdp(at, name)).rcode === 'NXDOMAIN'

t.test(
  'a list that does not fit is refused with figures, and its previous version stays',
  async t => {
    const rig = await serving(t, { files })
    const { site, log, gateway } = rig
    leave(29)
    site.write('rules/big.txt', `${NAMES}added.list0.net\n`)
    const { message } = await log.says('not enough memory')
    t.match(
      message,
      /networks\.yaml:2:8: .*they need about 3\d MB more, and the memory of the machine, leaves 29 MB/
    )
    t.match(log.lines.find(line => line.message === message)?.fields, { code: 'RULES_MEMORY' })
    t.equal(await isBlocked(rig, 'host1.list1.net'), true)
    t.equal(await isBlocked(rig, 'added.list0.net'), false)
    const refused = async (): Promise<string> =>
      healthOf(await gateway.status())
        .problems.map(({ code, message }) => `${code} ${message}`)
        .join('\n')
    t.match(
      await refused(),
      /RULES_REFUSED rules rejected, previous rules remain active: .*not enough memory/
    )

    await t.test('a rule that needs no more is accepted meanwhile', async t => {
      site.write(
        'rules/networks.yaml',
        `${NETWORKS.trimEnd()}\n  other: { prefixes: [10.0.0.0/8] }\n`
      )
      await rig.generation(2)
      t.equal(await isBlocked(rig, 'host1.list1.net'), true)
    })

    await t.test('rules whose tables do not fit are refused', async t => {
      leave(10)
      site.write('rules/networks.yaml', NETWORKS)
      await log.says('leaves 10 MB')
      t.equal(gateway.rules.generation, 2)
      t.equal(await isBlocked(rig, 'host1.list1.net'), true)
    })

    leave(4096)
    site.write('rules/networks.yaml', `${NETWORKS}\n`)
    await eventually('the list is in force', () => isBlocked(rig, 'added.list0.net'))
    t.notMatch(await refused(), /RULES_REFUSED/)
  }
)

t.test('a start that does not fit is refused with the figures', async t => {
  leave(40)
  const rig = new Rig(t, { files })
  const errors = await rig.gateway.start()
  t.match(errors, [{ code: 'RULES_MEMORY', message: /need about 6\d MB more, .* leaves 40 MB/ }])
  leave(4096)
})

t.test('what is not known refuses nothing', async t => {
  const budget = new MemoryBudget(() => undefined)
  t.equal(budget.checkLists([{ octets: 10_000 * MB, before: 0 }], undefined), undefined)
})

t.test('the estimate of tables is what compiling uses', async t => {
  const site = new Site(t, files)
  const loaded = await loadRules(new RulesFolder(site.path('rules'), undefined))
  if (!loaded.ok) throw loaded.errors[0]!
  const estimate = tableSize(usedSources(loaded.rules))
  const { octets } = compile(loaded.rules, { generation: 1, random: () => 7 })
  t.ok(estimate > 0.85 * octets && estimate < 1.3 * octets, `${estimate} for ${octets}`)
})

import { createHash } from 'node:crypto'
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/base/time/clock.js'
import { readWatchState, type WatchState } from '../../src/gateway/compiler/watch-state.js'
import { applyZoneJournals, type JournalUpdate } from '../../src/gateway/compiler/zone-journals.js'
import { compile } from '../../src/policy/compile/compile.js'
import { compare } from '../../src/policy/compile/compare.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { writeVersion } from '../../src/wire/zonefile/zone-journal.js'

const NETWORKS = `networks:
  phones:
    prefixes: [10.0.0.0/8]
    block: [{ lists: [rpz], action: nxdomain }]
lists:
  rpz: { transfer: rpz.example }
`
const BASE = `rpz.example. 60 IN SOA ns. admin. 1 60 60 60 60
one.test.rpz.example. 60 IN CNAME .
two.test.rpz.example. 60 IN CNAME .
*.two.test.rpz.example. 60 IN CNAME .
pass.test.rpz.example. 60 IN CNAME rpz-passthru.
walled.test.rpz.example. 60 IN A 192.0.2.1
`
const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A rules folder with a zone, its active rules, and a growing journal. */
class World {
  private sum = sumOf(BASE)
  private serial = 1

  private constructor(
    readonly rules: string,
    readonly copies: string,
    readonly zones: string
  ) {}

  static async make(folder: string): Promise<World> {
    const [rules, lists, zones] = ['rules', 'state/lists', 'state/zones']
    const world = new World(join(folder, rules), join(folder, lists), join(folder, zones))
    await mkdir(join(world.rules, 'apps'), { recursive: true })
    await mkdir(world.zones, { recursive: true })
    await writeFile(join(world.rules, 'networks.yaml'), NETWORKS)
    await writeFile(join(world.zones, 'rpz.zone'), BASE)
    return world
  }

  /** All of it, read and compiled. */
  async read(generation: number): Promise<{ snapshot: Snapshot; watchState: WatchState }> {
    const loaded = await loadRules(this.rules, systemClock, this.copies)
    if (!loaded.ok) throw loaded.errors[0]!
    const snapshot = compile(loaded.rules, { generation, random: () => 7 })
    return { snapshot, watchState: await readWatchState(loaded.rules.files) }
  }

  async write(...changes: string[]): Promise<void> {
    const lines = Buffer.from(changes.map(change => `${change}\n`).join(''))
    const version = { from: this.serial, to: ++this.serial, lines }
    const { octets, sha256 } = writeVersion(version, this.sum)
    this.sum = sha256
    await appendFile(join(this.zones, 'rpz.journal'), octets)
  }

  amend(snapshot: Snapshot, watchState: WatchState): Promise<JournalUpdate | undefined> {
    return applyZoneJournals(snapshot, {
      ...{ lists: [], now: 0 },
      generation: 2,
      copiesFolder: this.copies,
      watchState: watchState
    })
  }
}

const of = (name: string, policy: string): string => `${name}.test.rpz.example. 60 IN ${policy}`

/** Journals, version by version, that are applied without reading the zone again. */
const AMENDED: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'a name more': [['+' + of('three', 'CNAME .')]],
  'a name less': [['-' + of('one', 'CNAME .')]],
  'another action': [['-' + of('one', 'CNAME .'), '+' + of('one', 'CNAME rpz-passthru.')]],
  'a wildcard less': [['-' + of('*.two', 'CNAME .')]],
  'another TTL': [['-' + of('one', 'CNAME .'), '+' + of('one', 'CNAME .').replace('60', '90')]],
  'other records': [['-' + of('walled', 'A 192.0.2.1'), '+' + of('walled', 'A 192.0.2.2')]],
  'one record more': [['+' + of('walled', 'AAAA 2001:db8::1')]],
  'a name with records more': [['+' + of('new', 'A 192.0.2.3'), '+' + of('new', 'TXT "a b"')]],
  'several versions': [
    ['+' + of('three', 'CNAME .'), '-' + of('one', 'CNAME .')],
    ['-' + of('three', 'CNAME .'), '+' + of('four', 'CNAME .'), '+' + of('one', 'CNAME .')],
    ['-' + of('one', 'CNAME .'), '-' + of('two', 'CNAME .')]
  ],
  'nothing but a serial': [['~rpz.example. 60 IN SOA ns. admin. 2 60 60 60 60']]
}

for (const [what, versions] of Object.entries(AMENDED)) {
  t.test(`${what}: same result as a full read`, async t => {
    const world = await World.make(t.testdir())
    const before = await world.read(1)
    for (const version of versions) await world.write(...version)
    const amended = await world.amend(before.snapshot, before.watchState)
    const { snapshot, watchState } = await world.read(2)
    t.ok(amended !== undefined)
    const got = amended!.snapshot!
    t.equal(got.origin.sha256, snapshot.origin.sha256)
    t.strictSame(got.origin.zones, snapshot.origin.zones)
    t.equal(got.generation, 2)
    const { names, rules, sources } = compare(got, snapshot)
    t.strictSame([names, rules.changed, sources.changed], [{ added: 0, removed: 0 }, [], []])
    t.strictSame(amended!.changes!.names, compare(before.snapshot, snapshot).names)
    t.strictSame(amended!.watchState, watchState, 'with the matching state of the files')
  })
}

t.test('without a change, or with an incomplete version only, it reports no change', async t => {
  const world = await World.make(t.testdir())
  const { snapshot, watchState } = await world.read(1)
  t.strictSame(await world.amend(snapshot, watchState), {
    snapshot: undefined,
    changes: undefined,
    watchState
  })
  await world.write('+' + of('three', 'CNAME .'))
  const { snapshot: second, watchState: then } = await world.read(2)
  await appendFile(join(world.zones, 'rpz.journal'), '@ 2 3 99\n+half')
  const amended = await world.amend(second, then)
  t.equal(amended!.snapshot, undefined)
  t.strictNotSame(amended!.watchState, then)
})

/** Journals that need a full read. */
const READ: Readonly<Record<string, (world: World) => Promise<void>>> = {
  'a rule file has changed, too': async world => {
    await world.write('+' + of('three', 'CNAME .'))
    await appendFile(join(world.rules, 'networks.yaml'), '\n')
  },
  'the zone came whole': async world => {
    await writeFile(join(world.zones, 'rpz.zone'), BASE.replace('one', 'uno'))
  },
  'the journal is of another base': async world => {
    const { octets } = writeVersion({ from: 1, to: 2, lines: Buffer.from('') }, sumOf('other'))
    await writeFile(join(world.zones, 'rpz.journal'), octets)
  },
  'an action that the zone had not': world => world.write('+' + of('three', 'CNAME *.')),
  'a policy for addresses': world => world.write('+24.0.2.0.192.rpz-ip.rpz.example. 60 IN CNAME .'),
  'a record that means nothing': world => world.write('+' + of('three', 'CNAME rpz-what.')),
  'less of what a name has': world => world.write('-' + of('walled', 'A 192.0.2.9')),
  'a CNAME beside other records': world => world.write('+' + of('walled', 'CNAME else.test.')),
  'a name goes that was not there': world => world.write('-' + of('none', 'CNAME .')),
  'the last name of an action goes': world => world.write('-' + of('pass', 'CNAME rpz-passthru.')),
  'too many changes': world =>
    world.write(...Array.from({ length: 1_001 }, (_, i) => '+' + of(`n${i}`, 'CNAME .')))
}

for (const [what, change] of Object.entries(READ)) {
  t.test(`${what}: needs a full read`, async t => {
    const world = await World.make(t.testdir())
    const { snapshot, watchState } = await world.read(1)
    await change(world)
    t.equal(await world.amend(snapshot, watchState), undefined)
  })
}

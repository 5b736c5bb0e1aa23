import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/base/time/clock.js'
import { MemoryBudget } from '../../src/policy/compile/memory-budget.js'
import { ListCompiler } from '../../src/gateway/compiler/list-compiler.js'
import { runListJob, type ListInit, type ListResult } from '../../src/gateway/compiler/list-job.js'
import type { StartThread, ThreadHandlers } from '../../src/base/threads/thread.js'
import { compile } from '../../src/policy/compile/compile.js'
import { dump } from '../policy/dump.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import type { ListState } from '../../src/policy/rules/lists/load-list.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { eventually } from './site.js'

/** A list that is large enough for a thread of its own. */
const LARGE = 5 * 1024 * 1024
/** A comment, since only the size counts. */
const FILLER = `# ${'x'.repeat(1000)}\n`

/** A list thread that does its work when the test says so. */
interface FakeThread {
  readonly init: ListInit
  readonly handlers: ThreadHandlers<ListResult>
  hasEnded: boolean
}

/** A rules folder that is read and compiled like the compiler thread does it. */
class World {
  readonly threads: FakeThread[] = []
  late = 0
  active: Snapshot | undefined
  states: readonly ListState[] = []
  errors: readonly string[] = []
  warnings: readonly string[] = []
  readonly lists: ListCompiler

  constructor(
    private readonly folder: string,
    private readonly grace = { known: 0, new: 0 }
  ) {
    this.lists = this.compiler()
  }

  /** As after a restart of the compiler thread. */
  compiler(): ListCompiler {
    const start = ((_file: string, data: unknown, handlers: ThreadHandlers<ListResult>) => {
      const thread: FakeThread = { init: data as ListInit, handlers, hasEnded: false }
      this.threads.push(thread)
      return {
        send: () => undefined,
        end: () => {
          thread.hasEnded = true
          return Promise.resolve()
        }
      }
    }) as StartThread
    return new ListCompiler(start, () => this.late++, new MemoryBudget(() => undefined), this.grace)
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.folder, name)), { recursive: true })
    writeFileSync(join(this.folder, name), text)
  }

  /** `names` are banned by name; the lists are blocked. */
  rules(names: string, ...lists: string[]): void {
    const entries = lists.map(id => `  ${id}: { file: lists/${id}.txt, format: domains }\n`)
    this.write(
      'networks.yaml',
      `networks:
  all:
    prefixes: [10.0.0.0/8]
    bans: [{ authority: A, reference: B, names: [${names}] }]
    block: [{ lists: [${lists.join(', ')}] }]
lists:
${entries.join('')}`
    )
  }

  large(id: string, text: string): void {
    this.write(`lists/${id}.txt`, text + FILLER.repeat(LARGE / FILLER.length))
  }

  /** @returns whether the rules are valid */
  async reload(lists = this.lists, isFull = false): Promise<boolean> {
    const { active, states, folder } = this
    lists.begin(active, states, isFull)
    lists.beginAttempt()
    const loaded = await loadRules(folder, systemClock, undefined, lists)
    if (!loaded.ok) {
      this.errors = loaded.errors.map(({ code }) => code)
      return false
    }
    const seed = active === undefined ? 7 : active.names.seed >>> 0
    const generation = (active?.generation ?? 0) + 1
    this.active = compile(loaded.rules, { generation, random: () => seed })
    this.states = loaded.listStates
    this.errors = loaded.listErrors.map(({ code }) => code)
    this.warnings = loaded.warnings.map(({ code }) => code)
    lists.end(loaded.listStates)
    return true
  }

  /** The names in force, of all rules. */
  get names(): string {
    const lines = dump(this.active!).filter(line => line.startsWith('name '))
    return lines.map(line => line.split(' ')[1]).join(' ')
  }

  /** The result is that of reading everything. */
  async isWhole(t: Pick<typeof import('tap').t, 'strictSame' | 'equal'>): Promise<void> {
    const loaded = await loadRules(this.folder, systemClock)
    if (!loaded.ok) throw loaded.errors[0]!
    const whole = compile(loaded.rules, { generation: 1, random: () => 7 })
    t.strictSame(dump(this.active!).toSorted(), dump(whole).toSorted())
    t.equal(this.active!.origin.sha256, whole.origin.sha256)
  }

  /** Lets a thread do its work. */
  async finish(thread: FakeThread): Promise<void> {
    thread.handlers.message(await runListJob(thread.init))
    thread.handlers.exited(undefined)
  }
}

const rig = (t: { testdir(): string }): World => {
  const world = new World(t.testdir())
  world.rules('one.ban', 'big')
  world.large('big', 'old.big\n')
  return world
}

t.test('a changed rule does not wait for a changed list', async t => {
  const world = rig(t)
  t.ok(await world.reload())
  t.equal(world.threads.length, 0, 'at the start nothing is done meanwhile')
  t.match(world.names, /old\.big.*one\.ban/)

  world.large('big', 'new.big\nmore.big\n')
  world.rules('one.ban, two.ban', 'big')
  t.ok(await world.reload())
  t.match(world.names, /old\.big.*one\.ban.*two\.ban/, 'with the previous version of the list')
  t.strictSame(
    world.lists.pending.map(({ id }) => id),
    ['big']
  )
  t.match(world.states, [{ id: 'big', reports: [{ names: 1 }] }])

  world.rules('three.ban', 'big')
  t.ok(await world.reload())
  t.equal(world.threads.length, 1, 'which is compiled once')
  t.match(world.names, /old\.big.*three\.ban/)

  t.equal(world.late, 0)
  await world.finish(world.threads[0]!)
  await eventually('the report', () => world.late === 1)
  t.ok(await world.reload())
  t.match(world.names, /more\.big.*new\.big.*three\.ban/)
  t.notMatch(world.names, /old\.big/)
  t.strictSame(world.lists.pending, [])
  await world.isWhole(t)
  t.ok(await world.reload())
  t.equal(world.threads.length, 1)
})

t.test('an unchanged list is not read again, not even after a restart of the thread', async t => {
  const world = rig(t)
  t.ok(await world.reload())
  world.rules('other.ban', 'big')
  t.ok(await world.reload())
  world.rules('more.ban', 'big')
  t.ok(await world.reload(world.compiler()))
  t.equal(world.threads.length, 0)
  t.equal(world.states[0]!.reports[0]!.names, 1)
  await world.isWhole(t)
})

t.test('a list that is done in time is part of the same reload', async t => {
  const world = new World(t.testdir(), { known: 30_000, new: 30_000 })
  world.rules('one.ban', 'big')
  world.large('big', 'old.big\n')
  t.ok(await world.reload())
  world.large('big', 'moved.ban\n')
  world.rules('one.ban', 'big')
  const reloading = world.reload()
  await eventually('the thread', () => world.threads.length === 1)
  await world.finish(world.threads[0]!)
  t.ok(await reloading)
  t.match(world.names, /moved\.ban/)
  t.equal(world.late, 0)
  await world.isWhole(t)
})

t.test(
  'a small list is part of the same reload; while it is invalid, its previous version stays',
  async t => {
    const world = new World(t.testdir())
    world.rules('one.ban', 'small')
    world.write('lists/small.txt', 'old.small\n')
    t.ok(await world.reload())
    world.write('lists/small.txt', '<html>\n')
    world.rules('two.ban', 'small')
    t.ok(await world.reload())
    t.strictSame(world.errors, ['RULES_LIST_REFUSED'])
    t.match(world.names, /old\.small.*two\.ban/)
    t.ok(await world.reload())
    t.strictSame(world.errors, ['RULES_LIST_REFUSED'], 'as long as it is')
    world.write('lists/small.txt', 'new.small\n')
    t.ok(await world.reload())
    t.strictSame([world.errors, world.threads.length], [[], 0])
    await world.isWhole(t)
  }
)

t.test('a rejected list is compiled once, and its previous version stays', async t => {
  const world = rig(t)
  t.ok(await world.reload())
  world.large('big', '<html>\n')
  t.ok(await world.reload())
  await world.finish(world.threads[0]!)
  await eventually('the report', () => world.late === 1)
  for (const name of ['two.ban', 'three.ban']) {
    world.rules(name, 'big')
    t.ok(await world.reload())
    t.strictSame(world.errors, ['RULES_LIST_REFUSED'])
    t.match(world.names, 'old.big')
    t.match(world.names, name)
  }
  t.equal(world.threads.length, 1)
  t.ok(await world.reload(world.lists, true))
  t.equal(world.threads.length, 2, 'unless the operator asks for it')
})

t.test('a thread that dies: the previous version stays, and a retry helps', async t => {
  const world = rig(t)
  t.ok(await world.reload())
  world.large('big', 'new.big\n')
  t.ok(await world.reload())
  world.threads[0]!.handlers.exited(new Error('out of memory'))
  await eventually('the report', () => world.late === 1)
  t.ok(await world.reload())
  t.strictSame([world.errors, world.lists.isTransient], [['RULES_LIST_REFUSED'], true])
  t.match(world.names, 'old.big')
  t.ok(await world.reload(world.lists, true))
  await world.finish(world.threads[1]!)
  await eventually('the report', () => world.late === 2)
  t.ok(await world.reload())
  await world.isWhole(t)
})

t.test('a list that changes again is compiled again', async t => {
  const world = rig(t)
  t.ok(await world.reload())
  world.large('big', 'second.big\n')
  t.ok(await world.reload())
  world.large('big', 'third.big\nthird.bigger\n')
  t.ok(await world.reload())
  t.strictSame(
    world.threads.map(({ hasEnded }) => hasEnded),
    [true, false]
  )
  await world.finish(world.threads[1]!)
  await eventually('the report', () => world.late === 1)
  t.ok(await world.reload())
  t.match(world.names, 'third.big')
  await world.isWhole(t)
})

t.test('a new list: its rules match nothing until it is compiled, with a warning', async t => {
  const world = rig(t)
  t.ok(await world.reload())
  world.large('huge', 'new.huge\n')
  world.rules('two.ban', 'big', 'huge')
  t.ok(await world.reload())
  t.strictSame(world.warnings, ['RULES_LIST_PENDING'])
  t.match(world.names, /old\.big.*two\.ban/)
  await world.finish(world.threads[0]!)
  await eventually('the report', () => world.late === 1)
  t.ok(await world.reload())
  t.strictSame(world.warnings, [])
  await world.isWhole(t)
})

t.test('a list with another id is the same list', async t => {
  const world = rig(t)
  t.ok(await world.reload())
  const text = (id: string): string => `networks:
  all: { prefixes: [10.0.0.0/8], block: [{ lists: [${id}] }] }
lists:
  ${id}: { file: lists/big.txt, format: domains }
`
  world.write('networks.yaml', text('renamed'))
  t.ok(await world.reload())
  t.equal(world.threads.length, 0)
  t.match(world.names, 'old.big')
  await world.isWhole(t)
})

t.test('a list that no rule uses takes no memory, and is read when one does', async t => {
  const world = rig(t)
  const text = (rule: string): string => `networks:
  all: { prefixes: [10.0.0.0/8], block: [${rule}] }
lists:
  big: { file: lists/big.txt, format: domains }
`
  world.write('networks.yaml', text('some.name'))
  t.ok(await world.reload())
  world.write('networks.yaml', text('other.name'))
  t.ok(await world.reload())
  t.equal(world.threads.length, 0)
  await world.isWhole(t)
  world.write('networks.yaml', text('{ lists: [big] }'))
  t.ok(await world.reload())
  t.equal(world.threads.length, 1)
  await world.finish(world.threads[0]!)
  await eventually('the report', () => world.late === 1)
  t.ok(await world.reload())
  await world.isWhole(t)
})

t.test('a list that is no longer in the rules is not compiled to the end', async t => {
  const world = rig(t)
  t.ok(await world.reload())
  world.large('big', 'new.big\n')
  t.ok(await world.reload())
  world.write('lists/small.txt', 'one.small\n')
  world.rules('one.ban', 'small')
  t.ok(await world.reload())
  t.ok(world.threads[0]!.hasEnded)
  t.strictSame(world.lists.pending, [])
  await world.isWhole(t)
})

t.test('a list that names clients is read again when their network changes', async t => {
  const world = new World(t.testdir())
  const text = (prefix: string): string => `networks:
  all: { prefixes: [10.0.0.0/8], block: [{ lists: [ads] }] }
  guests: { prefixes: [${prefix}] }
lists:
  ads: { file: lists/ads.txt }
`
  world.write('networks.yaml', text('192.0.2.0/25'))
  world.write(
    'lists/ads.txt',
    '||one.ads^\n||two.ads^$client=guests\n||three.ads^$dnsrewrite=192.0.2.1\n'
  )
  t.ok(await world.reload())
  world.write('networks.yaml', text('192.0.2.0/24'))
  t.ok(await world.reload())
  await world.isWhole(t)
  const [before] = world.states
  world.write('networks.yaml', text('192.0.2.0/24') + '# nothing else\n')
  t.ok(await world.reload())
  t.equal(world.states[0]!.duration, before!.duration, 'and only then')
  await world.isWhole(t)
})

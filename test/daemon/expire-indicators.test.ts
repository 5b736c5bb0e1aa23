import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { epochSeconds, systemClock } from '../../src/base/time/clock.js'
import type { Seconds } from '../../src/base/units.js'
import {
  expiredNames,
  unremovableLists,
  withActiveParts,
  withoutExpired
} from '../../src/gateway/compiler/expire-indicators.js'
import { readWatchState } from '../../src/gateway/compiler/watch-state.js'
import { afterJournals, applyZoneJournals } from '../../src/gateway/compiler/zone-journals.js'
import { compile } from '../../src/policy/compile/compile.js'
import { KeptSource } from '../../src/policy/compile/kept-source.js'
import { loadRules } from '../../src/policy/rules/load.js'
import type { ListState } from '../../src/policy/rules/lists/load-list.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { allSources } from '../../src/policy/tables/source-table.js'
import { nextListExpiry } from '../../src/policy/rules/model/expiries.js'
import { poured } from '../rules/folder.js'

const NETWORKS = `networks:
  office:
    prefixes: [10.0.0.0/8]
    block: [{ lists: [feed, other] }]
lists:
  feed: { file: feed.jsonl }
  other: { file: other.txt }
`

/** Indicators by the number of seconds after which they expire; undefined: never. */
async function world(t: Test, all: readonly (readonly [value: string, after?: Seconds])[]) {
  const now = epochSeconds(systemClock) + 1000
  const folder = t.testdir({})
  mkdirSync(join(folder, 'apps'))
  writeFileSync(join(folder, 'networks.yaml'), NETWORKS)
  writeFileSync(join(folder, 'other.txt'), 'a.example\nother.example\n')
  const lines = all.map(([value, after]) => {
    const until = after === undefined ? undefined : new Date((now + after) * 1000).toISOString()
    return `${JSON.stringify({ value, valid_until: until, tlp: 'amber' })}\n`
  })
  writeFileSync(join(folder, 'feed.jsonl'), lines.join(''))
  const loaded = await loadRules(folder, systemClock)
  if (!loaded.ok) throw loaded.errors[0]!
  const snapshot = compile(loaded.rules, { generation: 1, random: () => 7 })
  const watchState = await readWatchState(loaded.rules.files)
  return { now, snapshot, lists: loaded.listStates, watchState }
}

/** The names and addresses of a list, without lines. */
function namesOf(snapshot: Snapshot, list: string): readonly string[] {
  const own = allSources(snapshot.sources).all.filter(({ id }) => id === list)
  const fields = { id: '', title: '', file: '', bounds: { names: 0, octets: 0 } }
  const part = { list, effect: 'rule' } as const
  return own
    .flatMap(({ index }) => poured(new KeptSource(snapshot, index, { ...fields, part })))
    .map(text => text.replace(/ \d+$/, '').replace('suffix ', ''))
    .toSorted()
}

t.test('an indicator leaves the snapshot when its time has come, without its file', async t => {
  const all = [['a.example', 10], ['b.example', 20], ['c.example']] as const
  const { watchState, now, ...before } = await world(t, all)
  let { snapshot, lists } = before
  const expire = async (at: Seconds): Promise<boolean> => {
    const request = { generation: snapshot.generation + 1, copiesFolder: '', watchState, lists }
    const updated = await applyZoneJournals(snapshot, { ...request, now: at })
    lists = afterJournals(lists, snapshot, updated!, at)
    snapshot = updated!.snapshot ?? snapshot
    return updated!.snapshot !== undefined
  }
  t.equal(nextListExpiry(lists), now + 10)
  const { all: sources } = allSources(snapshot.sources)
  t.equal(sources.find(({ id }) => id === 'feed')?.part, 'TLP:AMBER', 'for explain')
  t.notOk(await expire(now + 9), 'too early')
  t.ok(await expire(now + 10))
  t.strictSame(namesOf(snapshot, 'feed'), ['b.example', 'c.example'])
  t.strictSame(namesOf(snapshot, 'other'), ['a.example', 'other.example'], 'other lists stay')
  t.equal(nextListExpiry(lists), now + 20)
  t.ok(await expire(now + 100))
  t.strictSame(namesOf(snapshot, 'feed'), ['c.example'])
  t.equal(nextListExpiry(lists), Infinity)
  t.notOk(await expire(now + 1000))
  t.equal(snapshot.generation, 3)
})

t.test('a name leaves with the last of its lines', async t => {
  const all = [['a.example', 10], ['a.example', 30], ['a.example', 20], ['b.example']] as const
  const { snapshot, lists, now } = await world(t, all)
  t.strictSame(expiredNames(snapshot, lists, now + 29), [])
  const rest: readonly ListState[] = withoutExpired(lists, now + 29)
  t.equal(nextListExpiry(rest), now + 30)
  t.equal(expiredNames(snapshot, rest, now + 30).length, 1)
})

t.test('what expires while a list is read again without a change is still removed', async t => {
  const { snapshot, lists, now } = await world(t, [['a.example', 10], ['b.example']])
  const readLater = lists.map(list => {
    return { ...list, parts: list.parts.map(part => ({ ...part, expiries: undefined })) }
  })
  const states = withActiveParts(readLater, lists)
  t.equal(expiredNames(snapshot, states, now + 10).length, 1)
})

t.test('lists that have to be read again', async t => {
  const { snapshot, lists, now } = await world(t, [['a.example'], ['192.0.2.1', 10]])
  t.strictSame([...unremovableLists(snapshot, lists, now + 9)], [])
  t.strictSame([...unremovableLists(snapshot, lists, now + 10)], ['feed'], 'an address')
  const last = await world(t, [
    ['a.example', 10],
    ['b.example', 10]
  ])
  t.strictSame(
    [...unremovableLists(last.snapshot, last.lists, last.now + 10)],
    ['feed'],
    'nothing would be left'
  )
})

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { BindingHistory } from '../../../src/lookups/bindings/binding-history.js'
import { whoHad } from '../../../src/lookups/bindings/who.js'
import { closedSideFiles } from '../../../src/lookups/files/side-files.js'
import { BindingStore } from '../../../src/policy/bindings/binding-store.js'
import { signKey, tendOnce, verified } from '../archive/chain/rig.js'

const START = Date.parse('2026-11-12T14:00:00Z')
const MINUTE = 60_000
const SKEW = 5000

function recorded(t: Test, keeps: (address: string) => boolean = () => true) {
  const folder = t.testdir()
  const errors: unknown[] = []
  const quiet = (): void => undefined
  const log = {
    info: quiet,
    warn: quiet,
    error: ({ code }: { code?: unknown }) => errors.push(code)
  }
  const history: BindingHistory = new BindingHistory({
    ...{ folder, keeps, log },
    current: () => store.current(now),
    up: () => (store.isUp('kea') ? ['kea'] : [])
  })
  const store = new BindingStore({ skew: SKEW, limit: 1000, listener: history })
  let now = START
  history.start(now)
  return {
    ...{ folder, history, store, errors },
    at: (minutes: number): number => (now = START + minutes * MINUTE),
    /** As time passes: something is written every ten seconds. */
    pass: (minutes: number): void => {
      const end = now + minutes * MINUTE
      for (; now < end; now += 10_000) history.flush(now)
      history.flush(now)
    },
    who: (minutes: number) => whoHad(folder, '10.20.3.4', START + minutes * MINUTE, SKEW)
  }
}

const lease = (mac: string, from: number) => ({
  ...{ address: '10.20.3.4', source: 'kea', mac: `02:00:5e:10:00:0${mac}` },
  ...{ from, until: from + 60 * MINUTE }
})
const of = (mac: string) => ({ status: 'known', device: { mac: `02:00:5e:10:00:0${mac}` } })

t.test(
  'finds who had an address: before and after a move, across a restart and while a feed was down',
  async t => {
    const { history, store, at, pass, who } = recorded(t)
    store.setUp('kea', true, at(1))
    store.begin(lease('1', START), at(1))
    pass(9)
    store.begin(lease('2', at(10)), at(10))
    pass(10)
    store.setUp('kea', false, at(20))
    pass(5)
    store.setUp('kea', true, at(25))
    pass(5)
    history.stop(at(30))
    history.start(at(40))
    store.setUp('kea', false, at(40))
    store.setUp('kea', true, at(40))
    history.begin(lease('2', START + 10 * MINUTE), at(40))
    pass(5)
    t.match(await who(0.5), { reason: 'feed-down' })
    t.match(await who(5), of('1'))
    t.match(await who(10), { reason: 'ambiguous' })
    t.match(await who(12), of('2'))
    t.match(await who(22), { reason: 'feed-down' })
    t.match(await who(27), of('2'))
    t.match(await who(35), { reason: 'no-history' })
    t.match(await who(42), of('2'))
    t.match(await who(60), { reason: 'no-history' })
  }
)

t.test('begins a file a day, each with all bindings in force', async t => {
  const { folder, store, at, pass, who } = recorded(t)
  store.setUp('kea', true, at(599))
  store.begin({ ...lease('1', START), until: Infinity }, at(599))
  pass(2)
  t.equal(closedSideFiles(folder, 'bindings').length, 1)
  pass(5)
  const [closed = ''] = closedSideFiles(folder, 'bindings')
  t.match(await who(600.5), of('1'))
  rmSync(join(folder, closed))
  t.match(await who(604), of('1'), 'a file is whole without the previous one')
  t.match(await who(599.5), { reason: 'no-history' })
})

t.test('keeps nothing of networks whose privacy mode is not full', async t => {
  const { folder, store, at, pass, who } = recorded(t, () => false)
  store.setUp('kea', true, at(1))
  store.begin(lease('1', START), at(1))
  pass(2)
  t.notMatch(readFileSync(join(folder, 'bindings.jsonl'), 'utf8'), /10\.20\.3\.4|02:00:5e/)
  t.match(await who(1.5), { reason: 'none' })
})

t.test('after a write that failed, what was in force meanwhile is not known', async t => {
  const { folder, store, at, pass, errors, who } = recorded(t)
  store.setUp('kea', true, at(0.5))
  store.begin({ ...lease('1', START), until: Infinity }, at(0.5))
  pass(4.5)
  renameSync(join(folder, 'bindings.jsonl'), join(folder, 'aside'))
  mkdirSync(join(folder, 'bindings.jsonl'))
  pass(5)
  t.ok(errors.includes('BINDINGS_HISTORY'))
  rmSync(join(folder, 'bindings.jsonl'), { recursive: true })
  renameSync(join(folder, 'aside'), join(folder, 'bindings.jsonl'))
  pass(5)
  t.match(await who(3), of('1'))
  t.match(await who(7), { reason: 'no-history' })
  t.match(await who(12), of('1'))
})

t.test('closed files are in the chain of the query log, and expire with it', async t => {
  const key = signKey(t)
  const name = 'bindings-20230304T000000.000Z.jsonl'
  const text = '{"v":1,"time":"2023-03-03T12:00:00.000Z","event":"start"}\n'
  const path = join(t.testdir({ 'queries.jsonl': '', [name]: text }), 'queries.jsonl')
  const options = { chain: key.options, parquet: false }
  t.match(await tendOnce(path, '2023-03-04T12:00:00Z', options), { done: true })
  t.match(await verified(path, key.publicKey), { proven: true, files: 1 })
  writeFileSync(join(path, '..', name), text.replace('12:00', '12:01'))
  t.match(await verified(path, key.publicKey), { breaks: [{ kind: 'altered', at: name }] })
  writeFileSync(join(path, '..', name), text)
  // The shortest retention counts: a file has bindings of all networks.
  const keep = { days: 30, space: 0, networks: [{ id: 'guests', days: 2 }] }
  await tendOnce(path, '2023-03-06T12:00:00Z', { ...options, keep })
  t.ok(existsSync(join(path, '..', name)))
  await tendOnce(path, '2023-03-07T12:00:00Z', { ...options, keep })
  t.notOk(existsSync(join(path, '..', name)))
  t.match(await verified(path, key.publicKey), { breaks: [], removed: 1 })
})

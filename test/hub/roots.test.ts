import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { HubConfig } from '../../src/fleet/hub/hub-config.js'
import { StateStore } from '../../src/fleet/hub/hub-state.js'
import { Inventory, type Known } from '../../src/fleet/hub/inventory.js'
import { Traffic } from '../../src/fleet/hub/judge/traffic.js'
import { rootView } from '../../src/fleet/hub/roots/root-view.js'
import { Rollouts } from '../../src/fleet/hub/rollouts.js'
import { isLater, newestSerial, Roots } from '../../src/fleet/hub/roots/roots.js'
import { sha256Of } from '../../src/base/bytes/sha256.js'
import { withSignature } from '../../src/sources/bundle/signatures.js'
import { newestRoot } from '../../src/sources/root/root.js'
import { bundle, now, one, pair, two } from '../daemon/bundle-rig.js'
import { MemoryLog } from '../daemon/serve.js'
import { Site } from '../daemon/site.js'
import { report } from '../fleet/reports.js'
import { rootOctets, type RootOffer } from '../sources/root/root-rig.js'

const [boss, stranger] = [pair(), pair()] as const
const FIRST: RootOffer = { bundle: [one], signers: [boss] }
const BOTH: RootOffer = { version: 2, bundle: [one, two], signers: [boss] }
const REVOKED: RootOffer = { version: 3, bundle: [two], signers: [boss] }

/** Rollouts and roots of a hub whose settings trust key `one`. */
function hub(t: Test) {
  const folder = join(new Site(t, {}).folder, 'hub')
  const config = {
    trust: { keys: [one.publicKey], keyFiles: [], signatures: 1 },
    rings: [
      { name: 'canary', soak: 0 },
      { name: 'all', soak: 0 }
    ],
    folder
  } as unknown as HubConfig
  const store = new StateStore(folder)
  const log = new MemoryLog()
  const clock = { wall: () => Date.now(), now: () => 0 }
  let delivered = 0
  const deliver = (): Promise<boolean> => Promise.resolve(++delivered > 0)
  const roots = new Roots({ config, store, log, clock, deliver })
  const rollouts = new Rollouts({
    ...{ config, store, log, clock, roots, deliver },
    gateways: () => [],
    traffic: new Traffic({ folder, clock, log, rings: () => store.state.rings }),
    contact: { isLive: () => true, isLost: () => false }
  })
  const publish = async (octets: Uint8Array, ring = 'canary', asap = false) =>
    rollouts.publish(octets, { ring, by: 'joe', now: asap, forecast: null, rollback: null })
  const root = (offer: RootOffer, asap = false) => roots.publish(rootOctets(offer), 'joe', asap)
  return { store, roots, rollouts, publish, root, folder, delivered: () => delivered }
}

t.test('roots are published one after another, and bundles by their keys', async t => {
  const { publish, root, roots, rollouts, store, delivered } = hub(t)
  await t.rejects(publish(await bundle({ serial: 10, keys: [two] })), { code: 'BUNDLE_UNSIGNED' })
  await publish(await bundle({ serial: 10, keys: [one] }))
  t.strictSame([...rollouts.wanted()][0]?.[1].root, undefined)
  await t.rejects(root({ ...FIRST, signers: [boss], threshold: 2, root: [boss, stranger] }), {
    code: 'ROOT_UNSIGNED'
  })
  t.match(await root(FIRST), { version: 1, delivered: true })
  await t.rejects(root(FIRST), { code: 'HUB_ROOT', message: /not newer than 1/ })
  await t.rejects(root(REVOKED), { code: 'ROOT_VERSION' })
  await t.rejects(root({ ...BOTH, signers: [stranger] }), { code: 'ROOT_UNSIGNED' })
  await t.rejects(root({ ...BOTH, expires: 1 }), { code: 'ROOT_EXPIRED' })
  await root(BOTH)
  t.equal(roots.newest?.root.version, 2)
  const wanted = rollouts.wanted().get('canary')!.root!
  t.match(wanted, {
    version: 2,
    size: store.state.roots.length,
    sha256: sha256Of(Buffer.from(store.state.roots))
  })
  t.match(wanted.file, /^2-[0-9a-f]{16}\.root$/)
  await publish(await bundle({ serial: 11, keys: [two] }))
  await t.rejects(publish(await bundle({ serial: 12, keys: [stranger] })), {
    code: 'BUNDLE_UNSIGNED'
  })
  t.match(store.state.bundles.at(-1), { serial: 11, root: 2 })
  t.match(store.state.events.at(-2)?.what, 'root of trust 2 published')
  t.equal(delivered(), 4)
})

t.test('a key is rotated by signing the bundle in force again', async t => {
  const { publish, root, store, rollouts } = hub(t)
  const octets = await bundle({ serial: 10, keys: [one] })
  await publish(octets)
  await publish(octets, 'all', true)
  await root(FIRST)
  await root(BOTH)
  await t.rejects(root(REVOKED), {
    code: 'HUB_ROOT',
    message: /bundle 10 of ring canary has 0 of the 1 signatures/
  })
  const rings = store.state.rings
  const resigned = withSignature(octets, '', two.key)
  await publish(resigned)
  t.strictSame(store.state.rings, rings, 'the rollout goes on')
  t.equal(store.state.bundles.length, 1)
  for (const ring of ['canary', 'all'])
    t.equal(rollouts.wanted().get(ring)?.sha256, sha256Of(resigned), ring)
  t.match(store.state.events.at(-1)?.what, /bundle 10 with other signatures published/)
  const other = await bundle({ serial: 10, bans: 'other.example', keys: [one, two] })
  await t.rejects(publish(other), { code: 'HUB_SERIAL' }, 'other content with that serial')
  await root(REVOKED)
  await t.rejects(publish(await bundle({ serial: 11, keys: [one] })), { code: 'BUNDLE_UNSIGNED' })
})

t.test('for a stolen key a root is published at once', async t => {
  const { publish, root, store } = hub(t)
  await publish(await bundle({ serial: 10, keys: [one] }))
  await root(FIRST)
  await t.rejects(root({ ...REVOKED, version: 2 }), { code: 'HUB_ROOT' })
  await root({ ...REVOKED, version: 2 }, true)
  t.match(store.state.events.at(-1)?.what, 'root of trust 2 published at once (--now)')
})

t.test('a reset of serials lets lower ones follow, up to the last ring', async t => {
  const { publish, root, store } = hub(t)
  const high = now() + 80_000
  await publish(await bundle({ serial: high, keys: [one] }))
  await publish(
    await bundle({ serial: high, keys: [one] }).then(() => store.load(store.state.bundles[0]!)),
    'all',
    true
  )
  await root(FIRST)
  const low = now()
  await t.rejects(publish(await bundle({ serial: low, keys: [one] })), { code: 'HUB_SERIAL' })
  await root({ ...FIRST, version: 2, serials: { since: 2, from: low } })
  await t.rejects(publish(await bundle({ serial: low - 1, keys: [one] })), { code: 'HUB_SERIAL' })
  await publish(await bundle({ serial: low, keys: [one] }))
  t.match(store.state.rings, { canary: { serial: low }, all: { serial: high } })
  const reset = { version: 2, expires: 0, serials: { since: 2, from: low } }
  const [before, after] = [
    { serial: high, root: 0 },
    { serial: low, root: 2 }
  ]
  t.equal(isLater(after, before, reset), true)
  t.equal(isLater(before, after, reset), false)
  t.equal(isLater(before, undefined, reset), true)
  t.equal(isLater({ serial: 2, root: 0 }, { serial: 1, root: 0 }, undefined), true)
  t.equal(newestSerial([before, after], reset), low)
  t.equal(newestSerial([before], reset), low - 1)
  t.equal(newestSerial([before], undefined), high)
})

t.test('nothing is published under an expired root', async t => {
  const { publish, root } = hub(t)
  const expires = now() + 1
  await root({ ...FIRST, expires })
  while (now() < expires) await new Promise(resolve => setTimeout(resolve, 50))
  await t.rejects(publish(await bundle({ serial: 10 })), { code: 'ROOT_EXPIRED' })
  await root(BOTH)
  await publish(await bundle({ serial: 10 }))
})

t.test('the state keeps all roots, for gateways that were away', async t => {
  const { root, folder, store } = hub(t)
  for (const one of [FIRST, BOTH, REVOKED]) await root(one)
  const again = new StateStore(folder)
  t.equal(again.state.roots, store.state.roots)
  t.equal(newestRoot(Buffer.from(again.state.roots), '').root.version, 3)
  t.ok(readFileSync(join(folder, 'state.json')))
})

t.test('the view says which keys may sign alone, and which may be destroyed', t => {
  const inventory = new Inventory({ wall: () => 0, now: () => 0 })
  t.strictSame(inventory.all, [])
  const gateway = (name: string, root: number | null | undefined, keys = [one]): Known => ({
    ...{ name, contact: 0, clockOffset: 0, by: 'nats' },
    report: report({
      ...(root === undefined
        ? {}
        : {
            trust: {
              ...{ root, signatures: 1, refused: null },
              keys: keys.map(({ publicKey }) => publicKey)
            }
          })
    })
  })
  const newest = newestRoot(rootOctets(REVOKED), '')
  const earlier = [one.publicKey, two.publicKey]
  const statesOf = (...gateways: Known[]): string[] =>
    rootView(newest, earlier, { gateways }).keys.map(
      ({ key, state, trustedBy }) =>
        `${key === one.publicKey ? 'one' : 'two'} ${state} ${trustedBy}`
    )
  const [done, late] = [gateway('a', 3, [two]), gateway('b', 2, [one, two])]
  t.strictSame(statesOf(done, late), ['two ready 2', 'one revoking 1'])
  t.strictSame(statesOf(done, gateway('b', 1)), ['two spreading 1', 'one revoking 1'])
  t.strictSame(statesOf(done, done), ['two ready 2', 'one dropped 0'])
  t.strictSame(statesOf(done, gateway('c', undefined)), ['two spreading 1', 'one revoking 0'])
  t.strictSame(statesOf(), ['two spreading 0', 'one revoking 0'], 'no gateway is known')
  const silent: Known = { ...done, report: null }
  t.match(
    rootView(newest, earlier, {
      gateways: [done, late, silent, gateway('n', null), gateway('x', 4)]
    }),
    {
      ...{ version: 3, gateways: 5, current: 1, older: 1, none: 1, newer: 1, unknown: 1 },
      waiting: ['a', 'b', 'n']
    }
  )
  t.match(rootView(undefined, [], { gateways: [gateway('n', null)] }), {
    ...{ version: null, none: 1, keys: [{ state: 'ready', listed: false }] }
  })
  t.end()
})

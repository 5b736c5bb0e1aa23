import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AcceptedBundles } from '../../../src/sources/bundle/accepted-bundles.js'
import {
  acceptOfferedRoots,
  chooseBundle,
  offeredRoots
} from '../../../src/sources/bundle/choose-bundle.js'
import { acceptedRoot } from '../../../src/sources/root/root-place.js'
import { acceptRoots } from '../../../src/sources/root/root-store.js'
import { bundle, now, pair, type Offer } from '../../daemon/bundle-rig.js'
import { rootOctets, rootPlace, rootText, type RootOffer } from './root-rig.js'

const [boss, old, fresh] = [pair(), pair(), pair()] as const
const FIRST: RootOffer = { bundle: [old], signers: [boss] }
const BOTH: RootOffer = { version: 2, bundle: [old, fresh], signers: [boss] }
const REVOKED: RootOffer = { version: 3, bundle: [fresh], signers: [boss] }

function gateway(t: Test, first = FIRST) {
  const { dir, place } = rootPlace(t, rootText(first))
  const source = {
    path: join(dir, 'rules.bundle'),
    trust: { keys: [], keyFiles: [], signatures: 1, root: { ...place, role: 'bundle' as const } },
    storeFolder: join(dir, 'bundles'),
    copies: join(dir, 'lists')
  }
  const store = new AcceptedBundles(source.storeFolder)
  /** The serial in force after a reload, or after a restart, and why the offered one is not. */
  const choose = async (at = now()): Promise<[number | undefined, string[]]> => {
    const { candidates, refused } = await chooseBundle(source, at)
    await candidates[0]?.accept()
    return [candidates[0]?.files.bundle?.serial, refused.map(({ code }) => code)]
  }
  const offer = async (one: Offer) => {
    writeFileSync(source.path, await bundle(one))
    return choose()
  }
  const follow = (...roots: RootOffer[]) =>
    acceptRoots(place, Buffer.concat(roots.map(rootOctets)), 'x')
  return { source, place, store, choose, offer, follow, dir }
}

t.test('a key that a root adds counts, and one that it revokes does not', async t => {
  const { offer, follow, choose } = gateway(t)
  t.strictSame(await offer({ serial: 10, keys: [old] }), [10, []])
  t.strictSame(await offer({ serial: 11, keys: [fresh] }), [10, ['BUNDLE_UNSIGNED']])
  await follow(BOTH)
  t.strictSame(await choose(), [11, []])
  await follow(REVOKED)
  t.strictSame(await offer({ serial: 12, keys: [old] }), [11, ['BUNDLE_UNSIGNED']])
  t.strictSame(await choose(), [11, ['BUNDLE_UNSIGNED']], 'also after a restart')
})

t.test('a bundle in force by a revoked key gives way to the last one by a trusted key', async t => {
  const { offer, follow, choose } = gateway(t, { ...BOTH, version: 1 })
  await offer({ serial: 10, keys: [fresh] })
  await offer({ serial: 11, keys: [old] })
  t.strictSame(await choose(), [11, []])
  await follow({ ...REVOKED, version: 2 })
  t.strictSame(await choose(), [10, ['BUNDLE_UNSIGNED', 'BUNDLE_UNSIGNED']])
})

t.test('without any bundle by a trusted key the one in force remains', async t => {
  const { offer, follow, choose, source, place } = gateway(t)
  await offer({ serial: 10, keys: [old] })
  await follow(BOTH, REVOKED)
  const [serial, why] = await choose()
  t.equal(serial, 10)
  t.ok(why.includes('BUNDLE_REVOKED'))
  rmSync(source.path)
  t.match(await choose(), [10, ['BUNDLE_UNREADABLE', 'BUNDLE_UNSIGNED', 'BUNDLE_REVOKED']])
  t.strictSame(await offer({ serial: 11, keys: [fresh] }), [11, []])
  writeFileSync(acceptedRoot(place), 'damaged')
  t.match(await choose(), [11, ['ROOT_STATE']], 'nor does a damaged root stop the gateway')
  t.match(await offer({ serial: 12, keys: [fresh] }), [11, ['ROOT_STATE']], 'nothing is accepted')
})

t.test('a new root resets serials, once', async t => {
  const { offer, follow, choose, store } = gateway(t)
  const highest = Number.MAX_SAFE_INTEGER
  const octets = await bundle({ serial: highest, keys: [old] })
  // As it was accepted by a gateway with a wrong clock, or an earlier version.
  await store.accept(
    octets,
    {
      ...{ serial: highest, sha256: 'f'.repeat(64), files: 1, octets: 1, packed: 1 },
      ...{ created: now() + 1_000_000, expires: now() + 9_000_000 }
    },
    undefined,
    now(),
    1
  )
  t.match(await offer({ serial: now(), keys: [fresh] }), [undefined, ['BUNDLE_UNSIGNED']])
  await follow(BOTH)
  t.match((await choose())[1], ['BUNDLE_OLDER'], 'the highest serial locks out all others')
  const from = now() - 10
  await follow({ ...REVOKED, serials: { since: 3, from } })
  t.match(await offer({ serial: from - 1, keys: [fresh] }), [, ['BUNDLE_OLDER']])
  t.strictSame(await offer({ serial: from + 5, keys: [fresh] }), [from + 5, []])
  t.match(await offer({ serial: from + 4, keys: [fresh] }), [from + 5, ['BUNDLE_OLDER']])
  t.match(store.read(), { newest: { serial: from + 5, root: 3 }, inForce: from + 5 })
  await follow({ ...REVOKED, version: 4, serials: { since: 3, from } })
  t.match(await offer({ serial: from + 4, keys: [fresh] }), [from + 5, ['BUNDLE_OLDER']])
})

t.test('under an expired root the bundle in force remains, and no new one is accepted', async t => {
  const { offer, follow, choose } = gateway(t)
  await offer({ serial: 10, keys: [old] })
  const expires = now() - 1
  await follow({ ...BOTH, expires })
  t.strictSame(await choose(), [10, []])
  t.strictSame(await offer({ serial: 11, keys: [old] }), [10, ['ROOT_EXPIRED']])
  t.strictSame(await choose(), [10, ['ROOT_EXPIRED']], 'also after a restart')
  await follow({ ...BOTH, version: 3 })
  t.strictSame(await choose(), [11, []])
})

t.test('a gateway without a fleet takes roots from beside its bundle', async t => {
  const { offer, choose, source, dir } = gateway(t)
  t.strictSame(await acceptOfferedRoots(source), [])
  await offer({ serial: 10, keys: [old] })
  writeFileSync(offeredRoots(source.path), rootText({ ...BOTH, signers: [old] }))
  t.match(await acceptOfferedRoots(source), [{ code: 'ROOT_UNSIGNED' }])
  writeFileSync(offeredRoots(source.path), rootText(BOTH))
  t.strictSame(await acceptOfferedRoots(source), [])
  t.strictSame(await offer({ serial: 11, keys: [fresh] }), [11, []])
  t.ok(readFileSync(acceptedRoot({ folder: join(dir, 'root') })))
  mkdirSync(`${offeredRoots(source.path)}.d`)
  t.strictSame(await choose(), [11, []])
})

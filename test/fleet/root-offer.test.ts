import { existsSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { acceptedRoot } from '../../src/sources/root/root-place.js'
import { bundle, one, pair, two } from '../daemon/bundle-rig.js'
import { eventually } from '../daemon/site.js'
import { rootOctets, rootPlace, rootText, type RootOffer } from '../sources/root/root-rig.js'
import { hashOf, site, startChannel, wantedOf, webServer } from './channel-rig.js'

const boss = pair()
const FIRST: RootOffer = { bundle: [one], signers: [boss] }
const BOTH: RootOffer = { version: 2, bundle: [one, two], signers: [boss] }

/** A gateway with root 1 that pulls from a web server. */
async function rig(t: Parameters<typeof site>[0]) {
  const { source } = site(t)
  const { place } = rootPlace(t, rootText(FIRST))
  const trust = {
    ...{ keys: [], keyFiles: [], signatures: 1 },
    root: { ...place, role: 'bundle' as const }
  }
  const web = await webServer(t)
  const { state, lines } = startChannel(t, web.url, { ...source, trust })
  /** Wants a bundle and a chain of roots. */
  const want = (serial: number, octets: Uint8Array, roots: Buffer, sha256 = hashOf(roots)) => {
    const file = `${hashOf(roots).slice(0, 16)}.root`
    web.files.set(`${serial}.bundle`, octets)
    web.files.set(file, roots)
    const root = { version: 2, sha256, size: Math.max(1, roots.length), file }
    const wanted = { ...wantedOf(serial, octets), root }
    web.files.set('channel.json', JSON.stringify({ version: 1, rings: { canary: wanted } }))
  }
  return { place, state, lines, want }
}

t.test('a bundle that was refused is tried at once when a newer root arrives', async t => {
  const { state, want, lines } = await rig(t)
  await eventually('the trust', () => state().trust?.root === 1)
  const octets = await bundle({ serial: 7, keys: [two] })
  want(7, octets, rootOctets(FIRST))
  await eventually('a refusal', () => state().error?.code === 'BUNDLE_UNSIGNED')
  const roots = Buffer.concat([rootOctets(FIRST), rootOctets(BOTH)])
  want(7, octets, roots)
  await eventually('the bundle', () => state().offered === 7)
  t.match(state(), {
    error: null,
    trust: { root: 2, keys: [one.publicKey, two.publicKey], signatures: 1, refused: null }
  })
  t.ok(lines.some(line => line.includes('root of trust accepted')))
})

t.test('a root that is refused changes nothing, and stops no bundle', async t => {
  const { place, state, want, lines } = await rig(t)
  const octets = await bundle({ serial: 7 })
  want(7, octets, rootOctets({ ...BOTH, signers: [two], root: [two] }))
  await eventually('the bundle', () => state().offered === 7)
  t.match(state(), { error: null, trust: { root: 1, refused: { code: 'ROOT_UNSIGNED' } } })
  t.notOk(existsSync(acceptedRoot(place)))
  want(8, await bundle({ serial: 8 }), rootOctets(BOTH), '0'.repeat(64))
  await eventually('the bundle', () => state().offered === 8)
  t.match(state(), { trust: { root: 1, refused: { code: 'FLEET_ROOT' } } })
  t.ok(lines.some(line => line.includes('the trusted keys remain')))
  want(9, await bundle({ serial: 9 }), rootOctets(BOTH))
  await eventually('the bundle', () => state().offered === 9)
  t.match(state(), { trust: { root: 2, refused: null } })
})

t.test('a root that cannot be read leaves no key trusted', async t => {
  const { place, state, want } = await rig(t)
  await eventually('the trust', () => state().trust?.root === 1)
  rmSync(place.file)
  want(7, await bundle({ serial: 7 }), rootOctets(BOTH))
  await eventually('an error', () => state().error?.code === 'ROOT_UNREADABLE')
  t.match(state(), { trust: { root: null, keys: [], refused: { code: 'ROOT_UNREADABLE' } } })
  writeFileSync(place.file, rootText(FIRST))
})

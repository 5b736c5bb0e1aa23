import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { acceptedRoot } from '../../../src/sources/root/root-place.js'
import { acceptRoots, readRoot } from '../../../src/sources/root/root-store.js'
import { decodeRoots, encodeRoot, newestRoot } from '../../../src/sources/root/root.js'
import { pair, type Pair } from '../../daemon/bundle-rig.js'
import { rootOctets, rootPlace, rootText, type RootOffer } from './root-rig.js'

const [a, b, c, office, stranger] = [pair(), pair(), pair(), pair(), pair()] as const

/** Root 1: two of three keys, one key for bundles. */
const FIRST: RootOffer = { root: [a, b, c], threshold: 2, bundle: [office], signers: [a, b] }

/** A gateway with root 1, and what it does with another. @returns its version afterwards, and the error */
function gateway(t: Test, first: RootOffer = FIRST) {
  const { place } = rootPlace(t, rootText(first))
  const take = async (...offers: readonly (RootOffer | Buffer)[]) => {
    const file = Buffer.concat(offers.map(one => ('signers' in one ? rootOctets(one) : one)))
    const code = await acceptRoots(place, file, 'x').then(
      () => undefined,
      (error: unknown) => (error as { code: string }).code
    )
    return [(await readRoot(place)).root.version, code]
  }
  return { place, take }
}

/** Root 2 with the same keys. */
const second = (more: Partial<RootOffer> = {}): RootOffer => ({ ...FIRST, version: 2, ...more })

t.test('the next root needs the threshold of the root before, and its own', async t => {
  const { place, take } = gateway(t)
  t.strictSame(await take(second({ signers: [a] })), [1, 'ROOT_UNSIGNED'])
  t.strictSame(await take(second({ signers: [stranger, office] })), [1, 'ROOT_UNSIGNED'])
  const [d, e]: Pair[] = [pair(), pair()]
  const others = second({ root: [a, d!, e!] })
  t.strictSame(await take({ ...others, signers: [d!, e!] }), [1, 'ROOT_UNSIGNED'], 'only the new')
  t.strictSame(await take({ ...others, signers: [a, b] }), [1, 'ROOT_UNSIGNED'], 'only the old')
  t.notOk(existsSync(acceptedRoot(place)), 'nothing is stored')
  t.strictSame(await take({ ...others, signers: [a, b, d!] }), [2, undefined], 'a counts for both')
  const third = { ...others, version: 3, signers: [a, b] }
  t.strictSame(await take(third), [2, 'ROOT_UNSIGNED'], 'b was revoked')
})

t.test('a key counts once, however often it is listed or has signed', async t => {
  const { take } = gateway(t)
  const [one] = newestRoot(rootOctets(second({ signers: [a] })), '').signatures
  const { line } = newestRoot(rootOctets(second({ signers: [a] })), '')
  const twice = Buffer.from(encodeRoot({ line, signatures: [one!, one!] }))
  t.strictSame(await take(twice), [1, 'ROOT_UNSIGNED'])
  const listed = second({ root: [a, a, b], threshold: 2, signers: [a] })
  t.strictSame(await take(listed), [1, 'ROOT_UNSIGNED'])
  const unreachable = second({ root: [a, a], threshold: 2, signers: [a, b] })
  t.strictSame(await take(unreachable), [1, 'ROOT_BROKEN'], 'two of one key')
  t.strictSame(await take(second({ root: [a, a, b], signers: [a, b] })), [2, undefined])
})

t.test('versions are accepted one after another, and never again', async t => {
  const { take } = gateway(t)
  t.strictSame(await take(second({ version: 3 })), [1, 'ROOT_VERSION'], 'one is missing')
  t.strictSame(await take(second(), second({ version: 3 })), [3, undefined], 'a chain')
  t.strictSame(await take(second(), second({ version: 3 })), [3, undefined], 'the same once more')
  t.strictSame(await take(second()), [3, undefined], 'an older one')
  t.strictSame(await take(second({ version: 2, bundle: [stranger] })), [3, undefined])
  t.strictSame(
    await take(second({ version: 4 }), second({ version: 5, signers: [a] })),
    [4, 'ROOT_UNSIGNED'],
    'as far as the chain is good'
  )
})

t.test('a root that has expired leads on to a newer one', async t => {
  const { take } = gateway(t, { ...FIRST, expires: 1 })
  t.strictSame(await take(second({ expires: 2 }), second({ version: 3 })), [3, undefined])
})

t.test('a reset of serials belongs to one version', async t => {
  const { take } = gateway(t)
  const reset = { since: 2, from: 100 }
  t.strictSame(await take(second({ serials: { since: 1, from: 5 } })), [1, 'ROOT_BROKEN'])
  t.strictSame(await take(second({ serials: { since: 3, from: 5 } })), [1, 'ROOT_BROKEN'])
  t.strictSame(await take(second({ serials: reset })), [2, undefined])
  t.strictSame(await take(second({ version: 3 })), [2, 'ROOT_BROKEN'], 'a reset cannot be undone')
  t.strictSame(await take(second({ version: 3, serials: reset })), [3, undefined])
})

t.test('garbage, unknown fields, invalid signatures and oversized files are refused', async t => {
  const good = rootText(second())
  const line = newestRoot(Buffer.from(good), '').line
  const edited = (from: string | RegExp, to: string): string => good.replace(from, to)
  const cases: readonly (readonly [string, string | Buffer, string])[] = [
    ['nothing', '', 'ROOT_BROKEN'],
    ['garbage', Buffer.alloc(1000, 0xff), 'ROOT_BROKEN'],
    ['garbage with an end', `${'x'.repeat(100)}\n\n`, 'ROOT_BROKEN'],
    ['another kind of file', edited('interdict-root', 'interdict-bundle'), 'ROOT_BROKEN'],
    ['no end', good.slice(0, -1), 'ROOT_BROKEN'],
    ['no JSON', edited(line, line.slice(1)), 'ROOT_BROKEN'],
    ['an unknown field', edited('"version"', '"more":1,"version"'), 'ROOT_BROKEN'],
    ['an unknown role', edited('"hub"', '"other"'), 'ROOT_BROKEN'],
    ['another key than Ed25519', edited(office.publicKey, 'AAAA'), 'ROOT_BROKEN'],
    ['a changed version', edited('"version":2', '"version":3'), 'ROOT_SIGNATURE'],
    ['a key in place of another', edited(office.publicKey, stranger.publicKey), 'ROOT_SIGNATURE'],
    ['a malformed signature', edited(/"signature":"./, '"signature":"*'), 'ROOT_BROKEN'],
    ['many signatures', `${good.slice(0, -1)}${'x\n'.repeat(40)}\n`, 'ROOT_BROKEN'],
    ['a large root', edited(line, `${line}${' '.repeat(40_000)}`), 'ROOT_BROKEN'],
    ['a large file', good.repeat(5000), 'ROOT_BROKEN'],
    ['version 0', edited('"version":2', '"version":0'), 'ROOT_BROKEN'],
    ['a threshold of 0', edited('"threshold":2', '"threshold":0'), 'ROOT_BROKEN']
  ]
  const { take } = gateway(t)
  for (const [name, file, code] of cases)
    t.strictSame(await take(Buffer.from(file)), [1, code], name)
})

t.test('the file of the settings counts if it is newer, and need not stay', async t => {
  const { place, take } = gateway(t)
  await take(second())
  rmSync(place.file)
  t.equal((await readRoot(place)).root.version, 2)
  writeFileSync(place.file, 'garbage')
  t.equal((await readRoot(place)).root.version, 2)
  const other = { ...FIRST, root: [stranger], threshold: 1, signers: [stranger] }
  writeFileSync(place.file, rootText({ ...other, version: 2 }))
  t.strictSame((await readRoot(place)).root.roles.root.keys.length, 3, 'not newer')
  writeFileSync(place.file, rootText({ ...other, version: 9 }))
  t.equal((await readRoot(place)).root.version, 9, 'by hand, for lost root keys')
  writeFileSync(place.file, rootText({ ...other, version: 10, signers: [a] }))
  t.equal((await readRoot(place)).root.version, 2, 'not by its own key')
})

t.test('a damaged accepted root does not lead back to an older one', async t => {
  const { place, take } = gateway(t)
  await take(second())
  writeFileSync(acceptedRoot(place), readFileSync(acceptedRoot(place)).subarray(0, 50))
  await t.rejects(readRoot(place), { code: 'ROOT_STATE' })
  rmSync(acceptedRoot(place))
  rmSync(place.file)
  await t.rejects(readRoot(place), { code: 'ROOT_UNREADABLE' })
})

t.test('a file may have several roots, each as it was signed', t => {
  const text = rootText(FIRST) + rootText(second())
  const all = decodeRoots(Buffer.from(text), '')
  t.strictSame(
    all.map(({ root }) => root.version),
    [1, 2]
  )
  t.equal(all.map(encodeRoot).join(''), text)
  t.end()
})

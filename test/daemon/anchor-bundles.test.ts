import packet from 'dns-packet'
import t from 'tap'
import { serveWorld } from '../dnssec/name-server.js'
import { anchorOf, World } from '../dnssec/world.js'
import type { ZoneOptions } from '../dnssec/zone.js'
import { bundle, one, put, refused, rollBack, started, stranger, taken } from './bundle-rig.js'
import { askUdp } from './dns-client.js'

const DAY = 86_400
const now = Math.floor(Date.now() / 1000)
const valid: ZoneOptions = { inception: now - DAY, expiration: now + 10 * DAY }

/** A root with keys of its own, and two names below it. */
function newWorld(): World {
  const world = new World(valid)
  world.zone('example', valid).a('www.example').a('other.example')
  return world
}

const filesWith = (...anchors: readonly string[]) => ({
  'networks.yaml': `networks: { office: { prefixes: [127.0.0.0/8], dnssec: enforce } }
dnssec: { trust-anchors: [${anchors.map(anchor => `'${anchor}'`).join(', ')}] }
`
})

t.test('a root key rollover by signed bundle', async t => {
  const [before, after] = [newWorld(), newWorld()]
  const [oldKey, newKey] = [anchorOf(before), anchorOf(after)]
  // The root has the new key only; the settings have the old one.
  const port = await serveWorld(t, after)
  const rig = await started(
    t,
    { serial: 7, files: filesWith() },
    {
      more: `rules: { bundle: rules.bundle, keys: [${one.publicKey}] }\ndnssec: { trust-anchors: ['${oldKey}'] }`,
      upstream: { address: '127.0.0.1', port },
      upstreams: 'timeout: 4s, give-up: 4s, cookies: false'
    }
  )
  const ask = (name: string) => askUdp(rig.at, name, { flags: packet.AUTHENTIC_DATA })
  const isOld = async (why: string): Promise<void> => {
    t.match(await ask('www.example'), { rcode: 'SERVFAIL', ede: 9 }, why)
  }
  await isOld('the settings have the old key')

  put(rig.site, await bundle({ serial: 8, keys: [stranger], files: filesWith(newKey) }))
  await refused(rig, 'BUNDLE_UNSIGNED')
  await isOld('nobody trusted has signed the bundle')
  put(rig.site, await bundle({ serial: 6, files: filesWith(newKey) }))
  await refused(rig, 'BUNDLE_OLDER')
  await isOld('the bundle is older')
  put(rig.site, await bundle({ serial: 8, files: filesWith('. DS 1 13 2 00') }))
  await refused(rig, 'DOCUMENT_INVALID')
  await isOld('the anchor is invalid')

  put(rig.site, await bundle({ serial: 9, files: filesWith(oldKey, newKey) }))
  await taken(rig, 9)
  await rig.log.says('DNSSEC trust anchors of a zone of the rules are in force')
  t.match(await ask('www.example'), { rcode: 'NOERROR', authentic: true }, 'both keys, flushed')
  put(rig.site, await bundle({ serial: 10, files: filesWith(newKey) }))
  await taken(rig, 10)
  t.match(await ask('other.example'), { rcode: 'NOERROR', authentic: true }, 'the new key alone')

  put(rig.site, await bundle({ serial: 11, files: filesWith(oldKey) }))
  await taken(rig, 11)
  await isOld('what was validated with a key that was removed is flushed')
  rollBack(rig, 11, 10)
  await taken(rig, 10)
  t.match(await ask('www.example'), { rcode: 'NOERROR', authentic: true }, 'rolled back')
})

import { createUser } from '@nats-io/nkeys'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { Clock } from '../../src/base/time/clock.js'
import { BundleOffer } from '../../src/fleet/channel/bundle-offer.js'
import { signReport } from '../../src/fleet/channel/credentials.js'
import { userSeed } from '../../src/fleet/channel/nkey.js'
import { Inventory, type Counted } from '../../src/fleet/hub/inventory.js'
import { judge } from '../../src/fleet/hub/judge/judge-ring.js'
import { gatewayView, isLive, type Sources } from '../../src/fleet/hub/views.js'
import { AcceptedBundles } from '../../src/sources/bundle/accepted-bundles.js'
import { decodeHeader } from '../../src/sources/bundle/manifest.js'
import { bundle } from '../daemon/bundle-rig.js'
import { eventually } from '../daemon/site.js'
import {
  channelFile,
  credentialsText,
  hashOf,
  site,
  startChannel,
  wantedOf,
  webServer
} from './channel-rig.js'
import { counters, report } from './reports.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A clock that tests move. */
function shifted(offset = 0) {
  const shift = { offset }
  const clock: Clock = {
    wall: () => Date.now() + shift.offset,
    now: () => performance.now() + shift.offset
  }
  return { shift, clock }
}

const seedOf = (user: ReturnType<typeof createUser>): string =>
  Buffer.from(user.getSeed()).toString()

/** A hub with one gateway. */
function hub(clock: Clock) {
  const counted: Counted[] = []
  const inventory = new Inventory(clock, one => counted.push(one))
  const user = createUser()
  inventory.add('gw', user.getPublicKey())
  const sources = (): Sources =>
    ({
      config: { silentAfter: MINUTE },
      state: { rings: { canary: { serial: 10 } }, gateways: { gw: { ring: 'canary' } } },
      ...{ gateways: inventory.all, now: clock.wall() }
    }) as unknown as Sources
  const view = () => gatewayView(inventory.all[0]!, sources())
  return { inventory, user, sources, view, counted }
}

t.test('reports of a gateway whose clock is hours off are taken, and say so', t => {
  const { shift, clock } = shifted()
  const { inventory, user, view } = hub(clock)
  const key = userSeed(seedOf(user))!
  let number = 0
  for (const offset of [-6 * HOUR, 6 * HOUR]) {
    const at = new Date(clock.wall() + offset).toISOString()
    t.equal(inventory.onReport(signReport(report({ number: ++number, at }), key)), undefined)
    t.match(view(), { state: 'running' }, 'the hub goes by its own clock')
    t.ok(Math.abs(view().clockOffsetMs! - offset) < MINUTE)
  }
  shift.offset += 2 * MINUTE
  t.match(view(), { state: 'silent' })
  t.end()
})

t.test('a wrong clock of one gateway does not halt a ring', t => {
  const { clock } = shifted()
  const { inventory, user, sources } = hub(clock)
  const key = userSeed(seedOf(user))!
  const verdict = (code: string, offset: number, number: number) => {
    const refused = { code, message: 'x' }
    const at = new Date(clock.wall() + offset).toISOString()
    inventory.onReport(signReport(report({ number, at, active: 9, refused }), key))
    const all = sources()
    const live = (one: (typeof all.gateways)[number]) => isLive(one, all.config, all.now)
    const band = { blocked: 1, servfail: 1, latency: 1, lagging: 0, unready: 0, lookups: 0 }
    const rollout = { serial: 10, unready: [], now: true }
    const contact = { isLive: live, isLost: () => false }
    const { gateways } = all
    const rest = { watch: undefined, control: [], forecast: null, isRollback: false }
    return judge({ rollout, gateways, contact, band, ...rest }).kind
  }
  t.equal(verdict('BUNDLE_EARLY', -6 * HOUR, 1), 'waiting')
  t.equal(verdict('BUNDLE_EXPIRED', 100 * DAY, 2), 'waiting')
  t.equal(verdict('BUNDLE_EXPIRED', -MINUTE, 3), 'outside')
  t.equal(verdict('BUNDLE_UNSIGNED', -6 * HOUR, 4), 'outside')
  t.end()
})

t.test('dates of a bundle, by the clock of the gateway', async t => {
  const { source } = site(t)
  const octets = await bundle({ serial: 7, created: 0, expires: 90 })
  const offer = (offset: number): Promise<boolean> =>
    new BundleOffer(source, shifted(offset).clock).offer(wantedOf(7, octets), () =>
      Promise.resolve(octets)
    )
  await t.rejects(offer(-6 * HOUR), { code: 'BUNDLE_EARLY' })
  await t.rejects(offer(91 * DAY), { code: 'BUNDLE_EXPIRED' })
  t.notOk(existsSync(source.path))
  t.equal(await offer(-4 * MINUTE), true)
  rmSync(source.path)
  t.equal(await offer(30 * DAY), true)
  // Whoever sets the clock back does not make an expired bundle valid: what was accepted proves a later time.
  const expired = await bundle({ serial: 8, created: -30, expires: -1 })
  const store = new AcceptedBundles(source.storeFolder)
  await store.accept(octets, decodeHeader(octets, '').manifest, undefined, 1)
  const late = new BundleOffer(source, shifted(-20 * DAY).clock)
  await t.rejects(
    late.offer(wantedOf(8, expired), () => Promise.resolve(expired)),
    {
      code: 'BUNDLE_EXPIRED'
    }
  )
})

t.test('a gateway that was offline for 30 days', async t => {
  const { dir, source } = site(t)
  const { shift, clock } = shifted()
  const { inventory, user, view, counted } = hub(clock)
  const { files, url } = await webServer(t)
  const credentials = join(dir, 'fleet.creds')
  writeFileSync(credentials, credentialsText(seedOf(user)))
  let isOnline = true
  const centre = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const isTaken = isOnline && inventory.onReport(Buffer.concat(pieces), 'https') === undefined
      response.writeHead(isTaken ? 200 : 503).end('{}')
    })
  })
  await new Promise<void>(resolve => centre.listen(0, '127.0.0.1', resolve))
  t.teardown(() => centre.close())
  const { port } = centre.address() as AddressInfo
  const reports = { url: `http://127.0.0.1:${port}/v1/reports`, credentials, caFile: undefined }
  const publish = async (serial: number, expires: number): Promise<void> => {
    const octets = await bundle({ serial, expires })
    files.clear()
    files.set(`${serial}.bundle`, octets)
    files.set('channel.json', channelFile(wantedOf(serial, octets)))
  }
  await publish(7, 20)
  const { channel, state, lines } = startChannel(t, url, source, {}, reports, clock)
  await eventually('the first bundle', () => state().offered === 7)
  const first = readFileSync(source.path)
  const store = new AcceptedBundles(source.storeFolder)
  await store.accept(first, decodeHeader(first, '').manifest, undefined, 1)
  let number = 0
  const send = (lookups: number) => {
    const at = new Date(clock.wall()).toISOString()
    return channel.report(
      report({ number: ++number, at, active: 7, counters: counters({ lookups }) })
    )
  }
  await send(100)
  t.equal(inventory.accepted, 1)

  // Offline: the bundle expires after 20 days, others are published and deleted.
  isOnline = false
  files.clear()
  shift.offset = 30 * DAY
  await eventually('a failed attempt', () => state().error !== null)
  await send(1000)
  t.equal(lines.filter(line => line.includes('FLEET_REPORT')).length, 1)
  t.equal(hashOf(readFileSync(source.path)), hashOf(first), 'the rules in force remain')
  t.match(view(), { state: 'silent' })

  // A channel that was copied back then names an older bundle than the gateway has.
  await publish(6, 90)
  await eventually('the older one', () => state().error?.code === 'FLEET_OLDER')
  t.equal(hashOf(readFileSync(source.path)), hashOf(first))

  // Its credentials were replaced meanwhile: reports are refused until it has the new ones.
  const renewed = createUser()
  inventory.add('gw', renewed.getPublicKey())
  isOnline = true
  await send(2000)
  t.equal(inventory.dropped.signature, 1)
  writeFileSync(credentials, credentialsText(seedOf(renewed)))
  await publish(12, 90)
  await eventually('the newest bundle', () => state().offered === 12)
  await send(3000)
  t.match(view(), { state: 'behind', active: 7 })
  await send(3500)
  t.match(counted.at(-1), { serial: 7, isSteady: true, counts: { lookups: 500 } })
  t.ok(Math.abs(view().clockOffsetMs!) < MINUTE)
})

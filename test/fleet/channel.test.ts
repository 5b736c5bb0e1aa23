import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/base/time/clock.js'
import { BundleOffer } from '../../src/fleet/channel/bundle-offer.js'
import type { Wanted } from '../../src/fleet/channel/wire.js'
import { AcceptedBundles } from '../../src/sources/bundle/accepted-bundles.js'
import { decodeHeader } from '../../src/sources/bundle/manifest.js'
import { createUser } from '@nats-io/nkeys'
import { Inventory } from '../../src/fleet/hub/inventory.js'
import { bundle, stranger } from '../daemon/bundle-rig.js'
import {
  channelFile,
  credentialsText,
  hashOf,
  site,
  startChannel,
  wantedOf,
  webServer
} from './channel-rig.js'
import { report } from './reports.js'
import { eventually } from '../daemon/site.js'

t.test('a wanted bundle is put on offer once', async t => {
  const { source, offers } = site(t)
  const octets = await bundle({ serial: 7 })
  let fetched = 0
  const fetch = (): Promise<Uint8Array> => {
    fetched++
    return Promise.resolve(octets)
  }
  t.equal(await offers.offer(wantedOf(7, octets), fetch), true)
  t.equal(hashOf(readFileSync(source.path)), hashOf(octets))
  t.equal(await offers.offer(wantedOf(7, octets), fetch), false)
  t.equal(fetched, 1)
})

t.test('what is not the wanted bundle, or not signed, is never on offer', async t => {
  const { dir, source, offers } = site(t)
  const [good, foreign, expired] = await Promise.all([
    bundle({ serial: 7 }),
    bundle({ serial: 7, keys: [stranger] }),
    bundle({ serial: 7, created: -9, expires: -1 })
  ])
  const offer = (wanted: Wanted, octets: Uint8Array) =>
    offers.offer(wanted, () => Promise.resolve(octets))
  await t.rejects(offer(wantedOf(7, good), foreign), {
    code: 'FLEET_BUNDLE',
    message: /another SHA-256/
  })
  await t.rejects(offer(wantedOf(8, good), good), { message: /the file is bundle 7/ })
  await t.rejects(offer(wantedOf(7, foreign), foreign), { code: 'BUNDLE_UNSIGNED' })
  await t.rejects(offer(wantedOf(7, expired), expired), { code: 'BUNDLE_EXPIRED' })
  t.notOk(existsSync(source.path))
  const store = new AcceptedBundles(source.storeFolder)
  await store.accept(good, decodeHeader(good, '').manifest, undefined, 1)
  await t.rejects(offer(wantedOf(6, good), good), { code: 'FLEET_OLDER' })
  t.equal(await offer(wantedOf(7, good), good), true, 'offered again after it was accepted')
  const blocked = join(dir, 'file')
  writeFileSync(blocked, '')
  const unwritable = new BundleOffer({ ...source, path: join(blocked, 'x') }, systemClock)
  await t.rejects(
    unwritable.offer(wantedOf(7, good), () => Promise.resolve(good)),
    {
      code: 'FLEET_WRITE'
    }
  )
})

t.test('by pull: ETag, a newer bundle, garbage, and a ring without a bundle', async t => {
  const { source } = site(t)
  const { files, statuses, url } = await webServer(t)
  const { lines, state, channel } = startChannel(t, url, source)
  await eventually('the channel', () => lines.some(line => line.includes('REMOTE_STATUS')))
  const first = await bundle({ serial: 7 })
  files.set('7.bundle', first)
  files.set('channel.json', channelFile(wantedOf(7, first)))
  await eventually('the channel', () => state().offered === 7)
  t.match(state(), { wanted: { serial: 7 }, dropped: 0, connected: false })
  await eventually('the channel', () => statuses.includes(304))
  const second = await bundle({ serial: 8 })
  files.set('8.bundle', second)
  files.set('channel.json', channelFile(wantedOf(8, second)))
  await eventually('the channel', () => state().offered === 8)
  t.equal(hashOf(readFileSync(source.path)), hashOf(second))
  files.set('channel.json', 'garbage')
  await eventually('the channel', () => state().error?.code === 'FLEET_MESSAGE')
  t.ok(state().dropped > 0)
  files.set('channel.json', channelFile(wantedOf(9, second), 'other'))
  await eventually('the channel', () => lines.some(line => line.includes('it has no ring canary')))
  t.equal(state().offered, 8)
  await channel.report(report({}))
  t.equal(state().reports, 0, 'nobody to report to')
})

t.test('a bundle that is missing is fetched again, one that is refused is not', async t => {
  const { source } = site(t)
  const { files, url } = await webServer(t)
  const { state } = startChannel(t, url, source)
  const octets = await bundle({ serial: 7 })
  files.set('channel.json', channelFile(wantedOf(7, octets)))
  await eventually('the channel', () => state().error?.code === 'FLEET_BUNDLE')
  files.set('7.bundle', octets)
  await eventually('the channel', () => state().offered === 7)
  const foreign = await bundle({ serial: 8, keys: [stranger] })
  files.set('8.bundle', foreign)
  files.set('channel.json', channelFile(wantedOf(8, foreign)))
  await eventually('the channel', () => state().error?.code === 'BUNDLE_UNSIGNED')
  t.equal(state().offered, 7)
})

t.test('an unreadable CA file', async t => {
  const { source } = site(t)
  mkdirSync(join(source.storeFolder), { recursive: true })
  const { state } = startChannel(t, 'https://127.0.0.1:1/channel.json', source, { caFile: '/x' })
  await eventually('the channel', () => state().error?.code === 'FLEET_PULL')
})

t.test('reports by HTTPS are signed; one that fails is logged once', async t => {
  const { dir, source } = site(t)
  const inventory = new Inventory(systemClock)
  const user = createUser()
  inventory.add('gw', user.getPublicKey())
  let status = 500
  let answer: (() => void) | undefined
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      if (status === 200) t.equal(inventory.onReport(Buffer.concat(pieces), 'https'), undefined)
      const end = (): unknown => response.writeHead(status).end('{}')
      if (answer === undefined) end()
      else answer = end
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const credentials = join(dir, 'fleet.creds')
  const url = `http://127.0.0.1:${port}/v1/reports`
  const reports = { url, credentials, caFile: undefined }
  const { channel, state, lines } = startChannel(t, `${url}/x`, source, { interval: 1e6 }, reports)
  await channel.report(report({ number: 1 }))
  t.match(lines.at(-1), /FLEET_CREDENTIALS/)
  const seed = Buffer.from(user.getSeed()).toString()
  writeFileSync(credentials, credentialsText(seed))
  await channel.report(report({ number: 1 }))
  await channel.report(report({ number: 1 }))
  t.equal(lines.filter(line => line.includes('FLEET_REPORT')).length, 1)
  t.equal(state().reports, 0)
  status = 200
  answer = () => undefined
  const slow = channel.report(report({ number: 2 }))
  await eventually('the report', () => inventory.accepted === 1)
  await channel.report(report({ number: 3 }))
  t.equal(inventory.accepted, 1, 'one at a time')
  answer()
  await slow
  t.equal(state().reports, 1)
  t.match(inventory.all, [{ name: 'gw', by: 'https', report: { number: 2 } }])
})

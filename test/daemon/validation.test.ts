import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { serveWorld } from '../dnssec/name-server.js'
import { World } from '../dnssec/world.js'
import { askUdp } from './dns-client.js'
import { serving, type MemoryLog } from './serve.js'
import { eventually } from './site.js'

const rules = (mode: string) => `networks:
  office: { prefixes: [127.0.0.0/8], dnssec: ${mode} }
`

const NAMES = Array.from({ length: 12 }, (_, i) => `host-${i}.example`)
const FAILS = 'answer fails DNSSEC validation'

/** Asks for one name after the other until one has failed: on a busy machine the upstream may answer a chain too late. */
async function failing(
  t: Test,
  at: Endpoint,
  log: MemoryLog
): Promise<{ name: string; asked: number }> {
  for (const [i, name] of NAMES.entries()) {
    const { answers, rcode } = await askUdp(at, name)
    t.match(answers, [/192\.0\.2\.1$/])
    t.equal(rcode, 'NOERROR')
    for (let left = 200; left > 0; left--) {
      const [line] = log.with(FAILS)
      if (line !== undefined) return { name: String(line.fields.name), asked: i + 1 }
      await sleep(100)
    }
  }
  throw new Error('no answer has failed')
}

async function gateway(t: Parameters<typeof serving>[0], mode: string) {
  const world = new World()
  const zone = world.zone('example')
  for (const name of NAMES) zone.a(name)
  const port = await serveWorld(t, world)
  const upstream = { address: '127.0.0.1', port }
  const files = { 'rules/networks.yaml': rules(mode) }
  // No query by TCP: the upstream has none.
  const upstreams = 'timeout: 4s, give-up: 4s, cookies: false'
  const rig = await serving(t, { upstream, upstreams, files, reloads: true })
  const { at, log, site, threads } = rig
  return { at, log, site, threads, rig, world }
}

t.test('observe: the answer stays as it is; the verdict is counted and logged', async t => {
  const { at, log, rig, world } = await gateway(t, 'observe')
  // Signed, but by no key of the root that is trusted.
  const { name, asked } = await failing(t, at, log)
  const { fields } = await log.says(FAILS)
  t.match(fields, { network: 'office', type: 'A', verdict: 'bogus', ede: 9 })
  t.match(fields.reason, 'no DNSKEY of . matches the trust anchor (key 20326, 38696)')
  const counts = async () => (await rig.gateway.status()).validation?.networks.office
  const sum = async (): Promise<number> =>
    Object.values((await counts()) ?? {}).reduce((total, count) => total + count, 0)
  await eventually('a verdict of each answer', async () => (await sum()) === asked)
  const { validation } = await rig.gateway.status()
  t.ok((await counts())!.bogus > 0)
  t.ok(validation?.failures.some(one => one.network === 'office' && one.name === name))
  t.equal(validation?.dropped, 0)
  t.ok(world.queries.includes('. 48'), 'queries of its own')
  const observed = () => rig.site.records().filter(({ verdict }) => verdict === 'observed')
  const sumOf = (key: string) => observed().reduce((all, record) => all + Number(record[key]), 0)
  await eventually('a record of each failure', () => sumOf('validated') === asked)
  t.equal(sumOf('answers'), asked)
  const failed = observed().find(({ qname }) => qname === name)
  t.match(failed, {
    ...{ client: '127.0.0.1', network: 'office', qtype: 'A', rcode: 'NOERROR' },
    ...{ ede: 9, dnssec: 'bogus', dnssecReason: fields.reason }
  })
  await askUdp(at, name)
  t.equal(await sum(), asked, 'not for cache hits')
})

t.test('off: no thread, no query, nothing in the status; a change of rules is enough', async t => {
  const { at, log, rig, world, site, threads } = await gateway(t, 'off')
  await askUdp(at, NAMES.at(-1)!)
  t.equal((await rig.gateway.status()).validation, null)
  t.notOk(world.queries.includes('. 48'))
  t.equal(threads.of('validation').length, 0)
  site.write('rules/networks.yaml', rules('observe'))
  await rig.generation(2)
  await eventually('the thread', () => threads.of('validation').length === 1)
  const { name } = await failing(t, at, log)
  await threads.kill('validation')
  await log.says('validation thread died; restarting it')
  await eventually('the next thread', () => threads.of('validation').length === 1)
  t.match((await askUdp(at, name)).answers, [/192\.0\.2\.1$/])
  site.write('rules/networks.yaml', rules('off'))
  await rig.generation(3)
  await eventually('its end', () => threads.of('validation').length === 0)
})

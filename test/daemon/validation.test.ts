import t from 'tap'
import { serveWorld } from '../dnssec/name-server.js'
import { World } from '../dnssec/world.js'
import { askUdp } from './dns-client.js'
import { serving } from './serve.js'
import { eventually } from './site.js'

const rules = (mode: string) => `networks:
  office: { prefixes: [127.0.0.0/8], dnssec: ${mode} }
`

async function gateway(t: Parameters<typeof serving>[0], mode: string) {
  const world = new World()
  world.zone('example').a('www.example').a('other.example')
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
  const { answers, rcode } = await askUdp(at, 'www.example')
  t.match(answers, [/192\.0\.2\.1$/])
  t.equal(rcode, 'NOERROR')
  const { fields } = await log.says('answer fails DNSSEC validation')
  t.match(fields, { network: 'office', name: 'www.example', type: 'A', verdict: 'bogus', ede: 9 })
  t.match(fields.reason, 'no DNSKEY of . matches the trust anchor (key 20326, 38696)')
  await eventually('the count', async () => {
    const { validation } = await rig.gateway.status()
    return validation?.networks.office?.bogus === 1
  })
  const { validation } = await rig.gateway.status()
  t.match(validation, { failures: [{ network: 'office', name: 'www.example' }], dropped: 0 })
  t.ok(world.queries.includes('. 48'), 'queries of its own')
  await askUdp(at, 'www.example')
  t.equal((await rig.gateway.status()).validation?.networks.office?.bogus, 1, 'not for cache hits')
})

t.test('off: no thread, no query, nothing in the status; a change of rules is enough', async t => {
  const { at, log, rig, world, site, threads } = await gateway(t, 'off')
  await askUdp(at, 'www.example')
  t.equal((await rig.gateway.status()).validation, null)
  t.notOk(world.queries.includes('. 48'))
  t.equal(threads.of('validation').length, 0)
  site.write('rules/networks.yaml', rules('observe'))
  await rig.generation(2)
  await eventually('the thread', () => threads.of('validation').length === 1)
  await askUdp(at, 'other.example')
  await log.says('answer fails DNSSEC validation')
  await threads.kill('validation')
  await log.says('validation thread died; restarting it')
  await eventually('the next thread', () => threads.of('validation').length === 1)
  t.match((await askUdp(at, 'other.example')).answers, [/192\.0\.2\.1$/])
  site.write('rules/networks.yaml', rules('off'))
  await rig.generation(3)
  await eventually('its end', () => threads.of('validation').length === 0)
})

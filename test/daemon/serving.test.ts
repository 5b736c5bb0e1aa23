import { existsSync } from 'node:fs'
import t from 'tap'
import { chooseTransport } from '../../src/wire/sockets/transport.js'
import { askMany, askTcp, askUdp } from './dns-client.js'
import { kinds, Rig, serving } from './serve.js'
import { banning, eventually } from './site.js'

for (const transport of kinds) {
  t.test(`${transport}: answers over UDP and TCP, over IPv4 and IPv6`, async t => {
    const listen = ['127.0.0.1:0', '[::1]:0', '127.0.0.2:0']
    const { gateway, site } = await serving(t, { transport, listen, ownThreads: true })
    t.strictSame(
      gateway.endpoints.map(({ address }) => address),
      ['127.0.0.1', '::1', '127.0.0.2']
    )
    for (const at of gateway.endpoints) {
      t.not(at.port, 0, `${at.address}: the port is settled`)
      t.match(await askUdp(at, 'www.banned.example'), { rcode: 'NXDOMAIN', ede: 15 }, at.address)
      t.match(await askTcp(at, 'www.banned.example'), { rcode: 'NXDOMAIN', ede: 15 }, at.address)
    }
    await gateway.stop()
    const clients = new Set(
      site.records().map(({ client, protocol }) => [client, protocol].join(' '))
    )
    t.strictSame([...clients].sort(), ['127.0.0.1 tcp', '127.0.0.1 udp', '::1 tcp', '::1 udp'])
  })

  t.test(`${transport}: a wildcard listener answers from the address that was queried`, async t => {
    const { gateway } = await serving(t, { transport, listen: ['0.0.0.0:0'] })
    const { port } = gateway.endpoints[0]!
    // The portable transport has the addresses of the interfaces, and 127.0.0.2 is none.
    const addresses = transport === 'batch' ? ['127.0.0.1', '127.0.0.2'] : ['127.0.0.1']
    for (const address of addresses) {
      t.match(await askUdp({ address, port }, 'banned.example'), { from: address, ede: 15 })
    }
  })

  t.test(`${transport}: as many workers as the transport allows`, async t => {
    const { gateway, threads, at } = await serving(t, { transport, workers: 3 })
    const count = chooseTransport(transport).transport.sharesPorts ? 3 : 1
    t.equal(gateway.workers, count)
    t.equal(threads.of('worker').length, count)
    const replies = await askMany(at, 'banned.example', 48)
    t.ok(
      replies.every(({ rcode }) => rcode === 'NXDOMAIN'),
      'all of them answer, and alike'
    )
  })
}

t.test(
  'the compiler thread ends once the gateway serves, and is restarted for a reload',
  async t => {
    const rig = await serving(t, { ownThreads: true })
    await eventually('no compiler', () => rig.threads.of('compiler').length === 0)
    rig.site.write('rules/networks.yaml', banning('other.example'))
    await rig.generation(2)
    t.equal((await askUdp(rig.at, 'other.example')).rcode, 'NXDOMAIN')
  }
)

t.test('a failed start starts no recorder and opens no query log', async t => {
  const rig = new Rig(t, { files: { 'rules/networks.yaml': banning('..') } })
  t.not((await rig.gateway.start()).length, 0)
  t.equal(rig.threads.of('recorder').length, 0)
  t.notOk(existsSync(rig.site.path('queries.jsonl')))
})

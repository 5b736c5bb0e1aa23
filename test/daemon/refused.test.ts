import { createSocket } from 'node:dgram'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Transport } from '../../src/wire/sockets/datagram.js'
import { freePort, isFree } from '../udp/free-port.js'
import { askUdp } from './dns-client.js'
import { kinds, Rig, serving } from './serve.js'
import { banning } from './site.js'

/** Takes a port of 127.0.0.1 as another program would; whether for UDP or TCP. */
async function taken(t: Test, protocol: 'UDP' | 'TCP'): Promise<number> {
  if (protocol === 'UDP') {
    const socket = createSocket('udp4')
    await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
    t.teardown(() => socket.close())
    return socket.address().port
  }
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

for (const transport of kinds) {
  for (const protocol of ['UDP', 'TCP'] as const) {
    t.test(`${transport}: a ${protocol} port in use by another program`, async t => {
      const port = await taken(t, protocol)
      const rig = new Rig(t, { transport, listen: ['127.0.0.1:0', `127.0.0.1:${port}`] })
      const troubles = await rig.gateway.start()
      t.match(troubles, [{ code: 'SOCKET_BIND', message: `127.0.0.1:${port}` }])
      // Another program may have the same port of another address: it is named as well.
      if (process.platform === 'linux') t.match(troubles, [{ message: `(process ${process.pid})` }])
      t.equal(troubles.length, 1)
      t.strictSame(rig.log.lines, [], 'and nothing else is said')
    })
  }

  t.test(`${transport}: a port in use by another Interdict`, async t => {
    const first = await serving(t, { transport })
    const { port } = first.at
    for (const second of kinds) {
      const rig = new Rig(t, { transport: second, listen: [`127.0.0.1:${port}`] })
      t.match(await rig.gateway.start(), [{ code: 'SOCKET_BIND' }], `${second} beside it`)
    }
    t.equal((await askUdp(first.at, 'banned.example')).rcode, 'NXDOMAIN', 'the first goes on')
    await first.gateway.stop()
    t.ok(await isFree(port), 'and leaves nothing behind')
    const third = await serving(t, { transport, listen: [`127.0.0.1:${port}`] })
    t.equal((await askUdp(third.at, 'banned.example')).rcode, 'NXDOMAIN', 'the next one has it')
  })

  t.test(`${transport}: two that start at the same time: one gets the port`, async t => {
    const address = '127.33.44.66'
    const listen = [`${address}:${await freePort(address)}`]
    let probes = 0
    // So that neither binds before the other has probed, unless it is made to wait for its turn.
    const change = (real: Transport): Transport => ({
      ...real,
      probe: async endpoint => {
        await real.probe(endpoint)
        probes++
        for (let i = 0; i < 50 && probes < 2; i++) await sleep(10)
      }
    })
    const rigs = [1, 2].map(() => new Rig(t, { transport, listen, change }))
    const found = await Promise.all(rigs.map(({ gateway }) => gateway.start()))
    const codes = found.map(troubles => troubles.map(({ code }) => code).join())
    t.strictSame(codes.sort(), ['', 'SOCKET_BIND'])
  })

  t.test(`${transport}: every address that is not available is reported`, async t => {
    const listen = ['192.0.2.1:5353', '[2001:db8::1]:5353']
    const rig = new Rig(t, { transport, listen })
    t.match(await rig.gateway.start(), [
      { code: 'SOCKET_BIND', message: /192\.0\.2\.1:5353/ },
      { code: 'SOCKET_BIND', message: /\[2001:db8::1\]:5353/ }
    ])
  })
}

t.test('invalid rules: all errors are reported, and no socket is ever opened', async t => {
  const port = await taken(t, 'UDP')
  const files = {
    'rules/networks.yaml': banning('no name').replace('Nobody', '[]'),
    'rules/apps/x.yaml': 'app: y\n'
  }
  // With a good file this port would be an error: nobody gets as far as that.
  const rig = new Rig(t, { files, listen: [`127.0.0.1:${port}`] })
  const troubles = await rig.gateway.start()
  t.ok(troubles.length >= 3, 'several errors')
  t.ok(troubles.every(({ message }) => /(networks|x)\.yaml:\d+:\d+: /.test(message)))
  t.notOk(troubles.some(({ code }) => code === 'SOCKET_BIND'))
})

t.test('a worker that dies at the start prevents it', async t => {
  const rig = new Rig(t)
  const starting = rig.gateway.start()
  await rig.threads.kill('worker')
  t.match(await starting, [{ code: 'FAULT' }])
})

t.test('no rules folder at all', async t => {
  const rig = new Rig(t, { files: {} })
  t.match(await rig.gateway.start(), [{ code: 'RULES_UNREADABLE', message: /networks\.yaml:1:1/ }])
})

t.test('rule files that keep changing', async t => {
  const rig = new Rig(t)
  let i = 0
  const writer = setInterval(() => {
    rig.site.write('rules/networks.yaml', banning(`n${++i}.example`))
  }, 1)
  const troubles = await rig.gateway.start()
  clearInterval(writer)
  t.match(troubles, [{ code: 'GATEWAY_RESTLESS' }])
})

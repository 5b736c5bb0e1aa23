import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { drawListenPort, findFreeEndpoint } from '../../src/gateway/control/free-endpoint.js'
import { portableTransport } from '../../src/wire/sockets/portable/portable.js'
import { SourcePorts } from '../../src/wire/sockets/source-ports.js'
import { freePort } from '../udp/free-port.js'

/** Other systems have no abstract sockets, and do not need the lock without SO_REUSEPORT. */
const onLinux = { skip: process.platform === 'linux' ? false : 'this is not Linux' }

t.test(
  'two gateways that choose the same port at the same time do not share it',
  onLinux,
  async t => {
    const [same, other] = [await freePort(), await freePort()]
    const wanted = { address: '127.0.0.1', port: 0 }
    // Neither has bound the port yet, so both would find it free.
    const transport = { probe: () => Promise.resolve() }
    const first = await findFreeEndpoint(transport, wanted, () => same)
    const ports = [same, other]
    const second = await findFreeEndpoint(transport, wanted, () => ports.shift()!)
    t.strictSame([first.endpoint.port, second.endpoint.port], [same, other])
    first.lock!.release()
    second.lock!.release()
    const third = await findFreeEndpoint(transport, wanted, () => same)
    t.equal(third.endpoint.port, same, 'after the bind others may look')
    third.lock!.release()
  }
)

t.test('a port of the settings is not locked here', async t => {
  const port = await freePort()
  const transport = { probe: () => Promise.resolve() }
  t.match(await findFreeEndpoint(transport, { address: '127.0.0.1', port }), {
    endpoint: { port },
    lock: undefined
  })
})

t.test('a listener for encrypted DNS needs its port for TCP only', onLinux, async t => {
  const transport = portableTransport()
  const other = createSocket('udp4').bind(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const endpoint = { address: '127.0.0.1', port: other.address().port }
  t.match(await findFreeEndpoint(transport, { ...endpoint, certificates: [] }), { endpoint })
  await t.rejects(findFreeEndpoint(transport, endpoint), {
    code: 'SOCKET_BIND',
    message: new RegExp(`in use by .*process ${process.pid}`)
  })
})

t.test('port 0 is a port that no query leaves from', t => {
  for (let i = 0; i < 100; i++) {
    const port = drawListenPort()
    t.ok(port >= 10_240 && port <= 32_767, `${port}: clients are given others`)
    t.equal(new SourcePorts([[port, port]], []).count, 0, `${port}: nor do queries`)
  }
  t.end()
})

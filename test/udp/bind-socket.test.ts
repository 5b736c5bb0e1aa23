import t from 'tap'
import { defaultSourcePorts } from '../../src/wire/sockets/source-ports.js'
import { bindUdp, bindRandomPort, listenTcp } from '../../src/wire/sockets/batch/bind-socket.js'
import * as linux from '../../src/base/system/linux.js'

const system = linux.loadSystem()
if (typeof system === 'string') t.plan(0, 'no batch sockets here')
else tests(system)

/** RFC 9715 §3.1, R1 and R2. */
function tests(system: linux.System): void {
  const options: string[] = []
  const spy: linux.System = {
    ...system,
    setsockopt(fd, level, option, value, length) {
      options.push([level, option, value.length === 4 ? value.readInt32LE() : ''].join())
      return system.setsockopt(fd, level, option, value, length)
    }
  }
  const v4 = [linux.IPPROTO_IP, linux.IP_MTU_DISCOVER, linux.PMTUDISC_PROBE].join()
  const v6 = [linux.IPPROTO_IPV6, linux.IPV6_MTU_DISCOVER, linux.PMTUDISC_PROBE].join()
  const ports = defaultSourcePorts()
  const cases = [
    {
      it: 'over IPv4',
      open: () => bindUdp(spy, { address: '127.0.0.1', port: 0 }),
      wants: v4
    },
    { it: 'over IPv6', open: () => bindUdp(spy, { address: '::1', port: 0 }), wants: v6 },
    { it: 'to upstreams over IPv4', open: () => bindRandomPort(spy, 4, ports, true), wants: v4 },
    { it: 'to upstreams over IPv6', open: () => bindRandomPort(spy, 6, ports, true), wants: v6 }
  ]
  for (const { it, open, wants } of cases) {
    t.test(`datagrams ${it} are never fragmented`, async t => {
      options.length = 0
      system.close(open().fd)
      t.ok(options.includes(wants), options.join(' '))
    })
  }

  t.test('TCP keeps path MTU discovery', async t => {
    options.length = 0
    system.close(listenTcp(spy, { address: '127.0.0.1', port: 0 }).fd)
    t.notOk(options.includes(v4))
  })
}

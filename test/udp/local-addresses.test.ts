import { networkInterfaces } from 'node:os'
import t from 'tap'
import { loadSystem } from '../../src/base/system/linux.js'
import { localAddresses, type LocalAddress } from '../../src/wire/sockets/local-addresses.js'

const denied = (): never => {
  throw new Error('uv_interface_addresses returned Unknown system error 97')
}
const sorted = (addresses: readonly LocalAddress[]) =>
  addresses.map(one => `${one.address}%${one.interface}`).sort()

t.test('without netlink it finds what Node finds', async t => {
  const isAvailable = typeof loadSystem() !== 'string'
  if (!isAvailable) {
    t.throws(() => localAddresses(denied), /error 97/)
    return
  }
  const found = sorted(localAddresses(denied))
  t.ok(found.includes('127.0.0.1%lo'))
  // Node lists interfaces that are up and have a carrier.
  t.strictSame(
    sorted(localAddresses()).filter(address => !found.includes(address)),
    []
  )
})

t.test('interfaces without addresses are left out', async t => {
  const list = (): ReturnType<typeof networkInterfaces> => ({ eth0: undefined })
  t.strictSame(localAddresses(list), [])
})

import t from 'tap'
import {
  decodeSockaddr,
  encodeSockaddr,
  isWildcard
} from '../../src/wire/sockets/batch/sockaddr.js'

const system = { ifNameToIndex: (name: string) => (name === 'eth0' ? 7 : 0) }

const cases = [
  {
    address: '192.0.2.1',
    port: 53,
    octets: '0200 0035 c0000201 0000000000000000',
    wildcard: false
  },
  { address: '0.0.0.0', port: 0, octets: '0200 0000 00000000 0000000000000000', wildcard: true },
  {
    address: '2001:db8::35',
    port: 65_535,
    octets: '0a00 ffff 00000000 20010db8000000000000000000000035 00000000',
    wildcard: false
  },
  {
    address: '::',
    port: 53,
    octets: '0a00 0035 00000000 00000000000000000000000000000000 00000000',
    wildcard: true
  }
] as const

for (const { address, port, octets, wildcard } of cases) {
  t.test(`${address} port ${port}`, async t => {
    const name = encodeSockaddr({ address, port }, system)
    t.equal(name.toString('hex'), octets.replaceAll(' ', ''))
    t.strictSame(decodeSockaddr(name), { address, port })
    t.equal(isWildcard(name), wildcard)
  })
}

const zones = [
  { zone: 'eth0', scope: 7 },
  { zone: '3', scope: 3 },
  { zone: 'gone', scope: 0 }
] as const
for (const { zone, scope } of zones) {
  t.test(`the zone ${zone} is interface ${scope}`, async t => {
    const name = encodeSockaddr({ address: `fe80::1%${zone}`, port: 53 }, system)
    t.equal(name.readUInt32LE(24), scope)
    t.equal(name.length, 28)
  })
}

for (const address of ['', 'localhost', '10.1', '256.0.0.1']) {
  t.test(`refuses '${address}'`, async t =>
    t.throws(() => encodeSockaddr({ address, port: 53 }, system), { code: 'ADDRESS_INVALID' })
  )
}

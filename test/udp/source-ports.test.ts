import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import {
  readPortRange,
  readReservedPorts,
  SourcePorts
} from '../../src/wire/sockets/source-ports.js'

const drawn = (ports: SourcePorts, count: number): number[] =>
  Array.from({ length: count }, () => ports.draw())

t.test('reads reserved ports as the kernel lists them', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-ports-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const read = (text: string): unknown => {
    writeFileSync(join(folder, 'ports'), text)
    return readReservedPorts(join(folder, 'ports'))
  }
  t.strictSame(read('\n'), [])
  t.strictSame(read('51820\n'), [[51_820, 51_820]])
  t.strictSame(read('5353,8000-8100,51820\n'), [
    [5353, 5353],
    [8000, 8100],
    [51_820, 51_820]
  ])
  t.strictSame(readReservedPorts(join(folder, 'missing')), [])
})

t.test('draws ports above the system ports, none twice in a row', async t => {
  const ports = drawn(new SourcePorts(), 1000)
  t.ok(ports.every(port => port >= 1024 && port <= 65_535))
  // 1,000 of 59,000: eight pairs of equal ones on average, forty never.
  t.ok(new Set(ports).size > 960)
})

t.test('draws no port that IANA has assigned, nor that of WireGuard', async t => {
  // OpenVPN, L2TP, RADIUS, GTP, IPsec, VXLAN, mDNS, WireGuard: each range has no other port.
  for (const port of [1194, 1701, 1812, 1813, 2123, 2152, 4500, 4789, 5353, 51_820]) {
    t.equal(new SourcePorts([[port, port]], []).count, 0, String(port))
  }
  const { count } = new SourcePorts(undefined, [])
  t.ok(count > 58_000 && count < 60_000, `${count} ports are left`)
})

t.test('draws every port of its ranges that is not reserved, and no other', async t => {
  const ports = new SourcePorts(
    [
      [50_000, 50_009],
      [60_000, 60_001]
    ],
    [[50_002, 50_007]]
  )
  t.strictSame(
    [...new Set(drawn(ports, 1000))].toSorted((a, b) => a - b),
    [50_000, 50_001, 50_008, 50_009, 60_000, 60_001]
  )
})

t.test('ignores reserved ports that leave nothing', async t => {
  t.equal(new SourcePorts([[50_000, 50_009]], [[1024, 65_535]]).count, 10)
})

t.test('reads ranges of the settings', async t => {
  t.strictSame(readPortRange('1024-65535'), [1024, 65_535])
  t.strictSame(readPortRange('50000-50000'), [50_000, 50_000])
  for (const text of ['', '50000', '1023-65535', '1024-65536', '2000-1999', '1024-', '-5', 'a-b'])
    t.equal(readPortRange(text), undefined, text)
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { randomPort, readReservedPorts } from '../../src/wire/sockets/port.js'

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
  const ports = Array.from({ length: 1000 }, () => randomPort())
  t.ok(ports.every(port => port >= 1024 && port <= 65_535))
  // 1,000 of 64,512: eight pairs of equal ones on average, forty never.
  t.ok(new Set(ports).size > 960)
})

import t from 'tap'
import { addressWords, readAddress } from '../../../src/base/values/address.js'
import { seeded } from '../../../src/base/values/seeded.js'
import {
  allocateDeviceTable,
  clientKey,
  DeviceTableReader,
  DeviceTableWriter
} from '../../../src/policy/bindings/device-table.js'

const words = (text: string): Uint32Array => addressWords(readAddress(text))
const text = Buffer.from('laptop')
const entry = { client: clientKey('phones'), text, from: 1000, until: 2000 }

function table(addresses = 100) {
  const memory = allocateDeviceTable(addresses)
  const writer = new DeviceTableWriter(memory)
  writer.trustUntil(10_000)
  return { writer, reader: new DeviceTableReader(memory) }
}

t.test('finds a device while it is certain, and nobody before and afterwards', t => {
  const { writer, reader } = table()
  const address = words('10.20.3.4')
  t.ok(writer.set(address, entry))
  t.ok(reader.find(address, 0, 1500))
  t.strictSame([reader.clientLow, reader.clientHigh], clientKey('phones'))
  t.equal(Buffer.from(reader.text).toString(), 'laptop')
  t.notOk(reader.find(address, 0, 999))
  t.notOk(reader.find(address, 0, 2000))
  t.notOk(reader.find(words('10.20.3.5'), 0, 1500))
  t.end()
})

t.test('knows nobody when the table is no longer kept up to date', t => {
  const { writer, reader } = table()
  writer.set(words('10.20.3.4'), { ...entry, until: 1e9 })
  t.ok(reader.find(words('10.20.3.4'), 0, 10_000))
  t.notOk(reader.find(words('10.20.3.4'), 0, 10_001))
  writer.trustUntil(0)
  t.notOk(reader.find(words('10.20.3.4'), 0, 1500))
  t.end()
})

t.test('agrees with a map over many changes, also when it is full', t => {
  const { writer, reader } = table(64)
  const random = seeded(7)
  const expected = new Map<number, number>()
  for (let i = 0; i < 20_000; i++) {
    const number = Math.floor(random() * 400)
    const address = Uint32Array.of(0, 0, 0xffff, number)
    if (random() < 0.6) {
      const client = clientKey(`client-${i}`)
      if (writer.set(address, { ...entry, client })) expected.set(number, client[0])
      else if (expected.size < 64) t.fail('refused although there was room')
    } else {
      writer.delete(address)
      expected.delete(number)
    }
    const asked = Math.floor(random() * 400)
    const found = reader.find(Uint32Array.of(0, 0, 0xffff, asked), 0, 1500)
    if (found !== expected.has(asked) || (found && reader.clientLow !== expected.get(asked)))
      t.fail(`address ${asked} at change ${i}`)
  }
  t.ok(expected.size > 0)
  t.end()
})

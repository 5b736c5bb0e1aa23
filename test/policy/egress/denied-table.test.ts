import t from 'tap'
import { addressWords, readAddress } from '../../../src/base/values/address.js'
import {
  allocateDeniedTable,
  DeniedTableReader,
  DeniedTableWriter,
  MAX_DENIED
} from '../../../src/policy/egress/denied-table.js'

const words = (text: string): Uint32Array => addressWords(readAddress(text))

t.test('finds what was written last, and nothing else', t => {
  const memory = allocateDeniedTable()
  const [writer, reader] = [new DeniedTableWriter(memory), new DeniedTableReader(memory)]
  const has = (text: string): boolean => reader.has(words(text), 0)
  t.notOk(has('192.0.2.1'), 'before anything is written')
  writer.replace(['192.0.2.1', '2001:db8::1'].map(words))
  t.strictSame(['192.0.2.1', '2001:db8::1', '192.0.2.2'].map(has), [true, true, false])
  writer.replace(['192.0.2.2'].map(words))
  t.strictSame(['192.0.2.1', '2001:db8::1', '192.0.2.2'].map(has), [false, false, true])
  writer.replace([])
  t.notOk(has('192.0.2.2'))
  t.end()
})

t.test('holds as many addresses as it may', t => {
  const memory = allocateDeniedTable()
  const [writer, reader] = [new DeniedTableWriter(memory), new DeniedTableReader(memory)]
  const address = (i: number): Uint32Array => Uint32Array.of(0, 0, 0xffff, 0x0a000000 + i)
  writer.replace(Array.from({ length: MAX_DENIED }, (_, i) => address(2 * i)))
  let wrong = 0
  for (let i = 0; i < 2 * MAX_DENIED; i++) if (reader.has(address(i), 0) !== (i % 2 === 0)) wrong++
  t.equal(wrong, 0)
  t.end()
})

import t from 'tap'
import {
  ListPacker,
  packedValues,
  unpackList,
  type PackedListBuffers
} from '../../src/policy/tables/packed-list.js'

interface Item {
  readonly number: number
  readonly text: string
  readonly none: undefined
}

type Row = readonly [number: number, text: string]

const items = Array.from({ length: 100 }, (_, number): Item => {
  const text = number % 2 === 0 ? `item ${number}` : `Пункт ${number}`
  return { number, text, none: undefined }
})

function packed(some: readonly Item[]): PackedListBuffers {
  const packer = new ListPacker()
  t.strictSame(
    some.map(({ number, text }) => packer.add([number, text])),
    some.map(({ number }) => number)
  )
  return packer.finish()
}

const fromRow = ([number, text]: Row): Item => ({ number, text, none: undefined })

t.test('another thread gets equal objects, and each of them once', async t => {
  const list = structuredClone(packed(items))
  let decoded = 0
  const unpacked = unpackList(list, (row: Row) => {
    decoded++
    return fromRow(row)
  })
  t.equal(unpacked.length, items.length)
  t.strictSame(unpacked.at(99), items[99])
  t.ok(decoded < items.length, 'not all are decoded for one')
  t.strictSame(unpacked.all, items)
  t.equal(unpacked.at(50), unpacked.all[50])
  t.equal(decoded, items.length)
  t.equal(unpackList(list, fromRow), unpacked)
})

t.test('values are read as they were packed, without being kept', t => {
  const rows = items.map(({ number, text }) => [number, text])
  t.strictSame([...packedValues(packed(items))], rows)
  t.strictSame([...packedValues(packed([]))], [])
  t.end()
})

t.test('there is nothing beyond the ends', async t => {
  const some = unpackList(packed(items), fromRow)
  t.strictSame(
    [-1, items.length, 1e6].map(index => some.at(index)),
    [undefined, undefined, undefined]
  )
  const none = unpackList(packed([]), fromRow)
  t.strictSame([none.length, none.at(0), none.all], [0, undefined, []])
})

import t from 'tap'
import { packList, unpackList } from '../../src/policy/tables/packed-list.js'

interface Item {
  readonly number: number
  readonly text: string
  readonly octets: Uint8Array
  readonly none: undefined
}

const items = Array.from({ length: 100 }, (_, number): Item => {
  const text = number % 2 === 0 ? `item ${number}` : `Пункт ${number}`
  return { number, text, octets: Uint8Array.of(number, 1, 2), none: undefined }
})

t.test('another thread gets equal objects, and each of them once', async t => {
  const list = structuredClone(packList(items, ({ text, ...rest }) => ({ ...rest, name: text })))
  let decoded = 0
  const unpacked = unpackList(list, ({ name, ...rest }: Omit<Item, 'text'> & { name: string }) => {
    decoded++
    return { ...rest, text: name }
  })
  t.equal(unpacked.length, items.length)
  t.strictSame(unpacked.at(99), items[99])
  t.ok(decoded < items.length, 'not all are decoded for one')
  t.strictSame(unpacked.all, items)
  t.equal(unpacked.at(50), unpacked.all[50])
  t.equal(decoded, items.length)
  t.equal(
    unpackList(list, (item: Item) => item),
    unpacked
  )
})

t.test('this thread uses the objects themselves', async t => {
  const unpacked = unpackList(
    packList(items, item => item),
    (item: Item) => item
  )
  t.equal(unpacked.at(7), items[7])
  t.equal(unpacked.all.length, items.length)
})

t.test('there is nothing beyond the ends', async t => {
  const some = unpackList(structuredClone(packList(items, item => item)), (item: Item) => item)
  t.strictSame(
    [-1, items.length, 1e6].map(index => some.at(index)),
    [undefined, undefined, undefined]
  )
  const none = unpackList(structuredClone(packList([], item => item)), (item: Item) => item)
  t.strictSame([none.length, none.at(0), none.all], [0, undefined, []])
})

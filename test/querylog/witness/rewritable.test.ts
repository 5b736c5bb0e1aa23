import t from 'tap'
import { longerThan, rewritableTimes } from '../../../src/lookups/witness/rewritable.js'

const line = (n: number, covers: number, at: number) => ({ n, covers, at })

t.test('lookups can be rewritten until a witness confirms a line that covers them', async t => {
  t.strictSame(rewritableTimes([line(2, 10, 11), line(4, 20, 22)], 0), [
    { from: 0, until: 11 },
    { from: 10, until: 22 },
    { from: 20, until: undefined }
  ])
  t.strictSame(rewritableTimes([], 5), [{ from: 5, until: undefined }], 'no witness')
})

t.test('a line is confirmed with any later line', async t => {
  t.strictSame(rewritableTimes([line(4, 20, 22), line(2, 10, 100)], 0), [
    { from: 0, until: 22 },
    { from: 10, until: 22 },
    { from: 20, until: undefined }
  ])
})

t.test('the word of the gateway makes no time shorter', async t => {
  t.strictSame(
    rewritableTimes([line(2, 99, 11), line(4, 20, 22)], 0),
    [
      { from: 0, until: 11 },
      { from: 11, until: 22 },
      { from: 20, until: undefined }
    ],
    'a checkpoint of the future'
  )
  t.strictSame(
    rewritableTimes([line(2, 10, 1000), line(4, 20, 1001)], 0),
    [
      { from: 0, until: 1000 },
      { from: 10, until: 1001 },
      { from: 20, until: undefined }
    ],
    'a month that was stamped later'
  )
  t.strictSame(rewritableTimes([line(3, -Infinity, 10)], 0), [
    { from: 0, until: 10 },
    { from: 0, until: undefined }
  ])
})

t.test('the longest times are joined where they overlap', async t => {
  const times = [
    { from: 0, until: 11 },
    { from: 10, until: 50 },
    { from: 45, until: 80 },
    { from: 79, until: 90 },
    { from: 89, until: undefined }
  ]
  t.strictSame(longerThan(times, 15, 100), [{ from: 10, until: 80 }])
  t.strictSame(
    longerThan(times, 10, 100),
    [
      { from: 0, until: 90 },
      { from: 89, until: undefined }
    ],
    'but not with the one that lasts'
  )
  t.strictSame(longerThan(times, 15, 200), [
    { from: 10, until: 80 },
    { from: 89, until: undefined }
  ])
})

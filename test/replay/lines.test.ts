import t from 'tap'
import { LineSplitter } from '../../src/analysis/replay/lines.js'

const TEXT = 'one\n\ntwo\r\nthree\n\r\nfour'
const LINES = ['one', '', 'two', 'three', '', 'four']

for (const size of [1, 2, 3, 5, 8, 100]) {
  t.test(`cuts the same lines of pieces of ${size} octets, whose memory is used again`, async t => {
    const lines: string[] = []
    const cutter = new LineSplitter((octets, from, to) => {
      lines.push(octets.toString('latin1', from, to))
      t.ok(octets.length >= to + 4, 'with octets after it')
    })
    const piece = Buffer.alloc(size)
    for (let at = 0; at < TEXT.length; at += size) {
      const written = piece.write(TEXT.slice(at, at + size))
      cutter.push(piece.subarray(0, written))
    }
    cutter.end()
    t.strictSame(lines, LINES)
  })
}

import t from 'tap'
import { formatDuration, formatSize } from '../../src/cli/output/format.js'

const sizes = [
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KB'],
  [1536, '1.5 KB'],
  [64 * 1024 ** 2, '64 MB'],
  [2 ** 50, '1024 TB']
] as const
for (const [octets, text] of sizes) {
  t.test(`${octets} bytes are ${text}`, async t => t.equal(formatSize(octets), text))
}

const times = [
  [0, '0 s'],
  [59, '59 s'],
  [60, '1 min'],
  [3_599, '59 min'],
  [19_200, '5 h 20 min'],
  [86_400, '1 d 0 h'],
  [1_047_600, '12 d 3 h']
] as const
for (const [seconds, text] of times) {
  t.test(`${seconds} seconds are ${text}`, async t => t.equal(formatDuration(seconds), text))
}

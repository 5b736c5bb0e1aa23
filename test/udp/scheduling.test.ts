import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import t from 'tap'
import { takeShortSlices } from '../../src/base/system/scheduling.js'

/** Of this thread, in nanoseconds; undefined: the kernel does not show it. */
function slice(): number | undefined {
  try {
    const text = readFileSync('/proc/thread-self/sched', 'latin1')
    const found = /^se\.slice\s*:\s*(\d+)/m.exec(text)
    return found === null ? undefined : Number(found[1])
  } catch {
    return undefined
  }
}

t.test('this thread gets the shortest slices, where the kernel has them', async t => {
  const [major = 0, minor = 0] = release().split('.').map(Number)
  const isSupported = major > 6 || (major === 6 && minor >= 12)
  const before = slice()
  takeShortSlices()
  t.equal(slice(), isSupported && before !== undefined ? 100_000 : before)
})

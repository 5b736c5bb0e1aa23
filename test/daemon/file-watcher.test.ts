import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { FileWatcher } from '../../src/gateway/compiler/file-watcher.js'
import { readWatchState } from '../../src/gateway/compiler/watch-state.js'

/** So long that the poll after it is half a minute away. */
const LONG = 1500

t.test('a change while the state is being read is reported without waiting for a poll', async t => {
  const file = join(t.testdir({ file: 'one' }), 'file')
  const state = await readWatchState([file])
  let [reads, changes] = [0, 0]
  const watcher = new FileWatcher(
    { onActivity: () => undefined, onChange: () => changes++ },
    async paths => {
      const read = await readWatchState(paths)
      if (++reads > 1) return read
      // Read before the change, returned after its event.
      writeFileSync(file, 'another')
      await sleep(LONG)
      return read
    }
  )
  t.teardown(() => watcher.close())
  watcher.watch(state)
  // Well before the next poll.
  for (let i = 0; i < 200 && changes === 0; i++) await sleep(50)
  t.equal(changes, 1)
})

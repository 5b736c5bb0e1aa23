import t from 'tap'
import { RecorderHandle } from '../../src/daemon/querylog/recorder-handle.js'
import type { RecorderInit } from '../../src/daemon/threads/messages.js'
import type { StartThread } from '../../src/daemon/threads/thread.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { eventually } from './site.js'

t.test('each recorder starts with the active snapshot, before it reads the rings', async t => {
  const started: (Snapshot | undefined)[] = []
  let exit = (): void => undefined
  const start: StartThread = (_file, data, handlers) => {
    started.push((data as RecorderInit).snapshot)
    exit = () => handlers.exited(undefined)
    return { send: () => undefined, end: async () => undefined }
  }
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const handle = new RecorderHandle(start, {} as RecorderInit, log)
  const [first, second] = [{} as Snapshot, {} as Snapshot]
  handle.adopt(first)
  handle.start()
  handle.adopt(second)
  exit()
  await eventually('the restart', () => started.length === 2)
  t.equal(started[0], first)
  t.equal(started[1], second)
  await handle.end()
})

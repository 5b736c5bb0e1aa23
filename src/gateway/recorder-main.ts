/** The recorder thread: drains the rings of all workers into the query log. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../base/clock.js'
import { Recorder, SNAPSHOT_HELD } from '../log/recorder.js'
import type { ServiceLog } from '../log/service-log.js'
import { matchedRule } from '../policy/matched-rule.js'
import { tellLog, type FromRecorder, type RecorderStart, type ToRecorder } from './messages.js'
import { Retired } from './retired.js'

const tell = (message: FromRecorder): void => parentPort!.postMessage(message)
const log: ServiceLog = tellLog(tell)
const { upstreams, settings, rings } = workerData as RecorderStart

const recorder = new Recorder({ ...settings, upstreams }, { clock: systemClock, matchedRule, log })
/** The recorder holds what was replaced a while longer. */
const retired = new Retired(SNAPSHOT_HELD + 1000)
for (const ring of rings) recorder.addRing(ring)
recorder.start()

parentPort!.on('message', (message: ToRecorder) => {
  switch (message.kind) {
    case 'adopt':
      recorder.addSnapshot(message.snapshot)
      return retired.replace(message.snapshot)
    case 'reopen':
      return recorder.reopen()
    case 'ask':
      return tell({ kind: 'said', ticket: message.ticket, reply: recorder.status() })
    case 'drain':
      void recorder.drain().then(() => tell({ kind: 'drained' }))
  }
})

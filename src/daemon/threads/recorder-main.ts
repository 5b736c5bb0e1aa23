/** The recorder thread: drains the rings of all workers into the query log. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../base/clock.js'
import { matchedRule } from '../../policy/evaluate/matched-rule.js'
import { Recorder, SNAPSHOT_HELD } from '../../querylog/record/recorder.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { OutletFeed } from '../querylog/outlet-feed.js'
import { Retired } from '../reload/retired.js'
import { tellLog, type FromRecorder, type RecorderStart, type ToRecorder } from './messages.js'

const tell = (message: FromRecorder): void => parentPort!.postMessage(message)
const log: ServiceLog = tellLog(tell)
const { upstreams, settings, outputs, rings } = workerData as RecorderStart
const outlet = outputs.length === 0 ? undefined : new OutletFeed(outputs, log)
const copy = outlet && ((block: Uint8Array, lines: number) => outlet.feed(block, lines))

const recorder = new Recorder(
  { ...settings, upstreams },
  { clock: systemClock, matchedRule, log, copy }
)
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
      return void answer(message.ticket)
    case 'drain':
      void drain()
  }
})

async function answer(ticket: number): Promise<void> {
  const sinks = (await outlet?.status()) ?? []
  tell({ kind: 'said', ticket, reply: { ...recorder.status(), outputs: sinks } })
}

async function drain(): Promise<void> {
  await recorder.drain()
  await outlet?.close()
  tell({ kind: 'drained' })
}

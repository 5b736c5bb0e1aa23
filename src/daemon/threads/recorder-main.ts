/** The recorder thread: drains the rings of all workers into the query log. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../base/clock.js'
import { matchedRule } from '../../policy/evaluate/matched-rule.js'
import { Recorder, SNAPSHOT_RETENTION } from '../../querylog/record/recorder.js'
import type { ServiceLog } from '../../querylog/record/service-log.js'
import { ExportHandle } from '../querylog/export-handle.js'
import { ReplacedSnapshots } from '../reload/replaced-snapshots.js'
import {
  createThreadLog,
  type FromRecorder,
  type RecorderInit,
  type ToRecorder
} from './messages.js'

const tell = (message: FromRecorder): void => parentPort!.postMessage(message)
const log: ServiceLog = createThreadLog(tell)
const { upstreams, settings, outputs, rings } = workerData as RecorderInit
const outlet = outputs.length === 0 ? undefined : new ExportHandle(outputs, log)
const copy = outlet && ((block: Uint8Array, lines: number) => outlet.push(block, lines))

const recorder = new Recorder(
  { ...settings, upstreams },
  { clock: systemClock, findMatchedEntry: matchedRule, log, onBlock: copy }
)
/** The recorder holds what was replaced a while longer. */
const retired = new ReplacedSnapshots(SNAPSHOT_RETENTION + 1000)
for (const ring of rings) recorder.addRing(ring)
recorder.start()

parentPort!.on('message', (message: ToRecorder) => {
  switch (message.kind) {
    case 'adopt':
      recorder.addSnapshot(message.snapshot)
      return retired.setCurrent(message.snapshot)
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

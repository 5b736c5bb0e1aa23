/** The recorder thread: drains the rings of all workers into the query log. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../base/time/clock.js'
import type { OutputConfig } from '../settings/output-config.js'
import { matchedRule } from '../../policy/evaluate/matched-rule.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { Recorder, SNAPSHOT_RETENTION } from '../record/recorder.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { ExportHandle } from './export-handle.js'
import { ReplacedSnapshots } from '../../policy/tables/replaced-snapshots.js'
import { endThread } from '../../base/threads/end-thread.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import type { FromRecorder, RecorderInit, ToRecorder } from './log-messages.js'

const port = parentPort!
const post = (message: FromRecorder): void => port.postMessage(message)
const log: ServiceLog = createThreadLog(post)
const { upstreams, settings, outputs, rings } = workerData as RecorderInit
let exporter: ExportHandle | undefined
configureOutputs(outputs)

const recorder = new Recorder(
  { ...settings, upstreams },
  {
    clock: systemClock,
    findMatchedEntry: matchedRule,
    log,
    onBlock: (block, lines) => exporter?.push(block, lines),
    receivePending
  }
)
/** The recorder itself keeps replaced snapshots for a while, to resolve records in the rings. */
const replaced = new ReplacedSnapshots(SNAPSHOT_RETENTION + 1000)
for (const ring of rings) recorder.addRing(ring)
recorder.start()
port.on('message', onMessage)

function adopt(snapshot: Snapshot): void {
  recorder.addSnapshot(snapshot)
  replaced.setCurrent(snapshot)
}

function configureOutputs(outputs: readonly OutputConfig[]): void {
  if (exporter !== undefined) exporter.configure(outputs)
  else if (outputs.length > 0) exporter = new ExportHandle(outputs, log)
}

/** Other messages are processed afterwards: this is called while an event is written. */
function receivePending(): void {
  for (let next = receive(); next !== undefined; next = receive()) {
    const { message } = next
    if (message.kind === 'adopt') adopt(message.snapshot)
    else if (message.kind === 'upstreams') recorder.setUpstreams(message.labels)
    else setImmediate(onMessage, message)
  }
}

function receive(): { readonly message: ToRecorder } | undefined {
  return receiveMessageOnPort(port)
}

function onMessage(message: ToRecorder): void {
  switch (message.kind) {
    case 'adopt':
      return adopt(message.snapshot)
    case 'upstreams':
      return recorder.setUpstreams(message.labels)
    case 'settings':
      recorder.configure(message.settings)
      return configureOutputs(message.outputs)
    case 'observed':
      return recorder.addObserved(message.event, message.observation)
    case 'reopen':
      return recorder.reopen()
    case 'rotate':
      return recorder.rotate()
    case 'request':
      return void sendStatus(message.id)
    case 'newly blocked': {
      const reply = { names: recorder.reportNewlyBlocked() }
      return post({ kind: 'newly blocked', id: message.id, reply })
    }
    case 'drain':
      return void drain()
    case 'end':
      void end()
  }
}

async function sendStatus(id: number): Promise<void> {
  const outputs = (await exporter?.status()) ?? []
  post({ kind: 'reply', id, reply: { ...recorder.status(), outputs } })
}

async function drain(): Promise<void> {
  await recorder.drain()
  await exporter?.close()
  post({ kind: 'drained' })
}

/** The export thread has sockets that it must close itself. */
async function end(): Promise<void> {
  await exporter?.end()
  endThread()
}

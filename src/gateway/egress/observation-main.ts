/** The observation thread: judges connections of clients, and writes findings beside the query log. */
import { parentPort, workerData } from 'node:worker_threads'
import { endThread } from '../../base/threads/end-thread.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import { systemClock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { FromObservation, ObservationInit, ToObservation } from './observation-messages.js'
import { ObservationService } from './observation-service.js'

const TICK: Milliseconds = 500

const post = (message: FromObservation): void => parentPort!.postMessage(message)
const service = new ObservationService(
  workerData as ObservationInit,
  systemClock,
  createThreadLog(post)
)

parentPort!.on('message', (message: ToObservation) => {
  if (message.kind === 'answers') return service.addAnswers(message.batch)
  if (message.kind === 'rules') return service.setRules(message.snapshot)
  if (message.kind === 'targets') return service.setTargets(message.targets)
  service.close()
  endThread()
})
service.start()
setInterval(() => {
  service.tick()
  post({ kind: 'state', state: service.state })
}, TICK)

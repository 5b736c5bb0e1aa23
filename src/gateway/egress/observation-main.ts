/**
 * The observation thread: judges connections of clients, writes findings beside the query log, and keeps the addresses of banned
 * names, which the egress helper denies.
 */
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
  createThreadLog(post),
  (worker, ids) => post({ kind: 'release', worker, ids })
)

parentPort!.on('message', (message: ToObservation) => {
  if (message.kind === 'answers') return service.addAnswers(message.batch)
  if (message.kind === 'rules') return service.setRules(message.rules)
  if (message.kind === 'sighted') return service.onSighted(message.seen, message.blocked)
  if (message.kind === 'held') return service.keeper.held(message.worker, message.reply)
  if (message.kind === 'fetch')
    return post({ kind: 'fetched', id: message.id, result: service.fetch(message.request) })
  if (message.kind === 'overdue') return service.keeper.onOverdue(message.count)
  service.close()
  endThread()
})
service.start()
setInterval(() => {
  service.tick()
  post({ kind: 'state', state: service.state })
}, TICK)

/** The bindings thread: follows the feeds, keeps their history, and writes the devices behind addresses for the workers. */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../base/time/clock.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import { endThread } from '../../base/threads/end-thread.js'
import type { Milliseconds } from '../../base/units.js'
import { BindingsService } from './bindings-service.js'
import type { BindingsInit, FromBindings, ToBindings } from './binding-messages.js'

/** How often feeds are polled: a change is in force well within a second. */
const TICK: Milliseconds = 200
const STATE_INTERVAL: Milliseconds = 1000

const post = (message: FromBindings): void => parentPort!.postMessage(message)
const service = new BindingsService(workerData as BindingsInit, systemClock, createThreadLog(post))

parentPort!.on('message', (message: ToBindings) => {
  if (message.kind === 'rules') return service.setRules(message.clients)
  if (message.kind === 'push') {
    const { id, pushed } = message
    return post({ kind: 'pushed', id, result: service.push(pushed) })
  }
  service.close()
  endThread()
})
service.start()
setInterval(() => service.tick(), TICK)
setInterval(() => post({ kind: 'state', state: service.state }), STATE_INTERVAL)

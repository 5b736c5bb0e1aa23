/** A transfer thread: asks the primaries of one zone, tells what came of it, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { updateZone } from '../../sources/axfr/update-zone.js'
import { ZoneCopies } from '../../sources/axfr/zone-copies.js'
import type { TransferInit } from './messages.js'

const { job, folder, maxSize, maxTime } = workerData as TransferInit
const copies = new ZoneCopies(folder)
void updateZone(job, { copies, maxSize, maxTime, now: Date.now }).then(outcome => {
  parentPort!.postMessage(outcome)
})

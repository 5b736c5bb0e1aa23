/** A transfer thread: refreshes one zone from its primaries, posts the result, and exits. */
import { parentPort, workerData } from 'node:worker_threads'
import { updateZone } from '../axfr/update-zone.js'
import { ZoneCopies } from '../axfr/zone-copies.js'
import type { TransferInit } from './refresh-messages.js'

const { job, copiesFolder, maxSize, maxTime } = workerData as TransferInit
const copies = new ZoneCopies(copiesFolder)
void updateZone(job, { copies, maxSize, maxTime, now: Date.now }).then(result => {
  parentPort!.postMessage(result)
})

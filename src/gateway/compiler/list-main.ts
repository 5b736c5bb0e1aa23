/** A list thread: reads and checks one list, posts the result, and exits. */
import { parentPort, workerData } from 'node:worker_threads'
import { runListJob, type ListInit } from './list-job.js'
import { yieldToWorkers } from './yield-to-workers.js'

yieldToWorkers()
void runListJob(workerData as ListInit).then(result => {
  const memory = result.content?.sources.map(({ names }) => names.octets.buffer) ?? []
  parentPort!.postMessage(result, memory)
})

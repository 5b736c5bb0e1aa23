/** The validation thread: validates a sample of answers by DNSSEC, after the clients have them. */
import { parentPort, workerData } from 'node:worker_threads'
import { cpuTime } from '../../base/system/cpu-time.js'
import { endOnRequest } from '../../base/threads/end-thread.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import { systemClock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { TrustAnchors } from '../../resolver/validation/trust-anchors.js'
import { Validator } from '../../resolver/validation/validator.js'
import { yieldToWorkers } from '../compiler/yield-to-workers.js'
import type { Config } from '../config/config.js'
import { openChainSource } from '../upstreams/own-chain-source.js'
import { SampleValidator } from './sample-validator.js'
import type { FromValidation, ToValidation, ValidationInit } from './validation-messages.js'

/** How often the state is sent, at most. */
const REPORT_DELAY: Milliseconds = 250

const post = (message: FromValidation): void => parentPort!.postMessage(message)
const { config } = workerData as ValidationInit
let current = create(config)
let isReportDue = false

endOnRequest()
yieldToWorkers()
const samples = new SampleValidator({
  validate: (name, type) => current.validator.validate(name, type),
  log: createThreadLog(post),
  wall: () => systemClock.wall(),
  onChange: reportSoon
})

parentPort!.on('message', (message: ToValidation) => {
  if (message.kind === 'sample') samples.offer(message.sample)
  else if (message.kind === 'settings') {
    const { source } = current
    current = create(message.config)
    source.close()
  }
})

/** Upstreams may have changed, and with them what is known of zones. */
function create(config: Config) {
  const source = openChainSource(config)
  const now = () => Math.floor(systemClock.wall() / MS_PER_SECOND)
  const validator = new Validator({ source, anchors: new TrustAnchors(), now, cpuTime })
  return { source, validator }
}

function reportSoon(): void {
  if (isReportDue) return
  isReportDue = true
  setTimeout(() => {
    isReportDue = false
    post({ kind: 'state', state: samples.state })
  }, REPORT_DELAY)
}

/**
 * The validation thread: validates answers by DNSSEC, a sample of them after the clients have them, or all of them before, as
 * the rules say.
 */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { cpuTime } from '../../base/system/cpu-time.js'
import { endOnRequest } from '../../base/threads/end-thread.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import { systemClock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { trustAnchorsWith } from '../../resolver/validation/trust-anchors.js'
import { ValidationExceptions } from '../../resolver/validation/validation-exceptions.js'
import { Validator } from '../../resolver/validation/validator.js'
import { COMMON_SET, type ForwarderSet } from '../../policy/tables/forwarder-sets.js'
import { yieldToWorkers } from '../compiler/yield-to-workers.js'
import { openChainSource } from '../upstreams/own-chain-source.js'
import type { ValidationBatch, ValidationReply } from '../workers/validation-link.js'
import { AnswerQueue } from './answer-queue.js'
import { ReplyBatch } from './reply-batch.js'
import { SampleValidator } from './sample-validator.js'
import { ZoneContacts } from './zone-contacts.js'
import type { FromValidation, ToValidation, ValidationInit } from './validation-messages.js'

/**
 * A nice value: clients wait for answers of networks that enforce validation, so where other programs keep all cores busy this thread gets
 * a third of the CPU time that each of them gets; workers, which answer from the cache, still come first.
 */
const PRIORITY = 5
/** How often the state is sent, at most. */
const REPORT_DELAY: Milliseconds = 250

const post = (message: FromValidation): void => parentPort!.postMessage(message)
let current = create(workerData as ValidationInit)
let isReportDue = false

endOnRequest()
yieldToWorkers(PRIORITY)
const shared = {
  log: createThreadLog(post),
  wall: () => systemClock.wall(),
  onChange: reportSoon
}
const contacts = new ZoneContacts(shared.wall)
const samples = new SampleValidator({
  validate: (name, type, forwarders) => current.get(forwarders)?.validator.validate(name, type),
  contactOf: (validation, forwarders) => contacts.of(validation, current.get(forwarders)?.source),
  onObserved: (event, observation) => post({ kind: 'observed', event, observation }),
  ...shared
})
const answers = new AnswerQueue({
  validate: (name, type, message, forwarders) =>
    current.get(forwarders)?.validator.validateMessage(name, type, message),
  ...shared
})

parentPort!.on('message', (message: ToValidation) => {
  if (message.kind === 'sample') samples.offer(message.sample)
  else if (message.kind === 'worker') serve(message.port)
  else if (message.kind === 'exceptions') {
    const exceptions = new ValidationExceptions(message.exceptions)
    for (const { validator } of current.values()) validator.setExceptions(exceptions)
  } else if (message.kind === 'settings') {
    const before = current
    current = create(message)
    // Clients wait for the validations that are under way.
    setTimeout(() => {
      for (const { source } of before.values()) source.close()
    }, message.config.upstreams.giveUp)
  }
})

function serve(port: MessagePort): void {
  const replies = new ReplyBatch<ValidationReply>(
    batch => port.postMessage(batch),
    () => performance.now()
  )
  port.on('message', ({ requests, refused }: ValidationBatch) => {
    answers.addRefused(refused)
    for (const { id, question, message, forwarders } of requests)
      answers.validate(question, message, forwarders, verdict => replies.add({ id, verdict }))
  })
}

/** By number of the forwarders. Upstreams may have changed, and with them what is known of zones. */
function create(init: ValidationInit) {
  const now = () => Math.floor(systemClock.wall() / MS_PER_SECOND)
  const anchors = trustAnchorsWith(init.config.dnssec.trustAnchors, init.trustAnchors)
  const exceptions = new ValidationExceptions(init.exceptions)
  const validatorOf = (set?: ForwarderSet) => {
    const source = openChainSource(init.config, set)
    return { source, validator: new Validator({ source, anchors, exceptions, now, cpuTime }) }
  }
  const ofSets = init.forwarders.map(set => [set.id, validatorOf(set)] as const)
  return new Map([[COMMON_SET, validatorOf()], ...ofSets])
}

function reportSoon(): void {
  if (isReportDue) return
  isReportDue = true
  setTimeout(() => {
    isReportDue = false
    post({ kind: 'state', state: { ...samples.state, enforced: answers.state } })
  }, REPORT_DELAY)
}

/** A real worker, and faults that a message of the test switches on: in all workers, or only in the first. */
import { parentPort, workerData } from 'node:worker_threads'
import { Shelf } from '../../src/resolver/cache/shelf.js'
import type { WorkerInit } from '../../src/gateway/workers/worker-messages.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { findOpt, findOption } from '../../src/wire/dns/edns/opt.js'
import { OPTION_EDE } from '../../src/wire/dns/edns/ede-option.js'
import { QueryStages } from '../../src/resolver/stages/query-stages.js'
import { Resolver } from '../../src/resolver/stages/resolve.js'
import { DOH, TCP } from '../../src/resolver/context/responder.js'

/** Sent by the test: the fault begins. */
export interface FaultMessage {
  readonly kind: 'fault'
  readonly fault: string
}

const REPLIES = ['EDE missing', 'upstream in our place', 'nothing answers']
const { number } = workerData as WorkerInit
let fault = ''
const { now: systemTime } = Date
parentPort!.on('message', (message: Partial<FaultMessage>) => {
  if (message.kind !== 'fault') return
  fault = message.fault!
  Date.now = () => systemTime() - (fault === 'clock wrong' ? 3_600_000 : 0)
})

const stages = QueryStages.prototype as unknown as {
  applyPolicy: (took: number, isShelved: boolean) => number
  context: { protocol: number; decision: { clear(): void } }
}
const { applyPolicy } = stages
/** Policy decides nothing: the cache and upstreams answer. */
stages.applyPolicy = function (this: typeof stages, took, isShelved) {
  const { protocol } = this.context
  const isUnfiltered =
    (fault === 'one transport unfiltered' && protocol === TCP) ||
    (fault === 'DoH path open' && protocol === DOH) ||
    (fault === 'cache past a ban' && number === 0)
  if (!isUnfiltered) return applyPolicy.call(this, took, isShelved)
  this.context.decision.clear()
  return -2
}

const policy = Policy.prototype as { classOf: (words: Uint32Array, at: number) => number }
const { classOf } = policy
policy.classOf = function (this: typeof policy, words, at) {
  const found = classOf.call(this, words, at)
  const other = fault === 'wrong network' ? words.slice(at, at + 4) : undefined
  if (other === undefined || other[3]! >>> 16 !== 0x0a01) return found
  other[3] = 0x0a020001
  return classOf.call(this, other, 0)
}

// What is on the shelf stays, whatever the rules say.
const shelf = Shelf.prototype as {
  clear: () => void
  beginBatch: (epoch: number, now: number) => void
}
const { clear, beginBatch } = shelf
let pinned = 0
shelf.clear = function (this: typeof shelf) {
  if (fault !== 'shelf not cleared') clear.call(this)
}
shelf.beginBatch = function (this: typeof shelf, epoch, now) {
  if (fault !== 'shelf not cleared') pinned = epoch
  beginBatch.call(this, pinned, now)
}

/** Octets of a reply are altered on its way out. */
type Answer = (octets: Uint8Array, at: number, ...rest: unknown[]) => number
const resolver = Resolver.prototype as unknown as { answer: Answer }
const { answer } = resolver
resolver.answer = function (this: typeof resolver, octets, at, ...rest) {
  const length = answer.call(this, octets, at, ...rest)
  if (length <= 0 || !REPLIES.includes(fault)) return length
  const reply = Buffer.from(octets.buffer, octets.byteOffset + at, length)
  const opt = findOpt(octets, at, at + length)
  const ede = opt === 0 ? 0 : findOption(octets, opt, OPTION_EDE)
  const soa = reply.indexOf('interdict')
  if (fault === 'EDE missing' && ede !== 0) octets[ede + 5] = 0
  if (fault === 'upstream in our place' && soa > 0) reply.write('elsewhere', soa)
  return fault === 'nothing answers' ? 0 : length
}

await import('../../src/gateway/workers/worker-main.js')

import type { Test } from 'tap'
import { batchTransport } from '../../src/wire/sockets/batch/batch.js'
import type { Endpoint, Transport } from '../../src/wire/sockets/datagram.js'
import { portableTransport } from '../../src/wire/sockets/portable/portable.js'
import {
  createForwarder,
  type ForwarderOptions,
  type MeasuredForwarder
} from '../../src/resolver/upstream/create-forwarder.js'
import type {
  Forwarder,
  ForwardedQuestion,
  UpstreamOutcome
} from '../../src/resolver/upstream/forwarder.js'
import type { HealthChange } from '../../src/resolver/upstream/selection/upstream.js'
import { BadUpstream, type Behaviour } from './bad-upstream.js'
import { FakeTime } from './fake-time.js'
import { questionFor, wire } from './messages.js'

const portable = portableTransport()
const batch = batchTransport()

/** All transports that work on this machine. */
export const TRANSPORTS: readonly Transport[] =
  typeof batch === 'string' ? [portable] : [portable, batch]

export interface Rig {
  readonly time: FakeTime
  readonly forwarder: MeasuredForwarder
  readonly upstreams: readonly BadUpstream[]
  /** Health changes so far, as `down 0`, `up 0`. */
  readonly health: string[]
  readonly ask: (name: string) => Promise<UpstreamOutcome>
}

export type RigOptions = Partial<Omit<ForwarderOptions, 'upstreams' | 'domains'>> & {
  /** Upstreams besides those of `behaviours`. */
  readonly others?: readonly Endpoint[]
  /** Domains by name, each forwarded to one of the upstreams: an index in `behaviours`. */
  readonly domains?: Readonly<Record<string, number>>
}

/** A forwarder on a fake clock, and an upstream on loopback for each behaviour. */
export async function rig(
  t: Test,
  behaviours: readonly Behaviour[],
  options: RigOptions = {}
): Promise<Rig> {
  const { others = [], domains = {}, ...rest } = options
  const time = new FakeTime()
  const health: string[] = []
  const upstreams: BadUpstream[] = []
  for (const behaviour of behaviours) upstreams.push(await BadUpstream.open(behaviour))
  const endpoints = upstreams.map(({ endpoint }) => endpoint)
  const forwarded = Object.entries(domains)
  const special = new Set(forwarded.map(([, index]) => index))
  const forwarder = createForwarder({
    transport: portable,
    clock: time.clock,
    timers: time.timers,
    upstreams: [...endpoints.filter((_, index) => !special.has(index)), ...others],
    domains: forwarded.map(([name, index]) => ({
      name: wireOf(name),
      servers: [endpoints[index]!]
    })),
    onHealth: ({ kind, upstream }: HealthChange) => health.push(`${kind} ${upstream}`),
    ...rest
  })
  t.teardown(async () => {
    forwarder.close()
    for (const upstream of upstreams) await upstream.close()
  })
  return {
    time,
    forwarder,
    upstreams,
    health,
    ask: name => outcomeOf(forwarder, questionFor(name))
  }
}

function wireOf(name: string): Uint8Array {
  return wire(name)
}

export function outcomeOf(
  forwarder: Forwarder,
  question: ForwardedQuestion
): Promise<UpstreamOutcome> {
  return new Promise(done => {
    forwarder.forward(question, {
      onOutcome(outcome) {
        done(kept(outcome))
      }
    })
  })
}

/** Outcomes with copied messages, since those are valid only during the call; one per outcome. */
const copies = new WeakMap<UpstreamOutcome, UpstreamOutcome>()

function kept(outcome: UpstreamOutcome): UpstreamOutcome {
  if (outcome.kind === 'failure') return outcome
  const copy = copies.get(outcome) ?? { ...outcome, message: outcome.message.slice() }
  copies.set(outcome, copy)
  return copy
}

/** The octets of a response. @throws Error for a failure */
export function messageOf(outcome: UpstreamOutcome): Uint8Array {
  if (outcome.kind === 'response') return outcome.message
  throw new Error(`failure ${outcome.ede} after ${outcome.took} ms`)
}

/** Waits until messages on loopback are received and answered. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise<void>(done => void setImmediate(done))
}

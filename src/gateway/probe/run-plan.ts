import { randomInt } from 'node:crypto'
import type { Milliseconds } from '../../base/units.js'
import {
  encodeUpstreamQuery,
  MAX_UPSTREAM_QUERY_SIZE
} from '../../wire/dns/message/encode-query.js'
import { encodeQuestion } from '../../wire/dns/message/question.js'
import { RRCLASS } from '../../wire/dns/registry/rrclass.js'
import { showRrtype } from '../../wire/dns/registry/rrtype.js'
import { showServer } from '../../wire/sockets/upstream-server.js'
import { problemOf } from './answer-problem.js'
import type { Target } from './probe-exchange.js'
import type { Plan, Probe, ProbeKind } from './probe-plan.js'

/** A question whose answer was wrong. */
export interface ProbeFailure {
  readonly kind: ProbeKind | 'rule' | 'hard-coded' | 'log'
  readonly network: string
  readonly client: string
  readonly rule: string
  readonly name: string
  readonly type: string
  /** `udp 192.0.2.53` */
  readonly server: string
  readonly problem: string
}

export interface ProbeResult {
  /** Questions asked, over all transports. */
  readonly asked: number
  readonly failures: readonly ProbeFailure[]
}

export interface RunOptions {
  readonly targets: readonly Target[]
  /** Resolvers that apps have built in: what is banned must not resolve there either. */
  readonly hardCoded: readonly Target[]
  /** Whether the targets are Interdict, whose answers are known to the last field. */
  readonly isOwn: boolean
  readonly timeout: Milliseconds
  /** Questions in flight at the same time. */
  readonly parallel: number
  readonly ask: (target: Target, query: Uint8Array, probe: Probe) => Promise<Uint8Array | undefined>
}

/** Asks everything of a plan over every transport, and compares the answers. */
export async function runPlan({ probes, lost }: Plan, options: RunOptions): Promise<ProbeResult> {
  const { targets, hardCoded, isOwn } = options
  const failures: ProbeFailure[] = lost.map(({ network, rule, name }) => {
    const problem = 'the rules do not block a name of a ban in force'
    return { kind: 'rule', network, client: '', rule, name, type: 'A', server: '', problem }
  })
  const questions = probes.flatMap(probe => [
    ...targets.map(target => ({ probe, target, isHardCoded: false })),
    ...(probe.kind === 'ban' && probe.blocked !== undefined
      ? hardCoded.map(target => ({ probe, target, isHardCoded: true }))
      : [])
  ])
  let next = 0
  const work = async (): Promise<void> => {
    for (let at = next++; at < questions.length; at = next++) {
      const { probe, target, isHardCoded } = questions[at]!
      const message = await options.ask(target, encodeProbe(probe, target), probe)
      // No answer at all is what a firewall should see to.
      if (isHardCoded && message === undefined) continue
      const overUdp = target.transport === 'udp'
      const problem = problemOf(probe, message, overUdp, isOwn && !isHardCoded)
      if (problem === undefined) continue
      failures.push({
        kind: isHardCoded ? 'hard-coded' : probe.kind,
        network: probe.network,
        client: probe.clientText,
        rule: probe.rule,
        name: probe.nameText,
        type: showRrtype(probe.qtype),
        server: `${target.transport} ${showServer(target.server)}`,
        problem
      })
    }
  }
  await Promise.all(Array.from({ length: options.parallel }, work))
  return { asked: questions.length, failures }
}

function encodeProbe({ name, qtype }: Probe, { transport }: Target): Uint8Array {
  const buffer = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE)
  const id = transport === 'doh' ? 0 : randomInt(0x10000)
  const question = encodeQuestion(name, qtype, RRCLASS.IN)
  return buffer.subarray(0, encodeUpstreamQuery(buffer, 0, id, question, false, false))
}

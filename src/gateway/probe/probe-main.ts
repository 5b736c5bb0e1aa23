/** The probe thread: asks the gateway itself what its rules decide, over its own listeners. */
import { isDeepStrictEqual } from 'node:util'
import { parentPort, workerData } from 'node:worker_threads'
import { addressWords } from '../../base/values/address.js'
import { systemClock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import { encodeProbeOption, PROBE_FLAG, probeServerName } from '../../wire/dns/edns/probe-option.js'
import { setUint16 } from '../../base/bytes/octets.js'
import { reasonOf } from '../../base/errors/reason.js'
import {
  MAX_UPSTREAM_QUERY_SIZE,
  encodeUpstreamQuery
} from '../../wire/dns/message/encode-query.js'
import { encodeQuestion } from '../../wire/dns/message/question.js'
import { RRCLASS } from '../../wire/dns/registry/rrclass.js'
import { Channels, type Answer, type Listener } from './channels.js'
import type { Target } from './probe-exchange.js'
import { Planner } from './probe-plan.js'
import type { Question } from './judge-answer.js'
import { Prober, type ProberState } from './prober.js'
import { systemTimers } from '../../base/time/timers.js'
import { checkLog } from './log-check.js'
import { recordRound } from './journal.js'
import { ListenerChecks } from './listener-checks.js'
import { frontEndGaps, ownListeners } from './own-listeners.js'
import { tlsTargets, unnamedGaps, type TlsTarget } from './tls-targets.js'
import { unpackRules, type UnpackedRules } from '../compiler/packed-rules.js'
import { ReplacedSnapshots } from '../../policy/tables/replaced-snapshots.js'
import { RELOAD_PRIORITY, yieldToWorkers } from '../compiler/yield-to-workers.js'
import { createThreadLog } from '../../base/threads/thread-log.js'
import type { FromProbe, ProbeInit, ToProbe } from './probe-messages.js'
import { endOnRequest } from '../../base/threads/end-thread.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'

/** Bans are answered at once; more than this is a gateway that does not answer. */
const TIMEOUT: Milliseconds = 2_000
/** For control names: the gateway answers after `upstreams.give-up` at the latest. */
const MARGIN: Milliseconds = 1_000
/** As for the recorder: nothing waits for the memory. */
const COLLECT_DELAY: Milliseconds = 4_000

const post = (message: FromProbe): void => parentPort!.postMessage(message)
const log = createThreadLog(post)
const { key, endpoints, http, workers, folder, config: initial } = workerData as ProbeInit
let config = initial
let rules: { readonly snapshot: Snapshot; readonly unpacked: UnpackedRules } | undefined
const probeName = probeServerName(key)
const listeners = ownListeners(endpoints, config, probeName)
const listenerChecks = new ListenerChecks(systemClock)
const replaced = new ReplacedSnapshots(COLLECT_DELAY)
const channels = new Map<Target, Channels>(
  listeners.map((listener: Listener) => [listener, new Channels(listener, workers)])
)
let recorded = 0
let isUnrecorded = false

endOnRequest()
// With the lowest priority, no round ended within a minute beside ten busy processes.
yieldToWorkers(RELOAD_PRIORITY)
const prober = new Prober({
  clock: systemClock,
  timers: systemTimers,
  ask,
  checkLog: async since => {
    const { queries } = config.log
    return queries.which === 'none' ? undefined : checkLog(queries, since)
  },
  checkListeners: () => listenerChecks.run(tlsListeners(), config.probe.caFile),
  onChange: report
})
prober.configure(settings())
prober.start()

parentPort!.on('message', (message: ToProbe) => {
  if (message.kind === 'rules') {
    rules = { snapshot: message.snapshot, unpacked: unpackRules(message.packedRules, true) }
    replaced.setCurrent(message.snapshot)
    plan()
  } else {
    const { probe } = config
    config = message.config
    prober.configure(settings())
    if (!isDeepStrictEqual(probe, config.probe)) plan()
  }
})

function settings() {
  return { every: config.probe.every, targets: listeners, workers }
}

function tlsListeners(): readonly TlsTarget[] {
  const clients = rules?.unpacked.rules.clients?.clients ?? []
  const labels = clients.flatMap(({ labels, isRevoked }) => (isRevoked ? [] : labels))
  return tlsTargets({ endpoints, http, config, labels, probeName })
}

function plan(): void {
  if (rules === undefined) return
  const { unpacked, snapshot } = rules
  const { mandated } = unpacked
  const control = config.probe.control.map(({ text }) => text)
  prober.setPlanner(new Planner(unpacked.rules, snapshot, { ...config.probe, control, mandated }))
}

function ask({ probe, target, worker, isLogged }: Question): Promise<Answer | undefined> {
  const question = encodeQuestion(probe.name, probe.qtype, RRCLASS.IN)
  const isControl = probe.kind === 'control'
  const { address, clientClass, isRecognized } = probe.client
  const own = isRecognized ? [clientClass, rules!.snapshot.generation] : [0, 0]
  const claim = {
    flags: (isControl ? PROBE_FLAG.resolve : 0) | (isLogged ? PROBE_FLAG.log : 0),
    client: Uint32Array.of(...addressWords(address), ...own),
    at: Math.floor(systemClock.now() / MS_PER_SECOND)
  }
  const option = encodeProbeOption(key, claim, question)
  const query = new Uint8Array(MAX_UPSTREAM_QUERY_SIZE + option.length)
  const bare = encodeUpstreamQuery(query, 0, 0, question, false, false)
  query.set(option, bare)
  setUint16(query, bare - 2, option.length)
  const timeout = isControl ? config.upstreams.giveUp + MARGIN : TIMEOUT
  return channels.get(target)!.ask(query.subarray(0, bare + option.length), worker, timeout)
}

function report(state: ProberState): void {
  const skipped = [
    ...(state.coverage?.gaps ?? []),
    ...frontEndGaps(config),
    ...unnamedGaps(tlsListeners())
  ]
  post({ kind: 'state', state: { ...state, skipped } })
  const { rounds, last, failures, listeners } = state
  if (rounds === recorded || last === undefined) return
  recorded = rounds
  recordRound(folder, config.probe.every, { last, failures, skipped, listeners }).then(
    () => (isUnrecorded = false),
    (error: unknown) => {
      // Once: each round would say the same.
      if (!isUnrecorded) log.warn({ folder, error: reasonOf(error, folder) }, 'probes not recorded')
      isUnrecorded = true
    }
  )
}

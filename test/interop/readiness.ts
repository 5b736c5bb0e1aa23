/** `/readyz` of a gateway with real workers and sockets: how soon it says that the gateway is not ready, and why. */
import { mkdirSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { HealthProblem } from '../../src/gateway/status/health.js'
import { askUdp } from '../daemon/dns-client.js'
import { kinds, serving } from '../daemon/serve.js'
import { banning } from '../daemon/site.js'
import { BadUpstream, good, silent } from '../upstream/bad-upstream.js'
import { eventually } from './processes.js'

t.setTimeout(120_000)

/** In seconds, as issue 18 has it. */
const LIMIT = 1
/** A busy machine may take longer now and then. */
const TRIES = 3

interface Fault {
  readonly code: HealthProblem['code']
  readonly cause: () => unknown
  readonly cure: () => unknown
}

t.test('/readyz fails within a second, and recovers', async t => {
  const upstream = await BadUpstream.open(good(1))
  t.teardown(() => upstream.close())
  const rig = await serving(t, {
    ...{ transport: kinds[0]!, workers: 2, upstream: upstream.endpoint },
    upstreams: 'timeout: 200ms, give-up: 800ms',
    queries: 'which: all',
    more: "admin: { http: '127.0.0.1:0', ready-requires: [policy, evidence] }"
  })
  const { site, threads, gateway } = rig
  const { port } = gateway.httpEndpoint!
  const ready = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`)
    const { problems } = (await response.json()) as { problems: { code: string }[] }
    return { status: response.status, codes: problems.map(({ code }) => code) }
  }
  const isReady = async (): Promise<boolean> => (await ready()).status === 200

  // Live traffic: only that shows that an upstream does not answer.
  let isOver = false
  let count = 0
  const traffic = async (): Promise<void> => {
    while (!isOver) {
      void askUdp(rig.at, `n${count++}.example`, { patience: 900 }).catch(() => undefined)
      await sleep(20)
    }
  }
  void traffic()
  t.teardown(() => (isOver = true))

  const log = site.path('queries.jsonl')
  let change = 0
  const changeRules = (): void =>
    site.write('rules/networks.yaml', banning('banned.example', `b${++change}.example`))
  const faults: Readonly<Record<string, Fault>> = {
    'rules are refused': {
      code: 'RULES_REFUSED',
      cause: () => site.write('rules/networks.yaml', banning('a..example')),
      cure: changeRules
    },
    'a worker does not adopt the rules': {
      code: 'WORKER_OUTDATED',
      cause: () => {
        threads.lost = message => message.kind === 'adopt' && 'counters' in message
        changeRules()
      },
      cure: () => {
        threads.lost = () => false
        changeRules()
      }
    },
    'the query log is not writable': {
      code: 'LOG_UNWRITABLE',
      cause: () => {
        rmSync(log)
        mkdirSync(log)
      },
      cure: () => rmSync(log, { recursive: true })
    },
    'all upstreams refuse': {
      code: 'UPSTREAMS_DOWN',
      cause: () => upstream.kill(),
      cure: () => upstream.revive()
    },
    'all upstreams are silent, with a timeout of 200 ms': {
      code: 'UPSTREAMS_DOWN',
      cause: () => (upstream.behaviour = silent),
      cure: () => (upstream.behaviour = good(1))
    },
    'a worker is dead': {
      code: 'WORKER_DOWN',
      cause: () => {
        // Its replacement does not listen.
        threads.lost = ({ kind }) => kind === 'listen'
        return threads.kill('worker')
      },
      cure: async () => {
        threads.lost = () => false
        // The other worker comes first.
        await threads.kill('worker')
        await threads.kill('worker')
      }
    }
  }

  await eventually('ready at first', 10, isReady)
  for (const [what, { code, cause, cure }] of Object.entries(faults)) {
    let best = Infinity
    for (let tries = 0; tries < TRIES && best > LIMIT; tries++) {
      const start = performance.now()
      await cause()
      await eventually(`${code}: ${what}`, 10, async () => {
        const { status, codes } = await ready()
        return status === 503 && codes.includes(code)
      })
      best = Math.min(best, (performance.now() - start) / 1000)
      await cure()
      await eventually(`ready again: ${what}`, 20, isReady)
    }
    t.comment(`${what}: 503 after ${best.toFixed(2)} s`)
    t.ok(best <= LIMIT, `${what}: 503 after at most ${LIMIT} s`)
  }
  t.strictSame(await ready(), { status: 200, codes: [] })
})

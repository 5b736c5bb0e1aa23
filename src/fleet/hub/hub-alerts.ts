import { isFailing } from './inventory.js'
import { lookup } from 'node:dns'
import { hostname } from 'node:os'
import { testHooks, type TestResult } from '../../gateway/alerts/test-hooks.js'
import type { InterdictError } from '../../base/errors/error.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { AlertHookConfig } from '../../gateway/config/alert-config.js'
import { AlertHook, type StartSending } from '../../gateway/alerts/alert-hook.js'
import type { AlertHookStatus } from '../../gateway/status/alert-hook-status.js'
import type { Condition } from '../../gateway/alerts/conditions.js'
import { sendAlerts } from '../../gateway/alerts/send-alerts.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { ringOf, stateOf, type Sources } from './views.js'

/** How long gateways may take for a bundle, and to report after a start of the hub. */
const GRACE: Milliseconds = 300 * MS_PER_SECOND
/** Gateways that a message names. */
const MAX_NAMED = 5

/** Sends alerts to the webhooks of the hub, from this thread: it answers no queries. */
export class HubAlerts {
  private readonly hooks: readonly AlertHook[]

  constructor(
    private readonly configs: readonly AlertHookConfig[],
    log: ServiceLog
  ) {
    const none = { servers: [], domains: [] }
    this.hooks = configs.map(
      hook =>
        new AlertHook({ hook, bootstrap: none, gatewayName: hostname() }, { startSending, log })
    )
  }

  get status(): readonly AlertHookStatus[] {
    return this.hooks.map(({ status }) => status)
  }

  /** @param conditions computed only if there are webhooks @param now monotonic */
  check(conditions: () => readonly Condition[], now: Milliseconds): void {
    if (this.hooks.length === 0) return
    const current = conditions()
    for (const hook of this.hooks) hook.check(current, now)
  }

  /** Sends a test alert to each webhook. */
  test(): Promise<TestResult[]> {
    return testHooks(this.configs, hostname(), lookup)
  }

  async close(): Promise<void> {
    await Promise.all(this.hooks.map(hook => hook.close()))
  }
}

const startSending: StartSending = (init, handlers) => {
  const sending = sendAlerts(init, lookup, message => handlers.message(message))
  void sending.then(() => handlers.exited(undefined))
  return { end: () => Promise.resolve() }
}

/** The hub itself, for its alerts. */
export interface HubHealth {
  /** Why it has not been connected to NATS for a while. */
  readonly nats: InterdictError | undefined
  /** What was missing or foreign in NATS; undefined: nothing. */
  readonly altered: string | undefined
  /** Why NATS has not had what it should, or why this is not known, for a while. */
  readonly undelivered: string | undefined
  /** Other hubs of the fleet that the leader has not seen for two minutes. */
  readonly missing: readonly string[]
  /** Since its start. */
  readonly uptime: Milliseconds
}

/** What there is to alert of. */
export function hubConditions(sources: Sources, health: HubHealth): Condition[] {
  const { state, config } = sources
  return [
    ...centreConditions(health),
    ...health.missing.map(hub =>
      warning('hub-missing', hub, `hub ${hub} not seen for two minutes`)
    ),
    ...config.rings.flatMap(({ name }): Condition[] => {
      const { phase, serial, why } = state.rings[name] ?? {}
      if (phase !== 'halted') return []
      return [warning('ring-halted', name, `bundle ${serial} of ring ${name} halted: ${why}`)]
    }),
    ...gatewayConditions(sources, health)
  ]
}

function centreConditions({ nats, altered, undelivered }: HubHealth): Condition[] {
  const critical = (event: Condition['event'], message: string): Condition => {
    return { event, severity: 'critical', subject: null, message }
  }
  const conditions = altered === undefined ? [] : [critical('nats-altered', altered)]
  if (nats !== undefined) {
    const event = nats.code === 'HUB_PEERS' ? 'nats-peers' : 'nats-disconnected'
    return [...conditions, critical(event, nats.message)]
  }
  if (undelivered === undefined) return conditions
  return [...conditions, critical('bundle-undelivered', `NATS: ${undelivered}`)]
}

/** One alert for each ring, however many of its gateways. */
function gatewayConditions(sources: Sources, { uptime }: HubHealth): Condition[] {
  const { state, gateways, config, now } = sources
  const rings = new Map(
    config.rings.map(({ name }) => {
      const { since = '', serial = null } = state.rings[name] ?? {}
      const isSettled = now - Date.parse(since) >= GRACE
      return [name, { serial, isSettled, behind: no(), silent: no(), unready: no() }] as const
    })
  )
  for (const gateway of gateways) {
    const ring = rings.get(ringOf(gateway, state))
    if (ring === undefined) continue
    const { name, report } = gateway
    const at = stateOf(gateway, sources)
    if (at === 'silent' || (at === 'unseen' && uptime >= GRACE)) ring.silent.push(name)
    if (at === 'silent' || at === 'unseen') continue
    if (at !== 'running' && ring.isSettled) ring.behind.push(name)
    if (isFailing(report)) ring.unready.push(name)
  }
  return [...rings].flatMap(([ring, { serial, behind, silent, unready }]): Condition[] => {
    const of = (event: Condition['event'], names: readonly string[], what: string): Condition[] =>
      names.length === 0 ? [] : [warning(event, ring, `ring ${ring}: ${listOf(names)} ${what}`)]
    return [
      ...of('gateways-behind', behind, `not running bundle ${serial}`),
      ...of('gateways-silent', silent, 'not reporting'),
      ...of('gateways-not-ready', unready, 'not ready')
    ]
  })
}

const no = (): string[] => []

function listOf(names: readonly string[]): string {
  const named = names.toSorted().slice(0, MAX_NAMED).join(', ')
  const more = names.length > MAX_NAMED ? ', ...' : ''
  return `${names.length} gateway${names.length === 1 ? '' : 's'} (${named}${more})`
}

const warning = (event: Condition['event'], subject: string, message: string): Condition => {
  return { event, subject, severity: 'warning', message }
}

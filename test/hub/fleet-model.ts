import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { NewlyBlockedName, Report } from '../../src/fleet/channel/wire.js'
import type { HubConfig } from '../../src/fleet/hub/hub-config.js'
import {
  StateStore,
  type Forecast,
  type HubState,
  type Rollout
} from '../../src/fleet/hub/hub-state.js'
import type { Counted, Known, NetworkCounts } from '../../src/fleet/hub/inventory.js'
import { Rollouts } from '../../src/fleet/hub/rollouts.js'
import { Roots } from '../../src/fleet/hub/roots/roots.js'
import { NO_COUNTERS } from '../../src/fleet/hub/traffic-counts.js'
import { Traffic } from '../../src/fleet/hub/judge/traffic.js'
import { isLive } from '../../src/fleet/hub/views.js'
import { bundle, one } from '../daemon/bundle-rig.js'
import { MemoryLog } from '../daemon/serve.js'
import { Site } from '../daemon/site.js'
import { seeded } from '../../bench/kit/random.js'

const MINUTE = 60_000
const DAY = 1440 * MINUTE
/** Of the lookups of each gateway, with the share that is blocked there. */
const NETWORKS = {
  offices: { part: 0.5, blocked: 0.05 },
  phones: { part: 0.3, blocked: 0.02 },
  guests: { part: 0.15, blocked: 0.01 },
  servers: { part: 0.05, blocked: 0.002 }
} as const
export type Network = keyof typeof NETWORKS

/** What a bundle does beyond what the one before did. */
export interface Effect {
  /** Added to the share of blocked lookups of a network. */
  readonly blocks?: Partial<Record<Network, number>>
  /** Factor for what is blocked already. */
  readonly keeps?: number
  readonly servfail?: number
  /** Factor of response times. */
  readonly slows?: number
  /** Part of the gateways that restart in each minute. */
  readonly restarts?: number
  /** Only the first gateways of the ring restart. */
  readonly restarting?: number
  /** Part of the gateways that die when they load it. */
  readonly kills?: number
  /** Part of the gateways that die in each minute. */
  readonly leaks?: number
  /** Part of the gateways with these problems. */
  readonly breaks?: { readonly part: number; readonly problems: readonly string[] }
  /** Gateways that refuse it. */
  readonly refused?: number
  /** Names that it blocks, in part of the lookups. */
  readonly names?: readonly NewName[]
}

/** A name that a bundle blocks and the one before did not. */
export interface NewName {
  readonly name: string
  readonly network: Network
  /** Part of the lookups of that network. */
  readonly share: number
  /** The bundle has a ban with this name, or it lists it in `must-resolve`. */
  readonly is?: 'listed' | 'must-resolve'
}

/** Lookups of a name that a client makes while a bundle is watched. */
const LOOKUPS_PER_CLIENT = 3

interface Gateway {
  readonly index: number
  readonly ring: string
  /** Lookups in a minute at noon. */
  readonly rate: number
  /** Factor of the shares of blocked lookups: sites differ. */
  readonly habit: number
  readonly latency: number
  known: Known
  effect: Effect
  deadUntil: number
  number: number
  /** When it started, as reports say it. */
  startedText: string
  counters: Report['counters']
  networks: Record<Network, [number, number]>
  /** Lookups of each of the names of its bundle. */
  names: number[]
}

export interface ModelOptions {
  readonly gateways: number
  readonly canaries: number
  readonly seed: number
}

/** A fleet of gateways with the traffic of a country: days and nights, sites that differ, reboots, lost uplinks. */
export class FleetModel {
  readonly store: StateStore
  readonly log = new MemoryLog()
  /** Midnight, within the dates of the bundles. */
  now = Math.ceil(Date.now() / DAY) * DAY
  private nowText = new Date(this.now).toISOString()
  private readonly random: () => number
  private readonly gateways: Gateway[] = []
  private traffic: Traffic
  private rollouts: Rollouts
  private readonly config: HubConfig
  private readonly effects = new Map<number, Effect>()
  /** Of all gateways, in a minute: weather, news, a CDN that is down. */
  private mood = 1

  constructor(t: Test, { gateways, canaries, seed }: ModelOptions) {
    const folder = join(new Site(t, {}).folder, 'hub')
    this.random = seeded(seed)
    this.config = {
      name: 'hub',
      nats: { servers: [], caFile: undefined, certificate: undefined },
      ...{ replicas: 1, trust: { keys: [one.publicKey], keyFiles: [], signatures: 1 } },
      rings: [
        { name: 'canary', soak: 60 * MINUTE },
        { name: 'all', soak: 60 * MINUTE }
      ],
      band: {
        blocked: 0.05,
        servfail: 0.02,
        latency: 3,
        lagging: 0.2,
        unready: 0.02,
        lookups: 1000
      },
      ...{
        automatic: true,
        silentAfter: 3 * MINUTE,
        proxy: undefined,
        alerts: [],
        folder,
        socket: ''
      },
      ...{ http: undefined, logs: undefined, pullFolder: undefined, publicUrl: undefined }
    }
    this.store = new StateStore(folder)
    const state = {
      gateways: {} as Record<string, HubState['gateways'][string]>
    }
    for (let index = 0; index < gateways; index++) {
      const ring = index < canaries ? 'canary' : 'all'
      const name = `gw-${index}`
      state.gateways[name] = {
        account: null,
        key: 'U',
        ring,
        enrolled: new Date(this.now).toISOString(),
        revoked: null
      }
      const contact = { contact: null, clockOffset: 0, by: 'nats' as const }
      this.gateways.push({
        ...{
          index,
          ring,
          known: { name, report: null, ...contact },
          effect: {},
          deadUntil: 0,
          number: 0
        },
        rate: Math.exp(3 + 2 * this.normal()),
        habit: Math.exp(0.3 * this.normal()),
        latency: 8 * Math.exp(0.4 * this.normal()),
        ...{ startedText: this.nowText, counters: NO_COUNTERS, networks: noLookups() },
        names: []
      })
    }
    this.store.update(state)
    ;[this.traffic, this.rollouts] = this.hub()
  }

  /** What another hub, or the same one after a restart, has from the disk. */
  restartHub(): void {
    this.traffic.save()
    ;[this.traffic, this.rollouts] = this.hub()
  }

  /** As a restart after the disk has lost what gateways counted. */
  loseCounts(): void {
    for (const name of ['recent.json', 'watches', 'baselines'])
      rmSync(join(this.config.folder, name), { recursive: true, force: true })
    ;[this.traffic, this.rollouts] = this.hub()
  }

  get canary(): Rollout | undefined {
    return this.store.state.rings.canary
  }

  get all(): Rollout | undefined {
    return this.store.state.rings.all
  }

  /** @param foreseen part of the truth that the forecast says; undefined: no forecast */
  async publish(
    serial: number,
    effect: Effect,
    { now = false, foreseen }: { readonly now?: boolean; readonly foreseen?: number } = {}
  ): Promise<void> {
    const before = this.effects.get(this.canary?.serial ?? 0) ?? {}
    this.effects.set(serial, effect)
    const forecast = foreseen === undefined ? null : forecastOf(before, effect, foreseen)
    const ring = 'canary'
    const octets = await bundle({ serial, files: { 'networks.yaml': rulesOf(effect) } })
    await this.rollouts.publish(octets, { ring, by: 'model', now, forecast, rollback: null })
    if (now) await this.rollouts.promote('all', 'model', true)
  }

  /** Lets time pass until something is true of the fleet. @returns minutes */
  async until(isTrue: () => boolean, most: number): Promise<number> {
    for (let minute = 0; minute < most; minute++) {
      if (isTrue()) return minute
      await this.minute()
    }
    return most
  }

  private hub(): [Traffic, Rollouts] {
    const { store, log, config } = this
    const clock = { wall: () => this.now, now: () => this.now }
    const traffic = new Traffic({
      folder: config.folder,
      clock,
      log,
      rings: () => store.state.rings
    })
    const deliver = (): Promise<boolean> => Promise.resolve(true)
    const roots = new Roots({ config, store, log, clock, deliver })
    const rollouts = new Rollouts({
      ...{ config, store, log, clock, traffic, roots },
      gateways: () => this.gateways.map(({ known }) => known),
      contact: {
        isLive: known => isLive(known, config, this.now),
        isLost: ({ contact }) => this.now - (contact ?? 0) > 5 * config.silentAfter
      },
      deliver
    })
    return [traffic, rollouts]
  }

  private async minute(): Promise<void> {
    this.now += MINUTE
    this.nowText = new Date(this.now).toISOString()
    this.mood = 0.9 * this.mood + 0.1 * Math.exp(0.1 * this.normal())
    for (const gateway of this.gateways) this.live(gateway)
    await this.rollouts.check()
  }

  private live(gateway: Gateway): void {
    if (this.now < gateway.deadUntil) return
    // Somebody updates its system, or its uplink fails.
    if (this.random() < 1 / (14 * 1440)) this.restart(gateway, 2)
    if (this.random() < 1 / (30 * 1440)) gateway.deadUntil = this.now + 20 * MINUTE * this.random()
    const { ring } = gateway
    const { report: last } = gateway.known
    const wanted = this.store.state.rings[ring]?.serial ?? null
    let active = last?.active ?? null
    let refused: Report['refused'] = null
    if (wanted !== active && wanted !== null && this.random() < 0.7) {
      const effect = this.effects.get(wanted)!
      if (gateway.index < (effect.refused ?? 0)) refused = { code: 'RULES_MEMORY', message: 'no' }
      else {
        active = wanted
        gateway.effect = effect
        gateway.names = (effect.names ?? []).map(() => 0)
        if (this.random() < (effect.kills ?? 0)) gateway.deadUntil = Infinity
      }
    }
    const { effect } = gateway
    if (this.random() < (effect.leaks ?? 0)) gateway.deadUntil = Infinity
    if (
      this.random() < (gateway.index < (effect.restarting ?? Infinity) ? (effect.restarts ?? 0) : 0)
    )
      this.restart(gateway, 0)
    if (this.now < gateway.deadUntil) return
    this.count(gateway)
    this.report(gateway, ring, wanted, active, refused)
  }

  private restart(gateway: Gateway, minutes: number): void {
    gateway.deadUntil = this.now + minutes * MINUTE
    gateway.startedText = this.nowText
    gateway.counters = NO_COUNTERS
    gateway.networks = noLookups()
  }

  private count(gateway: Gateway): void {
    const { rate, habit, effect, latency, counters } = gateway
    const hour = ((this.now / MINUTE / 60) % 24) + this.random()
    const day = 0.15 + 0.85 * Math.max(0, Math.sin((Math.PI * (hour - 5)) / 16))
    const lookups = this.poisson(rate * day)
    let blocked = 0
    for (const [name, network] of parts) {
      const own = this.poisson(lookups * network.part)
      const share =
        network.blocked * habit * this.mood * (effect.keeps ?? 1) + (effect.blocks?.[name] ?? 0)
      let caught = Math.min(own, this.poisson(own * Math.min(1, share)))
      blocked += caught
      for (const [i, one] of (effect.names ?? NO_NAMES).entries()) {
        if (one.network !== name) continue
        const asked = Math.min(own - caught, this.poisson(own * one.share))
        gateway.names[i]! += asked
        blocked += asked
        caught += asked
      }
      const totals = gateway.networks[name]
      totals[0] += own
      totals[1] += caught
    }
    const failed = this.poisson(lookups * (0.003 * this.mood + (effect.servfail ?? 0)))
    gateway.counters = {
      lookups: counters.lookups + lookups,
      blocked: counters.blocked + blocked,
      servfail: counters.servfail + failed,
      responses: counters.responses + lookups,
      durationSum:
        counters.durationSum +
        lookups * latency * this.mood * (effect.slows ?? 1) * (0.8 + 0.4 * this.random())
    }
  }

  private report(
    gateway: Gateway,
    ring: string,
    wanted: number | null,
    active: number | null,
    refused: Report['refused']
  ): void {
    const { known: before, effect, index } = gateway
    const breaks = effect.breaks
    const isBroken = breaks !== undefined && index % 100 < 100 * breaks.part
    const last = before.report
    // In one literal each: V8 takes ten times as long to build an object from others.
    const next: Report = {
      version: 1,
      gateway: before.name,
      ring,
      program: '1.0',
      at: this.nowText,
      started: gateway.startedText,
      number: ++gateway.number,
      wanted,
      active,
      rules: RULES,
      since: last?.active === active ? last.since : this.nowText,
      ready: true,
      problems: isBroken ? [...breaks.problems] : [],
      probe: null,
      refused,
      paused: [],
      counters: gateway.counters,
      networks: networksOf(gateway.networks),
      names: active === null ? null : { serial: active, blocked: blockedNames(gateway) }
    }
    gateway.known = {
      name: before.name,
      report: next,
      contact: this.now,
      clockOffset: 0,
      by: 'nats'
    }
    if (last === null) return
    const hasRestarted = last.started !== next.started
    const then = hasRestarted ? NO_COUNTERS : last.counters
    const { lookups, blocked, servfail, durationSum, responses } = next.counters
    this.traffic.add({
      gateway: before.name,
      ring,
      serial: active,
      hasRestarted,
      isSteady: last.active === active,
      counts: {
        lookups: lookups - then.lookups,
        blocked: blocked - then.blocked,
        servfail: servfail - then.servfail,
        durationSum: durationSum - then.durationSum,
        responses: responses - then.responses
      },
      networks: differenceOf(next.networks!, hasRestarted ? undefined : last.networks)
    })
  }

  private normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random())
  }

  private poisson(mean: number): number {
    if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()))
    const limit = Math.exp(-mean)
    let count = 0
    for (let product = this.random(); product > limit; product *= this.random()) count++
    return count
  }
}

const NO_NAMES: readonly NewName[] = []

/** Of the rules of a gateway; the judge does not look at it. */
const RULES = '0'.repeat(64)

const noLookups = (): Gateway['networks'] => ({
  offices: [0, 0],
  phones: [0, 0],
  guests: [0, 0],
  servers: [0, 0]
})

/** A copy for a report, which keeps its counts. */
const networksOf = ({ offices, phones, guests, servers }: Gateway['networks']) => ({
  offices: [offices[0], offices[1]] as Totals,
  phones: [phones[0], phones[1]] as Totals,
  guests: [guests[0], guests[1]] as Totals,
  servers: [servers[0], servers[1]] as Totals
})

type Totals = [lookups: number, blocked: number]

type Networks = NonNullable<Report['networks']>

function differenceOf(now: Networks, then: Networks = {}): Counted['networks'] {
  const of = (name: Network): NetworkCounts => {
    const [all, caught] = now[name]!
    const [allThen, caughtThen] = then[name] ?? [0, 0]
    return { lookups: all - allThen, blocked: caught - caughtThen }
  }
  return {
    offices: of('offices'),
    phones: of('phones'),
    guests: of('guests'),
    servers: of('servers')
  }
}

const parts = Object.entries(NETWORKS) as [Network, (typeof NETWORKS)[Network]][]

/** What a replay of recorded lookups says. */
function forecastOf(before: Effect, after: Effect, foreseen: number): Forecast {
  const lookups = 100_000
  const changes = parts.map(([what, { part, blocked }]) => {
    // A replay does not see what the answers of recorded lookups had.
    const listed = ({ names = [] }: Effect): number =>
      names.reduce((all, { network, share, is }) => {
        return network === what && is === 'listed' ? all + share : all
      }, 0)
    const share = (effect: Effect): number =>
      blocked * (effect.keeps ?? 1) + (effect.blocks?.[what] ?? 0) + listed(effect)
    const change = Math.round((share(after) - share(before)) * foreseen * part * lookups)
    return { what, newlyBlocked: Math.max(0, change), newlyAllowed: Math.max(0, -change) }
  })
  const sum = (key: 'newlyBlocked' | 'newlyAllowed'): number =>
    changes.reduce((all, one) => all + one[key], 0)
  return {
    ...{ lookups, clients: [], names: [], newlyBlocked: sum('newlyBlocked') },
    newlyAllowed: sum('newlyAllowed'),
    networks: changes.filter(one => one.newlyBlocked + one.newlyAllowed > 0)
  }
}

/** The rules of a bundle: those of a name that another rule blocks by an alias do not show it. */
function rulesOf({ names = [] }: Effect): string {
  const demanded = names.filter(({ is }) => is === 'must-resolve').map(({ name }) => name)
  const networks = parts.map(([id], i) => {
    const listed = names.filter(one => one.network === id && one.is === 'listed')
    const banned = ['a.example', ...listed.map(({ name }) => name)]
    const ban = `{ id: ${id}/b, names: [${banned.join(', ')}], authority: A, reference: r }`
    return `  ${id}: { prefixes: [127.${i}.0.0/16], bans: [${ban}] }\n`
  })
  return `must-resolve: [${demanded.join(', ')}]\nnetworks:\n${networks.join('')}`
}

function blockedNames({ effect, names }: Gateway): NewlyBlockedName[] {
  if (effect.names === undefined) return []
  return effect.names.flatMap(({ name, network, is }, i) => {
    const lookups = names[i]!
    const clients = Math.min(64, Math.ceil(lookups / LOOKUPS_PER_CLIENT))
    const mustResolve = is === 'must-resolve'
    if (clients < (mustResolve ? 1 : 2)) return []
    const match = is === 'listed' ? 'qname' : 'cname'
    return [{ name, network, rule: `${network}/b`, match, clients, lookups, mustResolve }]
  })
}

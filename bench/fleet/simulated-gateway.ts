import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { LookupFunction } from 'node:net'
import type { Clock } from '../../src/base/time/clock.js'
import type { Milliseconds } from '../../src/base/units.js'
import type { FleetConfig } from '../../src/gateway/config/fleet-config.js'
import { Channel } from '../../src/fleet/channel/channel.js'
import type { ChannelState } from '../../src/fleet/channel/channel-state.js'
import type { Report } from '../../src/fleet/channel/wire.js'

/** How often a gateway reports, as by default. */
export const REPORT_INTERVAL: Milliseconds = 10_000
const JITTER = 0.2
const SILENT = { info: none, warn: none, error: none }

function none(): void {
  return undefined
}

/** Over loopback, by address. */
const lookup: LookupFunction = (_host, _options, done) => done(null, '127.0.0.1', 4)

export interface SimulatedOptions {
  readonly folder: string
  readonly publicKey: string
  readonly fleet: Pick<FleetConfig, 'name' | 'ring' | 'nats' | 'pull'>
  readonly clock: Clock
}

/**
 * A gateway without its resolver: the channel of the product with a connection, credentials and a folder of its own. It
 * verifies each bundle, writes it, and reports it as active.
 */
export class SimulatedGateway {
  isConnected = false
  /** Serial of the bundle that is verified and on offer. */
  active = 0
  private readonly channel: Channel
  private readonly started = new Date().toISOString()
  private timer: NodeJS.Timeout | undefined
  private number = 0

  constructor(private readonly options: SimulatedOptions) {
    const { folder, publicKey, fleet, clock } = options
    mkdirSync(folder, { recursive: true })
    this.channel = new Channel({
      fleet: {
        ...fleet,
        report: REPORT_INTERVAL,
        reports: undefined,
        position: { file: '', line: 1, column: 1 }
      },
      source: {
        path: join(folder, 'rules.bundle'),
        trust: { keys: [publicKey], keyFiles: [], signatures: 1 },
        storeFolder: join(folder, 'bundles'),
        copies: join(folder, 'copies')
      },
      ...{ lookup, clock, log: SILENT },
      onState: state => this.onState(state)
    })
  }

  start(): void {
    this.channel.start()
    this.schedule(Math.random() * REPORT_INTERVAL)
  }

  async close(): Promise<void> {
    clearTimeout(this.timer)
    await this.channel.close()
  }

  private onState({ connected, offered }: ChannelState): void {
    const isNews = connected !== this.isConnected || (offered ?? 0) !== this.active
    this.isConnected = connected
    this.active = offered ?? 0
    if (isNews) this.report()
  }

  private schedule(delay: Milliseconds): void {
    this.timer = setTimeout(() => {
      this.report()
      this.schedule(REPORT_INTERVAL * (1 - JITTER * Math.random()))
    }, delay)
  }

  private report(): void {
    const { fleet, clock } = this.options
    void this.channel.report(
      reportOf(fleet.name, fleet.ring, this.active, {
        ...{ started: this.started, number: ++this.number, at: clock.wall() }
      })
    )
  }
}

/** The report of a gateway that is well. @param active 0: no bundle */
export function reportOf(
  gateway: string,
  ring: string,
  active: number,
  own: { readonly started: string; readonly number: number; readonly at: Milliseconds }
): Report {
  const at = new Date(own.at).toISOString()
  const lookups = own.number * 1000
  return {
    ...{ version: 1, gateway, ring, program: 'simulated', at, started: own.started },
    ...{ number: own.number, wanted: active || null, active: active || null },
    ...{ rules: '0'.repeat(64), since: at, ready: true, problems: [], refused: null, paused: [] },
    probe: null,
    counters: {
      ...{ lookups, blocked: lookups / 50, servfail: 0 },
      ...{ durationSum: lookups / 10, responses: lookups }
    }
  }
}

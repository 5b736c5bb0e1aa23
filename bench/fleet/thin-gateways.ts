import type { KeyObject } from 'node:crypto'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { authenticatorOf, signReport } from '../../src/fleet/channel/credentials.js'
import { inboxOf, REPORT_SUBJECT, ringSubject } from '../../src/fleet/channel/wire.js'
import { REPORT_INTERVAL, reportOf } from './simulated-gateway.js'

/** How many connect at the same time. */
const AT_ONCE = 50

export interface ThinGateway {
  readonly name: string
  /** Of its user, in an account of its own. */
  readonly jwt: string
  /** Its own nkey: each report is signed by it. */
  readonly key: KeyObject
}

/** Gateways with an account, a connection, a subscription and signed reports each, but without files. */
export class ThinGateways {
  private readonly connections: NatsConnection[] = []
  private timer: NodeJS.Timeout | undefined
  private readonly started = new Date().toISOString()
  private number = 0
  /** How many have heard of this serial. */
  heard = 0

  constructor(
    private readonly gateways: readonly ThinGateway[],
    private readonly ring: string
  ) {}

  async connect(servers: readonly string[]): Promise<void> {
    const waiting = [...this.gateways.keys()]
    const run = async (): Promise<void> => {
      for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) {
        const gateway = this.gateways[i]!
        const connection = await connect({
          servers: [servers[i % servers.length]!],
          authenticator: authenticatorOf(gateway),
          ...{ inboxPrefix: inboxOf(gateway.name), timeout: 60_000, pingInterval: 15_000 },
          reconnect: false
        })
        connection.subscribe(ringSubject(this.ring), {
          callback: () => {
            this.heard++
          }
        })
        this.connections[i] = connection
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, run))
  }

  /** All report once in each interval, spread evenly. */
  report(serial: number): void {
    clearInterval(this.timer)
    const { gateways, connections } = this
    const step = 50
    const share = Math.ceil((gateways.length * step) / REPORT_INTERVAL)
    let next = 0
    this.timer = setInterval(() => {
      for (let i = 0; i < share; i++) {
        if (next === 0) this.number++
        const { name, key } = gateways[next]!
        const own = { started: this.started, number: this.number, at: Date.now() }
        const octets = signReport(reportOf(name, this.ring, serial, own), key)
        connections[next]!.publish(REPORT_SUBJECT, octets)
        next = (next + 1) % gateways.length
      }
    }, step)
  }

  async close(): Promise<void> {
    clearInterval(this.timer)
    await Promise.all(this.connections.map(one => one.close()))
  }
}

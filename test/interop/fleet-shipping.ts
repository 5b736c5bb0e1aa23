import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import type { Test } from 'tap'
import { inboxOf } from '../../src/fleet/channel/wire.js'
import { NatsStore } from '../../src/fleet/ship/nats-store.js'
import { Pace } from '../../src/fleet/ship/pace.js'
import type { Shipper } from '../../src/fleet/ship/shipper.js'
import { LoggingGateway } from '../fleet/ship-rig.js'
import { record } from '../querylog/archive/lines.js'
import { GatewayRig, type HubRig } from './fleet-rig.js'
import { PATIENCE } from './nats-cluster.js'
import { eventually } from './processes.js'

/** Enough for several chunks, since nothing of it can be compressed. */
export const LOOKUPS = 4_000
export const DAY = '2026-11-10'
/** A file is on its way for longer than the time until a process is killed. */
const RATE = 2 ** 18

/** A gateway that sends its log over NATS, without its process. */
export interface ShippingGateway {
  readonly name: string
  readonly connection: NatsConnection
  readonly log: LoggingGateway
  readonly shipper: Shipper
}

/** A gateway that is enrolled, with a connection as the fleet thread has. */
export async function enrolled(
  t: Test,
  hub: HubRig,
  servers: string[],
  name: string
): Promise<ShippingGateway> {
  const rig = new GatewayRig(t, name, 'all')
  await rig.enrol(hub, servers)
  const connection = await connect({
    servers,
    authenticator: credsAuthenticator(readFileSync(rig.credentials)),
    inboxPrefix: inboxOf(name),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    pingInterval: 1_000
  })
  t.teardown(() => connection.close())
  const log = new LoggingGateway(t, name)
  const shipper = log.shipper(new NatsStore(() => connection, new Pace(RATE)))
  return { name, connection, log, shipper }
}

/** Closes a file with lookups of one second, all different, and archives it. */
export async function closeFile({ log }: ShippingGateway, second: number): Promise<void> {
  const text = String(second % 60).padStart(2, '0')
  const all = Array.from({ length: LOOKUPS }, () =>
    record(`${DAY}T10:00:${text}.000Z`, { qname: `${randomBytes(20).toString('hex')}.example` })
  )
  log.close(`20261110T1100${text}.000Z`, ...all)
  await log.maintain(`${DAY}T12:00:00Z`)
}

/** Sends until the centre has confirmed everything. */
export function send({ name, shipper }: ShippingGateway, output: () => string): Promise<void> {
  let last = ''
  return eventually(
    () => `${name} is confirmed: ${last} ${output()}`,
    PATIENCE * 2,
    async () => {
      try {
        const { files } = await shipper.pass()
        return files === 0
      } catch (error) {
        last = (error as Error).message
        return false
      }
    }
  )
}

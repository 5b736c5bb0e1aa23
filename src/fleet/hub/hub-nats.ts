import { setTimeout as sleep } from 'node:timers/promises'
import { connect, nanos, type NatsConnection } from '@nats-io/transport-node'
import {
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
  StorageType
} from '@nats-io/jetstream'
import { Kvm, type KV } from '@nats-io/kv'
import { Objm, type ObjectStore } from '@nats-io/obj'
import { systemClock, type Clock } from '../../base/time/clock.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import { authenticatorOf, readCredentials } from '../channel/credentials.js'
import { natsTls } from '../channel/nats-tls.js'
import {
  BUNDLES_STORE,
  ENROL_SUBJECT,
  LIVE_STREAM,
  liveSubject,
  REPORT_SUBJECT,
  RINGS_BUCKET,
  witnessSubject,
  type Wanted
} from '../channel/wire.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { HubConfig } from './hub-config.js'
import type { LogIntake } from './log-intake.js'

const RECONNECT: Milliseconds = 1_000
const PING: Milliseconds = 5_000
const TIMEOUT: Milliseconds = 3_000
/** Values of a ring that JetStream keeps. */
const HISTORY = 10
/** JSClusterNoPeersErrF of nats-server: fewer servers in JetStream's group than copies. */
const NO_PEERS = 10_005
const ACCOUNT_UPDATE = (account: string): string => `$SYS.REQ.ACCOUNT.${account}.CLAIMS.UPDATE`

export interface HubNatsEvents {
  /** Connected: buckets exist, and what they should hold is to be written. */
  connected(): Promise<void>
  report(octets: Uint8Array): void
  /** @returns the reply */
  enrol(octets: Uint8Array): Promise<Uint8Array>
  /** @returns the reply */
  countersign(gateway: string, octets: Uint8Array): Uint8Array
}

/** The connection of the hub to NATS, kept for as long as the hub runs. */
export class HubNats {
  private connection: NatsConnection | undefined
  private rings: KV | undefined
  private bundles: ObjectStore | undefined
  private readonly closing = new AbortController()
  /** Why the last attempt to connect failed; undefined: it did not. */
  private failure: { readonly error: InterdictError; readonly since: Milliseconds } | undefined

  constructor(
    private readonly config: HubConfig,
    private readonly credentials: { readonly hub: string; readonly system: string },
    private readonly events: HubNatsEvents,
    private readonly log: ServiceLog,
    /** Undefined: no logs are collected. */
    private readonly intake?: LogIntake,
    private readonly clock: Clock = systemClock
  ) {}

  get isConnected(): boolean {
    return this.bundles !== undefined
  }

  get error(): string | null {
    return this.failure?.error.message ?? null
  }

  /** Why it is not connected, if that has lasted for a time. */
  failingFor(time: Milliseconds): InterdictError | undefined {
    const { failure: last, clock } = this
    return last !== undefined && clock.now() - last.since >= time ? last.error : undefined
  }

  async run(): Promise<void> {
    const { signal } = this.closing
    while (!signal.aborted) {
      try {
        await this.connectOnce()
      } catch (error) {
        const known = natsFailure(error, this.config)
        const { code, message } = known
        if (message !== this.error && !this.closing.signal.aborted)
          this.log.warn({ code }, `${message}; retrying`)
        this.failure = { error: known, since: this.failure?.since ?? this.clock.now() }
      }
      await sleep(RECONNECT, undefined, { signal }).catch(() => undefined)
    }
  }

  async close(): Promise<void> {
    this.closing.abort()
    await this.connection?.close()
  }

  /** Says what a ring should run. @throws InterdictError HUB_NATS */
  async want(ring: string, wanted: Wanted): Promise<void> {
    const { rings } = this
    const value = JSON.stringify(wanted)
    await attempt(async () => {
      if (rings === undefined) throw new Error('not connected')
      const known = await rings.get(ring)
      if (known?.string() !== value) await rings.put(ring, value)
    })
  }

  /** Puts a bundle into the object store, unless it is there. @throws InterdictError HUB_NATS */
  async putBundle(file: string, octets: () => Promise<Uint8Array>): Promise<void> {
    const { bundles } = this
    await attempt(async () => {
      if (bundles === undefined) throw new Error('not connected')
      const known = await bundles.info(file)
      if (known === null || known.deleted) await bundles.putBlob({ name: file }, await octets())
    })
  }

  /** Deletes bundles that are not in the list. @throws InterdictError HUB_NATS */
  async keepBundles(files: ReadonlySet<string>): Promise<void> {
    const { bundles } = this
    await attempt(async () => {
      if (bundles === undefined) throw new Error('not connected')
      for (const { name } of await bundles.list()) if (!files.has(name)) await bundles.delete(name)
    })
  }

  /** Gives all servers another JWT of the account, with more revocations. @throws InterdictError HUB_NATS */
  async updateAccount(account: string, jwt: string): Promise<void> {
    await attempt(async () => {
      const connection = await this.open(this.credentials.system)
      try {
        const reply = await connection.request(ACCOUNT_UPDATE(account), jwt, { timeout: TIMEOUT })
        const { error } = reply.json<{ error?: { description?: string } }>()
        if (error !== undefined) throw new Error(error.description ?? 'refused')
      } finally {
        await connection.close()
      }
    })
  }

  private open(credentials: string): Promise<NatsConnection> {
    const { servers } = this.config.nats
    return connect({
      servers: [...servers],
      name: 'interdict-hub',
      authenticator: authenticatorOf(readCredentials(credentials)),
      tls: natsTls(this.config.nats),
      timeout: TIMEOUT,
      pingInterval: PING,
      reconnect: false
    })
  }

  private async connectOnce(): Promise<void> {
    const connection = await this.open(this.credentials.hub)
    if (this.closing.signal.aborted) return connection.close()
    this.connection = connection
    try {
      const { replicas } = this.config
      // Fails at once if JetStream is off or has no leader.
      const manager = await jetstreamManager(connection)
      const client = jetstream(connection, { timeout: TIMEOUT })
      this.rings = await new Kvm(client).create(RINGS_BUCKET, { replicas, history: HISTORY })
      this.bundles = await new Objm(client).create(BUNDLES_STORE, { replicas })
      connection.subscribe(REPORT_SUBJECT, {
        callback: (_error, message) => this.events.report(message.data)
      })
      connection.subscribe(ENROL_SUBJECT, {
        callback: (_error, message) => {
          void this.events.enrol(message.data).then(reply => message.respond(reply))
        }
      })
      connection.subscribe(witnessSubject('*'), {
        callback: (_error, message) => {
          const gateway = message.subject.slice(witnessSubject('').length)
          message.respond(this.events.countersign(gateway, message.data))
        }
      })
      await createLiveStream(manager, replicas)
      await this.intake?.attach(connection, replicas)
      await this.events.connected()
      this.failure = undefined
      this.log.info({ server: connection.getServer() }, 'connected to NATS')
      const error = await connection.closed()
      throw error ?? new Error('the connection was closed')
    } finally {
      this.connection = this.rings = this.bundles = undefined
      this.intake?.detach()
      await connection.close()
    }
  }
}

/** Why NATS cannot be used. */
export function natsFailure(
  error: unknown,
  { nats, replicas }: Pick<HubConfig, 'nats' | 'replicas'>
): InterdictError {
  if (error instanceof InterdictError) return error as InterdictError
  const servers = nats.servers.join(', ')
  const why = reasonOf(error, servers)
  return error instanceof JetStreamApiError && error.code === NO_PEERS
    ? failure('HUB_PEERS', replicas, why)
    : failure('FLEET_CONNECT', servers, why)
}

async function attempt(act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (error instanceof InterdictError) throw error
    throw failure('HUB_NATS', reasonOf(error, ''))
  }
}

/** Live blocked lookups stay for so long, at most so many octets: they are for watching, not a record. */
const LIVE_KEPT: Milliseconds = 3_600_000
const LIVE_SPACE: Octets = 256 * 1024 * 1024

async function createLiveStream(manager: JetStreamManager, replicas: number): Promise<void> {
  const config = {
    ...{ name: LIVE_STREAM, subjects: [liveSubject('*')], num_replicas: replicas },
    ...{ max_age: nanos(LIVE_KEPT), max_bytes: LIVE_SPACE, storage: StorageType.File }
  }
  const known = await manager.streams.info(LIVE_STREAM).catch(() => undefined)
  if (known === undefined) await manager.streams.add(config)
}

import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { JetStreamApiError } from '@nats-io/jetstream'
import { systemClock, type Clock } from '../../base/time/clock.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import { authenticatorOf, readCredentials } from '../channel/credentials.js'
import { natsTls } from '../channel/nats-tls.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { HubConfig } from './hub-config.js'
import { serveRequests, type RequestHandlers } from './hub-requests.js'
import { HubStreams, type StreamContents } from './hub-streams.js'
import { LiveRelay } from './live-relay.js'
import type { LogIntake } from './log-intake.js'
import {
  isUnsafe,
  listAccounts,
  lookUpAccount,
  pushAccount,
  serverVersions,
  type KnownAccounts
} from './nats-accounts.js'

const RECONNECT: Milliseconds = 1_000
const PING: Milliseconds = 5_000
const TIMEOUT: Milliseconds = 3_000
/** JSClusterNoPeersErrF of nats-server: fewer servers in JetStream's group than copies. */
const NO_PEERS = 10_005

export interface HubNatsEvents extends Omit<RequestHandlers, 'blocked'> {
  /** Connected with the account of the hub: what NATS should hold is to be compared and written. */
  connected(hub: NatsConnection): Promise<void>
  disconnected(): void
}

/** Credentials of the hub, and the account of enrolment. */
export interface HubAccess {
  /** Path of the credentials in the account of the hub. */
  readonly hub: string
  /** Path of those in the system account. */
  readonly system: string
  /** Public key of the account of enrolment. */
  readonly enrolment: string
}

interface Connected {
  /** Undefined: this hub has not written to them on this connection. */
  readonly streams: HubStreams | undefined
  readonly system: NatsConnection
  readonly hub: NatsConnection
}

/** The connections of the hub to NATS, kept for as long as the hub runs. */
export class HubNats {
  private current: Connected | undefined
  private readonly closing = new AbortController()
  private connections: readonly NatsConnection[] = []
  /** Why the last attempt to connect failed; undefined: it did not. */
  private failure: { readonly error: InterdictError; readonly since: Milliseconds } | undefined

  constructor(
    private readonly config: HubConfig,
    private readonly access: HubAccess,
    private readonly events: HubNatsEvents,
    private readonly log: ServiceLog,
    /** Undefined: no logs are collected. */
    private readonly intake?: LogIntake,
    private readonly clock: Clock = systemClock
  ) {}

  get isConnected(): boolean {
    return this.current !== undefined
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
    await Promise.all(this.connections.map(one => one.close()))
  }

  /** Uses the streams. @throws InterdictError HUB_NATS */
  streams<T>(act: (streams: HubStreams) => Promise<T>): Promise<T> {
    return this.attempt(({ streams }) => act(openOf(streams)))
  }

  /** Creates the streams that do not exist. @returns which did not @throws InterdictError HUB_NATS */
  openStreams(): Promise<readonly string[]> {
    return this.attempt(async ({ hub, system }) => {
      const missing = await HubStreams.missing(hub)
      const streams = await HubStreams.open(hub, this.config.replicas)
      if (this.current?.hub === hub) this.current = { hub, system, streams }
      return missing
    })
  }

  /** What the streams lack, or have too much, for people. @throws InterdictError HUB_NATS */
  differences(contents: StreamContents): Promise<string[]> {
    return this.streams(streams => streams.differences(contents))
  }

  /** Replaces the streams by empty ones. @throws InterdictError HUB_NATS */
  recreateStreams(): Promise<void> {
    return this.attempt(async ({ streams, hub, system }) => {
      await openOf(streams).remove()
      const created = await HubStreams.open(hub, this.config.replicas)
      if (this.current?.hub === hub) this.current = { hub, system, streams: created }
    })
  }

  /** Gives all servers the JWT of an account. @throws InterdictError HUB_NATS */
  pushAccount(jwt: string): Promise<void> {
    return this.attempt(({ system }) => pushAccount(system, jwt))
  }

  /** Accounts that the servers have. @throws InterdictError HUB_NATS */
  accounts(): Promise<KnownAccounts> {
    return this.attempt(({ system }) => listAccounts(system))
  }

  /** The JWT of an account at the servers. @throws InterdictError HUB_NATS */
  accountJwt(account: string): Promise<string> {
    return this.attempt(({ system }) => lookUpAccount(system, account))
  }

  private async attempt<T>(act: (connected: Connected) => Promise<T>): Promise<T> {
    try {
      if (this.current === undefined) throw new Error('not connected')
      return await act(this.current)
    } catch (error) {
      if (error instanceof InterdictError) throw error
      throw failure('HUB_NATS', reasonOf(error, ''))
    }
  }

  private async open(credentials: string): Promise<NatsConnection> {
    const { servers } = this.config.nats
    const connection = await connect({
      servers: [...servers],
      name: 'interdict-hub',
      authenticator: authenticatorOf(readCredentials(credentials)),
      tls: natsTls(this.config.nats),
      timeout: TIMEOUT,
      pingInterval: PING,
      // Here, so that the streams are compared again, and every failure is reported.
      reconnect: false
    })
    this.connections = [...this.connections, connection]
    // It may have been closed meanwhile.
    if (this.closing.signal.aborted) await connection.close()
    return connection
  }

  /** Until one of the connections ends. */
  private async connectOnce(): Promise<void> {
    const { access, events, log, intake, clock } = this
    try {
      const hub = await this.open(access.hub)
      const system = await this.open(access.system)
      await this.warnOfServers(system)
      this.current = { hub, system, streams: undefined }
      const relay = new LiveRelay((subject, octets) => hub.publish(subject, octets), clock)
      const blocked = (gateway: string, octets: Uint8Array): void => relay.take(gateway, octets)
      serveRequests(hub, access.enrolment, { ...events, blocked }, intake)
      await events.connected(hub)
      this.failure = undefined
      log.info({ server: hub.getServer() }, 'connected to NATS')
      const error = await Promise.race([hub.closed(), system.closed()])
      throw error ?? new Error('the connection was closed')
    } finally {
      this.current = undefined
      events.disconnected()
      await Promise.all(this.connections.map(one => one.close()))
      this.connections = []
    }
  }

  private async warnOfServers(system: NatsConnection): Promise<void> {
    for (const { name, version } of await serverVersions(system)) {
      if (!isUnsafe(version)) continue
      const { code, message } = failure('HUB_SERVER', name, version)
      this.log.warn({ code, server: name }, message)
    }
  }
}

function openOf(streams: HubStreams | undefined): HubStreams {
  if (streams === undefined) throw new Error('its streams are not open')
  return streams
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

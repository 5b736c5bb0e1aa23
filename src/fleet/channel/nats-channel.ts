import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { FleetConfig, FleetNatsConfig } from '../../gateway/config/fleet-config.js'
import { authenticatorOf, readCredentials, signReport, type Credentials } from './credentials.js'
import { natsTls } from './nats-tls.js'
import { storedMessage } from './stored-message.js'
import {
  BUNDLES_STORE,
  countersignReplySchema,
  inboxOf,
  MAX_WANTED,
  readMessage,
  REPORT_SUBJECT,
  ringSubject,
  RINGS_BUCKET,
  wantedSchema,
  WITNESS_SUBJECT,
  type Report,
  type Wanted
} from './wire.js'
import type { Countersignature } from '../../lookups/witness/countersignature.js'
import type { FetchFile } from './bundle-offer.js'

/** Times of connecting. */
export interface ConnectTimes {
  /** Delay between attempts, and its random part: thousands of gateways must not return at once. */
  readonly reconnect: Milliseconds
  readonly jitter: Milliseconds
  /** How long a server may take. */
  readonly connect: Milliseconds
}
const TIMES: ConnectTimes = { reconnect: 2_000, jitter: 3_000, connect: 10_000 }
/**
 * A server that hangs is noticed when two pings are unanswered and a third is due. With the time until the next attempt, and one
 * that meets the same server, a gateway is connected again within 41 seconds.
 */
const PING: Milliseconds = 7_000
const COUNTERSIGN_TIMEOUT: Milliseconds = 20_000
/** A JetStream object has at most this many chunks of 128 kB. */
const MAX_CHUNK: Octets = 1024 * 1024

/** A line of a chain. */
export interface CountersignRequest {
  readonly n: number
  readonly sha256: string
}

export interface NatsEvents {
  /** What the ring should run; may be called again with the same. */
  wanted(wanted: Wanted, fetch: FetchFile): void
  /** The server said what the ring should run, or that nothing is published for it. */
  contact(): void
  connected(server: string): void
  disconnected(): void
  /** A message that is none. */
  dropped(error: InterdictError): void
  failed(error: InterdictError): void
}

/**
 * The connection to NATS JetStream. It subscribes to the value of its ring, which costs the servers nothing
 * per gateway, and reads stored values by direct requests: no consumers, and the narrowest permissions.
 */
export class NatsChannel {
  private connection: NatsConnection | undefined
  private credentials: Credentials | undefined
  private readonly closing = new AbortController()

  constructor(
    private readonly fleet: FleetConfig,
    private readonly nats: FleetNatsConfig,
    private readonly events: NatsEvents,
    private readonly times = TIMES
  ) {}

  /**
   * Connects, and again whenever the connection is lost, for ever. The client library gives up after two refusals in a row, which
   * a server with many accounts sends while it starts.
   */
  async run(): Promise<void> {
    const { signal } = this.closing
    while (!signal.aborted) {
      try {
        await this.connectOnce()
      } catch (error) {
        this.events.failed(this.failureOf(error))
      }
      const { reconnect, jitter } = this.times
      const delay = reconnect + Math.random() * jitter
      await sleep(delay, undefined, { signal }).catch(() => undefined)
    }
  }

  async close(): Promise<void> {
    this.closing.abort()
    await this.connection?.close()
  }

  /** Undefined: not connected. */
  get current(): NatsConnection | undefined {
    return this.connection
  }

  /** Sends a report, if connected. @returns whether */
  report(report: Report): boolean {
    const { connection, credentials } = this
    if (connection === undefined || credentials === undefined) return false
    connection.publish(REPORT_SUBJECT, signReport(report, credentials.key))
    return true
  }

  /** Asks the hub to countersign a line of a chain. Rejects with an error that says why it did not. */
  async countersign({ n, sha256 }: CountersignRequest): Promise<Countersignature> {
    const { connection } = this
    if (connection === undefined) throw new Error('not connected to the fleet')
    const text = JSON.stringify({ n, sha256 })
    const reply = await connection.request(WITNESS_SUBJECT, text, {
      timeout: COUNTERSIGN_TIMEOUT
    })
    const read = readMessage(reply.data, countersignReplySchema, MAX_WANTED)
    if (read === undefined) throw new Error('the hub sent something else')
    if ('error' in read) throw new Error(`the hub refused: ${read.error}`)
    return read
  }

  /** Asks what the ring should run. */
  async refresh(): Promise<void> {
    const { connection } = this
    if (connection === undefined) return
    try {
      const subject = ringSubject(this.fleet.ring)
      const stored = await storedMessage(connection, `KV_${RINGS_BUCKET}`, subject)
      if (stored === undefined) this.events.contact()
      else this.onValue(stored.data)
    } catch (error) {
      if (!this.closing.signal.aborted) this.events.failed(this.failureOf(error))
    }
  }

  /** Until the connection ends. */
  private async connectOnce(): Promise<void> {
    const { nats, fleet, events } = this
    const credentials = (this.credentials = readCredentials(nats.credentials))
    const connection = await connect({
      servers: [...nats.servers],
      name: fleet.name,
      authenticator: authenticatorOf(credentials),
      inboxPrefix: inboxOf(fleet.name),
      tls: natsTls(nats),
      timeout: this.times.connect,
      pingInterval: PING,
      // Here, so that credentials are read again and every failure is reported.
      reconnect: false
    })
    if (this.closing.signal.aborted) return connection.close()
    this.connection = connection
    try {
      connection.subscribe(ringSubject(fleet.ring), {
        callback: (_error, message) => this.onValue(message.data)
      })
      events.connected(connection.getServer())
      await this.refresh()
      const error = await connection.closed()
      if (error) throw error
    } finally {
      this.connection = undefined
      events.disconnected()
    }
  }

  private onValue(octets: Uint8Array): void {
    const wanted = readMessage(octets, wantedSchema, MAX_WANTED)
    if (wanted === undefined) return this.events.dropped(failure('FLEET_MESSAGE', 'NATS'))
    this.events.contact()
    this.events.wanted(wanted, one => this.fetch(one))
  }

  /** Reads an object chunk by chunk. Rejects with an error that says why it cannot. */
  private async fetch({ file, size }: Pick<Wanted, 'file' | 'size'>): Promise<Uint8Array> {
    const { connection } = this
    if (connection === undefined) throw new Error('not connected')
    const stream = `OBJ_${BUNDLES_STORE}`
    const meta = `$O.${BUNDLES_STORE}.M.${Buffer.from(file).toString('base64url')}`
    const stored = await storedMessage(connection, stream, padded(meta))
    const description = Buffer.from(stored?.data ?? '{}').toString()
    const nuid = (JSON.parse(description) as { nuid?: string }).nuid ?? ''
    if (!/^[A-Za-z0-9]{1,64}$/.test(nuid)) throw new Error('it is not in the object store')
    const subject = `$O.${BUNDLES_STORE}.C.${nuid}`
    const chunks: Uint8Array[] = []
    let seq = 1
    for (let length = 0; length < size;) {
      const chunk = await storedMessage(connection, stream, { seq, next_by_subj: subject })
      if (chunk === undefined || chunk.data.length > MAX_CHUNK) throw new Error('it is incomplete')
      chunks.push(chunk.data)
      length += chunk.data.length
      seq = chunk.seq + 1
    }
    return Buffer.concat(chunks)
  }

  private failureOf(error: unknown): InterdictError {
    if (error instanceof InterdictError) return error as InterdictError
    const servers = this.nats.servers.join(', ')
    return failure('FLEET_CONNECT', servers, reasonOf(error, servers))
  }
}

/** The names of objects are in base64url with padding. */
function padded(subject: string): string {
  const length = subject.length - subject.lastIndexOf('.') - 1
  return subject + '='.repeat((4 - (length % 4)) % 4)
}

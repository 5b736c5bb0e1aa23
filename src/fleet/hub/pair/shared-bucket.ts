import type { NatsConnection } from '@nats-io/transport-node'
import {
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamClient,
  type JetStreamManager
} from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import type { Milliseconds, Octets } from '../../../base/units.js'

/** The bucket of JetStream's key-value store that hubs of one fleet share, in the account of the hub. */
export const HUBS_BUCKET = 'interdict-hubs'
const STREAM = `KV_${HUBS_BUCKET}`
const PREFIX = `$KV.${HUBS_BUCKET}.`
/** NATS takes messages of up to 1 MB by default. */
const CHUNK: Octets = 128 * 1024
const BLOB = 'blob.'
const TIMEOUT: Milliseconds = 3_000
/** JSStreamWrongLastSequenceErrF, and the one without a number, of nats-server. */
const WRONG_REVISION = [10_071, 10_164]

export interface StoredValue {
  readonly text: string
  readonly revision: number
  /** Of the NATS server that took it. */
  readonly time: Milliseconds
}

/** What hubs leave for each other. All methods throw errors of NATS. */
export interface SharedBucket {
  /** Undefined: there is none. */
  read(key: string): Promise<StoredValue | undefined>
  put(key: string, text: string): Promise<void>
  /**
   * Replaces a value that nobody has replaced since.
   *
   * @param revision that was last seen; 0: there was none
   * @returns the new revision; undefined: another hub has written
   */
  replace(key: string, text: string, revision: number): Promise<number | undefined>
  keys(): Promise<ReadonlySet<string>>
  putBlob(name: string, octets: Uint8Array): Promise<void>
  /** Undefined: not all of it is there. */
  blob(name: string, size: Octets): Promise<Uint8Array | undefined>
  removeBlob(name: string): Promise<void>
}

const chunksOf = (size: Octets): number => Math.max(1, Math.ceil(size / CHUNK))

/** True if all chunks of a blob are among the keys. */
export const hasBlob = (keys: ReadonlySet<string>, name: string, size: Octets): boolean =>
  Array.from({ length: chunksOf(size) }, (_, i) => `${BLOB}${name}.${i}`).every(key =>
    keys.has(key)
  )

/** Names of all blobs among the keys. */
export const blobsOf = (keys: ReadonlySet<string>): ReadonlySet<string> =>
  new Set(
    [...keys].flatMap(key =>
      key.startsWith(BLOB) ? [key.slice(BLOB.length, key.lastIndexOf('.'))] : []
    )
  )

/** The bucket at NATS. */
export class NatsBucket implements SharedBucket {
  private constructor(
    private readonly client: JetStreamClient,
    private readonly manager: JetStreamManager
  ) {}

  /** Creates the bucket if it does not exist. Throws errors of NATS. */
  static async open(connection: NatsConnection, replicas: number): Promise<NatsBucket> {
    const client = jetstream(connection, { timeout: TIMEOUT })
    const manager = await jetstreamManager(connection, { timeout: TIMEOUT })
    await new Kvm(client).create(HUBS_BUCKET, { replicas, history: 1 })
    return new NatsBucket(client, manager)
  }

  async read(key: string): Promise<StoredValue | undefined> {
    // Through the leader of the stream: copies at other servers may be old.
    const found = await this.manager.streams.getMessage(STREAM, { last_by_subj: PREFIX + key })
    if (found === null) return undefined
    return { text: found.string(), revision: found.seq, time: found.time.getTime() }
  }

  async put(key: string, text: string): Promise<void> {
    await this.client.publish(PREFIX + key, text)
  }

  async replace(key: string, text: string, revision: number): Promise<number | undefined> {
    try {
      const expect = { lastSubjectSequence: revision }
      return (await this.client.publish(PREFIX + key, text, { expect })).seq
    } catch (error) {
      if (error instanceof JetStreamApiError && WRONG_REVISION.includes(error.code))
        return undefined
      throw error
    }
  }

  async keys(): Promise<ReadonlySet<string>> {
    const { state } = await this.manager.streams.info(STREAM, { subjects_filter: '>' })
    return new Set(Object.keys(state.subjects ?? {}).map(subject => subject.slice(PREFIX.length)))
  }

  async putBlob(name: string, octets: Uint8Array): Promise<void> {
    for (let i = 0; i < chunksOf(octets.length); i++) {
      const chunk = octets.subarray(i * CHUNK, (i + 1) * CHUNK)
      await this.client.publish(`${PREFIX}${BLOB}${name}.${i}`, chunk)
    }
  }

  async blob(name: string, size: Octets): Promise<Uint8Array | undefined> {
    const chunks: Uint8Array[] = []
    for (let i = 0; i < chunksOf(size); i++) {
      const query = { last_by_subj: `${PREFIX}${BLOB}${name}.${i}` }
      const found = await this.manager.streams.getMessage(STREAM, query)
      if (found === null) return undefined
      chunks.push(found.data)
    }
    return Buffer.concat(chunks)
  }

  async removeBlob(name: string): Promise<void> {
    await this.manager.streams.purge(STREAM, { filter: `${PREFIX}${BLOB}${name}.>` })
  }
}

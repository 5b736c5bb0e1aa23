import { createHash } from 'node:crypto'
import { jetstream, jetstreamManager, type StoredMsg } from '@nats-io/jetstream'
import { headers, type NatsConnection } from '@nats-io/transport-node'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  END_HEADER,
  LOGS_STORE,
  LOGS_STREAM,
  logObject,
  logPathsSchema,
  logsSubject,
  MAX_LOG_PATHS,
  readMessage,
  type LogObject
} from '../channel/wire.js'
import type { LogStore, ShippedFile } from './log-store.js'
import type { Pace } from './pace.js'

const TIMEOUT: Milliseconds = 10_000
const MAX_REPLY: Octets = 64 * 1024
/** Replaces earlier messages of its subject (JetStream, "Rollups"). */
const ROLLUP = 'Nats-Rollup'

/**
 * The object store of JetStream, from which the hub takes files into the central folder. Chunks of a file have one
 * subject, and each names the one before it, so that JetStream takes every chunk once and in order; the last of them
 * tells where an interrupted upload goes on.
 */
export class NatsStore implements LogStore {
  constructor(
    private readonly gateway: string,
    private readonly connection: () => NatsConnection | undefined,
    private readonly pace: Pace
  ) {}

  async put(file: ShippedFile): Promise<boolean> {
    const connection = this.connection()
    if (connection === undefined) throw failure('FLEET_LOGS', 'nats', 'not connected')
    try {
      if (await this.isConfirmed(connection, file.path)) return true
      await this.upload(connection, file)
      return await this.isConfirmed(connection, file.path)
    } catch (error) {
      throw failure('FLEET_LOGS', 'nats', reasonOf(error, ''))
    }
  }

  async confirmed(paths: readonly string[]): Promise<ReadonlySet<string>> {
    const connection = this.connection()
    if (connection === undefined) throw failure('FLEET_LOGS', 'nats', 'not connected')
    const there = new Set<string>()
    try {
      for (let at = 0; at < paths.length; at += MAX_LOG_PATHS)
        for (const path of await this.ask(connection, paths.slice(at, at + MAX_LOG_PATHS)))
          there.add(path)
    } catch (error) {
      throw failure('FLEET_LOGS', 'nats', reasonOf(error, ''))
    }
    return there
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private async isConfirmed(connection: NatsConnection, path: string): Promise<boolean> {
    return (await this.ask(connection, [path])).includes(path)
  }

  /** Asks the hub which files it has. Without it, nothing is confirmed. */
  private async ask(
    connection: NatsConnection,
    paths: readonly string[]
  ): Promise<readonly string[]> {
    try {
      const question = JSON.stringify({ paths })
      const subject = logsSubject(this.gateway)
      const { data } = await connection.request(subject, question, { timeout: TIMEOUT })
      return readMessage(data, logPathsSchema, MAX_REPLY)?.paths ?? []
    } catch (error) {
      // No responders, or no reply: the hub is down.
      if (connection.isClosed()) throw error
      return []
    }
  }

  private async upload(connection: NatsConnection, file: ShippedFile): Promise<void> {
    const { gateway } = this
    const key = createHash('sha256').update(`${file.path}\n${file.sha256}`).digest('hex')
    const [chunks, meta] = [logObject('C', gateway, key), logObject('M', gateway, key)]
    const manager = await jetstreamManager(connection, { checkAPI: false })
    const lastOf = (subject: string): Promise<StoredMsg | null> =>
      manager.direct.getMessage(LOGS_STREAM, { last_by_subj: subject })
    // The hub has not taken it yet.
    if ((await lastOf(meta)) !== null) return
    const client = jetstream(connection, { timeout: TIMEOUT })
    const last = await lastOf(chunks)
    let end = Number(last?.header.get(END_HEADER) ?? 0)
    let lastSubjectSequence = last?.seq ?? 0
    for await (const chunk of file.read(end)) {
      const begun = performance.now()
      end += chunk.length
      const own = headers()
      own.set(END_HEADER, String(end))
      const options = { headers: own, expect: { lastSubjectSequence } }
      lastSubjectSequence = (await client.publish(chunks, chunk, options)).seq
      await this.pace.after(chunk.length, performance.now() - begun)
    }
    const object: LogObject = {
      ...{ name: file.path, bucket: LOGS_STORE, nuid: `${gateway}.${key}`, size: file.size },
      digest: `SHA-256=${Buffer.from(file.sha256, 'hex').toString('base64url')}`
    }
    const own = headers()
    own.set(ROLLUP, 'sub')
    await client.publish(meta, JSON.stringify(object), { headers: own })
  }
}

import { headers, type NatsConnection } from '@nats-io/transport-node'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  CHUNK_HEADER,
  logPathsSchema,
  LOGS_SUBJECT,
  MAX_LOG_PATHS,
  readMessage,
  UPLOAD_SUBJECT,
  uploadReplySchema,
  type LogChunk
} from '../channel/wire.js'
import type { LogStore, ShippedFile } from './log-store.js'
import type { Pace } from './pace.js'

const TIMEOUT: Milliseconds = 10_000
const MAX_REPLY: Octets = 64 * 1024
/** How often an upload goes on from where the hub says before it is left for the next pass. */
const MAX_RESUMES = 5

interface Progress {
  /** Octets that the hub has. */
  readonly at: Octets
  /** Whether it has the whole file, with its digest. */
  readonly done: boolean
}

/**
 * The hub, over NATS. It replies to each chunk with how much of the file it has, so that an interrupted upload goes on
 * there, and a chunk that was sent twice changes nothing.
 */
export class NatsStore implements LogStore {
  constructor(
    private readonly connection: () => NatsConnection | undefined,
    private readonly pace: Pace
  ) {}

  put(file: ShippedFile): Promise<boolean> {
    return this.attempt(async connection => {
      let progress = await sendChunk(connection, file, 0)
      for (let tries = 0; !progress.done && tries < MAX_RESUMES; tries++)
        progress = await this.sendFrom(connection, file, progress.at)
      return progress.done
    })
  }

  confirmed(paths: readonly string[]): Promise<ReadonlySet<string>> {
    return this.attempt(async connection => {
      const there = new Set<string>()
      for (let at = 0; at < paths.length; at += MAX_LOG_PATHS) {
        const question = JSON.stringify({ paths: paths.slice(at, at + MAX_LOG_PATHS) })
        const { data } = await connection.request(LOGS_SUBJECT, question, { timeout: TIMEOUT })
        const reply = readMessage(data, logPathsSchema, MAX_REPLY)
        for (const path of reply?.paths ?? []) there.add(path)
      }
      return there
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Sends chunks until the hub has the file, or less of it than was sent. */
  private async sendFrom(
    connection: NatsConnection,
    file: ShippedFile,
    from: Octets
  ): Promise<Progress> {
    let progress: Progress = { at: from, done: false }
    for await (const chunk of file.read(from)) {
      const begun = performance.now()
      const next = progress.at + chunk.length
      progress = await sendChunk(connection, file, progress.at, chunk)
      await this.pace.after(chunk.length, performance.now() - begun)
      if (progress.done || progress.at !== next) break
    }
    return progress
  }

  private async attempt<T>(act: (connection: NatsConnection) => Promise<T>): Promise<T> {
    const connection = this.connection()
    if (connection === undefined) throw failure('FLEET_LOGS', 'nats', 'not connected')
    try {
      return await act(connection)
    } catch (error) {
      throw failure('FLEET_LOGS', 'nats', reasonOf(error, ''))
    }
  }
}

/** @param content absent: only asks where the upload continues */
async function sendChunk(
  connection: NatsConnection,
  { path, sha256, size }: ShippedFile,
  at: Octets,
  content: Uint8Array = new Uint8Array()
): Promise<Progress> {
  const chunk: LogChunk = { path, sha256, size, at }
  const own = headers()
  own.set(CHUNK_HEADER, JSON.stringify(chunk))
  const options = { headers: own, timeout: TIMEOUT }
  const { data } = await connection.request(UPLOAD_SUBJECT, content, options)
  const reply = readMessage(data, uploadReplySchema, MAX_REPLY)
  if (reply === undefined) throw new Error('the hub sent something else')
  if ('error' in reply) throw new Error(reply.error)
  return reply
}

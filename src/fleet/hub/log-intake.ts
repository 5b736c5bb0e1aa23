import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import { nanos, type NatsConnection } from '@nats-io/transport-node'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_DAY, type Milliseconds, type Octets } from '../../base/units.js'
import {
  LOGS_STORE,
  LOGS_STREAM,
  logObject,
  logObjectSchema,
  logPathsSchema,
  logsSubject,
  readMessage,
  type LogObject
} from '../channel/wire.js'
import { CentralFolder } from '../../lookups/central/central-folder.js'
import { mayWrite } from '../../lookups/central/central-layout.js'
import { isTooLarge } from '../../lookups/central/history-layout.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { HubLogsConfig } from './hub-config.js'

/** How often new files are looked for. */
const INTERVAL: Milliseconds = 1_000
const TIMEOUT: Milliseconds = 5_000
const MAX_MESSAGE: Octets = 64 * 1024
/** What nobody completes is forgotten. */
const KEPT: Milliseconds = 30 * MS_PER_DAY
/** A file whose chunks are missing for so many attempts is sent again by its gateway. */
const MAX_ATTEMPTS = 30
/** A larger chunk was not written by a gateway. */
const MAX_CHUNK: Octets = 1024 * 1024

/**
 * Takes log files of gateways out of JetStream into the central folder, and tells gateways what is there. A file leaves
 * JetStream when it is on the disk with its digest, so that it may be taken again after a crash, which changes nothing.
 */
export class LogIntake {
  private readonly folder: CentralFolder
  private attached = new AbortController()
  private logged = ''
  /** Failed attempts by subject. */
  private readonly attempts = new Map<string, number>()

  constructor(
    private readonly config: HubLogsConfig,
    private readonly log: ServiceLog
  ) {
    this.folder = new CentralFolder(config.folder)
  }

  /** Creates the object store, and works until `detach`. Throws errors of NATS. */
  async attach(connection: NatsConnection, replicas: number): Promise<void> {
    mkdirSync(this.config.folder, { recursive: true, mode: 0o750 })
    const client = jetstream(connection, { timeout: TIMEOUT })
    const limits = { replicas, max_bytes: this.config.space, ttl: nanos(KEPT) }
    await new Objm(client).create(LOGS_STORE, limits)
    const manager = await jetstreamManager(connection, { timeout: TIMEOUT })
    connection.subscribe(logsSubject('*'), {
      callback: (_error, message) => {
        const gateway = message.subject.slice(logsSubject('').length)
        message.respond(JSON.stringify({ paths: this.present(gateway, message.data) }))
      }
    })
    this.attached = new AbortController()
    void this.run(manager, this.attached.signal)
  }

  detach(): void {
    this.attached.abort()
  }

  private present(gateway: string, question: Uint8Array): readonly string[] {
    const paths = readMessage(question, logPathsSchema, MAX_MESSAGE)?.paths ?? []
    return paths.filter(path => mayWrite(gateway, path) && this.folder.has(path))
  }

  private async run(manager: JetStreamManager, signal: AbortSignal): Promise<void> {
    const isOver = (): boolean => signal.aborted
    while (!isOver()) {
      let taken = 0
      try {
        const filter = logObject('M', '*', '*')
        const info = await manager.streams.info(LOGS_STREAM, { subjects_filter: filter })
        for (const subject of Object.keys(info.state.subjects ?? {})) {
          if (isOver()) return
          if (await this.take(manager, subject)) taken++
        }
      } catch (error) {
        if (!isOver()) this.fail(LOGS_STORE, error)
      }
      if (taken > 0) this.log.info({ files: taken }, 'log files of gateways taken')
      await sleep(INTERVAL, undefined, { signal }).catch(() => undefined)
    }
  }

  /** @returns whether the file was taken */
  private async take(manager: JetStreamManager, subject: string): Promise<boolean> {
    const [key = '', gateway = ''] = subject.split('.').reverse()
    const chunks = logObject('C', gateway, key)
    const stored = await manager.direct.getMessage(LOGS_STREAM, { last_by_subj: subject })
    // Taken a moment ago.
    if (stored === null) return false
    const object = readMessage(stored.data, logObjectSchema, MAX_MESSAGE)
    let isTaken = false
    if (
      object === undefined ||
      !mayWrite(gateway, object.name) ||
      isTooLarge(object.name, object.size)
    ) {
      const { code, message } = failure('FLEET_MESSAGE', gateway)
      this.log.warn({ code, gateway }, message)
    } else if (!this.folder.has(object.name)) {
      try {
        isTaken = await this.write(manager, chunks, object)
        if (!isTaken) this.fail(object.name, new Error('it was altered on the way'))
      } catch (error) {
        this.fail(object.name, error)
        const attempts = (this.attempts.get(subject) ?? 0) + 1
        this.attempts.set(subject, attempts)
        // Remembered although the disk is full.
        if (!(error instanceof IncompleteError) || attempts < MAX_ATTEMPTS) return false
      }
    }
    this.attempts.delete(subject)
    await manager.streams.purge(LOGS_STREAM, { filter: chunks })
    await manager.streams.purge(LOGS_STREAM, { filter: subject })
    return isTaken
  }

  private write(manager: JetStreamManager, chunks: string, object: LogObject): Promise<boolean> {
    const digest = Buffer.from(object.digest.slice('SHA-256='.length), 'base64url').toString('hex')
    return this.folder.write(object.name, digest, offset =>
      readChunks(manager, chunks, object.size, offset)
    )
  }

  /** Logs a failure once until another one. */
  private fail(what: string, error: unknown): void {
    const { code, message } = failure('HUB_LOGS', what, reasonOf(error, what))
    if (message !== this.logged) this.log.warn({ code }, `${message}; retrying`)
    this.logged = message
  }
}

/** The chunks do not make up the file, or some have not arrived yet. */
class IncompleteError extends Error {}

/** The content of an object from an offset on. Throws if it is incomplete. */
async function* readChunks(
  manager: JetStreamManager,
  subject: string,
  size: Octets,
  offset: Octets
): AsyncGenerator<Uint8Array> {
  let seq = 1
  for (let at = 0; at < size;) {
    const chunk = await manager.direct.getMessage(LOGS_STREAM, { seq, next_by_subj: subject })
    if (chunk === null || chunk.data.length > MAX_CHUNK)
      throw new IncompleteError('it is incomplete')
    const end = at + chunk.data.length
    if (end > size) throw new IncompleteError('it is too long')
    if (end > offset) yield chunk.data.subarray(Math.max(0, offset - at))
    at = end
    seq = chunk.seq + 1
  }
}

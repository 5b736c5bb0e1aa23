import { mkdirSync } from 'node:fs'
import type { Msg } from '@nats-io/transport-node'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  CHUNK_HEADER,
  logChunkSchema,
  logPathsSchema,
  readMessage,
  type LogChunk,
  type UploadReply
} from '../channel/wire.js'
import { CentralFolder } from '../../lookups/central/central-folder.js'
import { mayWrite } from '../../lookups/central/central-layout.js'
import { isTooLarge } from '../../lookups/central/history-layout.js'
import type { PartialFile } from '../../lookups/central/partial-file.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { HubLogsConfig } from './hub-config.js'

const MAX_MESSAGE: Octets = 64 * 1024
/** Chunks of one gateway that wait: it sends the next one after the reply. */
const MAX_WAITING = 4
/** A file that gets nothing for so long is closed; its upload continues where it stopped. */
const IDLE: Milliseconds = 60_000

/** The upload of a gateway, one file at a time. */
interface Upload {
  /** Ends with the last chunk that waits. */
  last: Promise<unknown>
  waiting: number
  open: { readonly chunk: LogChunk; readonly file: PartialFile } | undefined
  timer: NodeJS.Timeout | undefined
}

/**
 * Writes log files of gateways into the central folder chunk by chunk, and tells gateways what is there. A file that was cut
 * off continues where it stopped, also after a restart of the hub.
 */
export class LogIntake {
  private readonly folder: CentralFolder
  private readonly uploads = new Map<string, Upload>()
  private logged = ''

  /** Throws the system error. */
  constructor(
    config: HubLogsConfig,
    private readonly log: ServiceLog
  ) {
    mkdirSync(config.folder, { recursive: true, mode: 0o750 })
    this.folder = new CentralFolder(config.folder)
  }

  /** Which of some files are there, as a reply. */
  present(gateway: string, question: Uint8Array): string {
    const paths = readMessage(question, logPathsSchema, MAX_MESSAGE)?.paths ?? []
    const there = paths.filter(path => mayWrite(gateway, path) && this.folder.has(path))
    return JSON.stringify({ paths: there })
  }

  /** Takes a chunk after those before it. @returns the reply */
  async take(gateway: string, { headers, data }: Pick<Msg, 'headers' | 'data'>): Promise<string> {
    const text = Buffer.from(headers?.get(CHUNK_HEADER) ?? '')
    const chunk = readMessage(text, logChunkSchema, MAX_MESSAGE)
    const reply = await this.replyTo(gateway, chunk, data)
    return JSON.stringify(reply)
  }

  async close(): Promise<void> {
    for (const upload of this.uploads.values()) {
      clearTimeout(upload.timer)
      await upload.last
      await closeFile(upload)
    }
  }

  private async replyTo(
    gateway: string,
    chunk: LogChunk | undefined,
    data: Uint8Array
  ): Promise<UploadReply> {
    if (
      chunk === undefined ||
      !mayWrite(gateway, chunk.path) ||
      isTooLarge(chunk.path, chunk.size) ||
      chunk.at + data.length > chunk.size
    ) {
      const { code, message } = failure('FLEET_MESSAGE', gateway)
      this.log.warn({ code, gateway }, message)
      return { error: message }
    }
    const upload = this.uploadOf(gateway)
    if (upload.waiting >= MAX_WAITING) return { error: 'too many chunks at once' }
    upload.waiting++
    const reply = upload.last.then(() => this.write(upload, chunk, data))
    upload.last = reply
    try {
      return await reply
    } finally {
      upload.waiting--
    }
  }

  private uploadOf(gateway: string): Upload {
    const known = this.uploads.get(gateway)
    if (known !== undefined) return known
    const upload = { last: Promise.resolve(), waiting: 0, open: undefined, timer: undefined }
    this.uploads.set(gateway, upload)
    return upload
  }

  /** Never throws. */
  private async write(upload: Upload, chunk: LogChunk, data: Uint8Array): Promise<UploadReply> {
    const { path, size, sha256 } = chunk
    clearTimeout(upload.timer)
    try {
      if (this.folder.has(path)) {
        await closeFile(upload)
        return { at: size, done: true }
      }
      const file = await this.open(upload, chunk)
      if (file.size === chunk.at && data.length > 0) await file.append(data)
      if (file.size < size) return { at: file.size, done: false }
      upload.open = undefined
      if (await this.folder.finish(path, file, sha256)) {
        this.log.info({ file: path }, 'log file of a gateway taken')
        return { at: size, done: true }
      }
      return this.fail(path, new Error('it was altered on the way'))
    } catch (error) {
      await closeFile(upload)
      return this.fail(path, error)
    } finally {
      upload.timer = setTimeout(() => this.closeIdle(upload), IDLE).unref()
    }
  }

  private async open(upload: Upload, chunk: LogChunk): Promise<PartialFile> {
    const known = upload.open
    if (known?.chunk.path === chunk.path && known.chunk.sha256 === chunk.sha256) return known.file
    await closeFile(upload)
    const file = await this.folder.open(chunk.path)
    upload.open = { chunk, file }
    return file
  }

  private closeIdle(upload: Upload): void {
    upload.last = upload.last.then(() => closeFile(upload))
  }

  /** Logs a failure once until another one. */
  private fail(path: string, error: unknown): UploadReply {
    const { code, message } = failure('HUB_LOGS', path, reasonOf(error, path))
    if (message !== this.logged) this.log.warn({ code }, `${message}; retrying`)
    this.logged = message
    return { error: message }
  }
}

/** Never throws: what is on the disk stays for later. */
async function closeFile(upload: Upload): Promise<void> {
  const { open } = upload
  upload.open = undefined
  await open?.file.close().catch(() => undefined)
}

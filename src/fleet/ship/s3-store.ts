import { basename, dirname } from 'node:path/posix'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'
import { parseCentralPath } from '../../lookups/central/central-layout.js'
import { parseState, replaces } from '../../lookups/central/history-layout.js'
import type { LogStore, ShippedFile } from './log-store.js'
import { elementsOf, textOf, type S3Client } from './s3-client.js'

/** The least size of a part but the last (S3 User Guide, "Multipart upload limits"): kept in memory. */
export const PART: Octets = 5 * 1024 * 1024

/** A part that the service has. */
interface Part {
  readonly number: number
  readonly etag: string
}

/**
 * A bucket of an S3 service. An object appears when all of it has arrived with the digests that the requests are
 * signed with. The parts of a larger one stay at the service until it is complete, so that an interrupted upload
 * goes on where it stopped; nothing about it is stored here.
 */
export class S3Store implements LogStore {
  constructor(
    private readonly client: S3Client,
    private readonly prefix: string,
    /** For messages. */
    private readonly to: string
  ) {}

  async put(file: ShippedFile): Promise<boolean> {
    const key = this.prefix + file.path
    try {
      if (await this.has(key, file.size)) return true
      if (file.size <= PART)
        await this.client.request('PUT', key, {}, await contentOf(file, 0, PART))
      else await this.putParts(key, file)
      if (!(await this.has(key, file.size))) throw new Error(`${key} was not stored`)
      await this.removeReplaced(file.path)
      return true
    } catch (error) {
      throw failure('FLEET_LOGS', this.to, reasonOf(error, this.to))
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  private async has(key: string, size: Octets): Promise<boolean> {
    const { status, length } = await this.client.request('HEAD', key, {}, undefined, [200, 404])
    return status === 200 && length === size
  }

  private async putParts(key: string, file: ShippedFile): Promise<void> {
    const { client } = this
    const uploadId = (await this.begun(key)) ?? (await this.begin(key))
    const known = await this.partsOf(key, uploadId)
    const parts: Part[] = []
    for (let at = 0, number = 1; at < file.size; at += PART, number++) {
      const there = known.find(one => one.number === number)
      const query = { partNumber: String(number), uploadId }
      const { etag } =
        there ?? (await client.request('PUT', key, query, await contentOf(file, at, PART)))
      parts.push({ number, etag })
    }
    const list = parts.map(
      ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`
    )
    const body = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`
    const { text } = await client.request('POST', key, { uploadId }, Buffer.from(body))
    // The service may say so after it has said 200.
    if (text.includes('<Error>')) throw new Error(textOf(text, 'Message') ?? 'not completed')
  }

  /** The upload of a key that was interrupted. */
  private async begun(key: string): Promise<string | undefined> {
    const { text } = await this.client.request('GET', '', { uploads: '', prefix: key })
    const own = elementsOf(text, 'Upload').find(upload => textOf(upload, 'Key') === key)
    return own && textOf(own, 'UploadId')
  }

  private async begin(key: string): Promise<string> {
    const { text } = await this.client.request('POST', key, { uploads: '' })
    const uploadId = textOf(text, 'UploadId')
    if (uploadId === undefined) throw new Error('no upload was begun')
    return uploadId
  }

  private async partsOf(key: string, uploadId: string): Promise<Part[]> {
    const { text } = await this.client.request('GET', key, { uploadId })
    return elementsOf(text, 'Part').map(part => {
      return { number: Number(textOf(part, 'PartNumber')), etag: textOf(part, 'ETag') ?? '' }
    })
  }

  /** Removes older generations: what of them had expired must not stay. */
  private async removeReplaced(path: string): Promise<void> {
    await this.removeStates(path)
    const file = parseCentralPath(path)
    if (file?.kind !== 'parquet' || file.generation === 0) return
    const folder = `${this.prefix}day=${file.day}/gateway=${file.gateway}/`
    await this.removeFrom(folder, key => {
      const other = parseCentralPath(key.slice(this.prefix.length))
      return other !== undefined && other.generation < file.generation
    })
  }

  /** Removes earlier states of a history. */
  private async removeStates(path: string): Promise<void> {
    const state = parseState(basename(path))
    if (state === undefined) return
    // Slices of the same history are not listed: a page has a thousand names at most.
    const prefix = `${this.prefix}${dirname(path)}/${state.kind}-`
    await this.removeFrom(prefix, key => {
      const other = parseState(basename(key))
      return other !== undefined && replaces(state, other)
    })
  }

  private async removeFrom(prefix: string, isReplaced: (key: string) => boolean): Promise<void> {
    const { text } = await this.client.request('GET', '', { 'list-type': '2', prefix })
    for (const key of elementsOf(text, 'Contents').map(one => textOf(one, 'Key') ?? ''))
      if (isReplaced(key)) await this.client.request('DELETE', key, {}, undefined, [200, 204])
  }
}

async function contentOf(file: ShippedFile, from: Octets, size: Octets): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of file.read(from)) {
    chunks.push(chunk.subarray(0, size - length))
    length += chunk.length
    if (length >= size) break
  }
  return Buffer.concat(chunks)
}

import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, inflateRawSync } from 'node:zlib'
import type { Octets } from '../../base/units.js'
import { sha256Of } from '../../base/bytes/sha256.js'
import { applyDelta } from './delta.js'
import { MAX_DEPTH, Segment, type BlobLine } from './segment.js'

const SEGMENT = /^\d{6}\.jsonl$/
const OBJECT = /^([0-9a-f]{64})\.gz$/
/** A list has at most so many octets, and nothing here is larger. */
export const MAX_CONTENT: Octets = 1024 * 1024 * 1024

/** The history within the state folder. */
export const historyFolder = (state: string): string => join(state, 'history')

/** Where the history of rules is stored: segments, and long contents in files of their own. */
export class HistoryFolder {
  /** @param objects folder of long contents */
  constructor(
    readonly path: string,
    readonly objects = join(path, 'objects')
  ) {}

  /** Numbers of the segments, the oldest first; none without the folder. Throws the system's error. */
  async segments(): Promise<readonly number[]> {
    const names = await readdir(this.path).catch(ignoreMissing)
    return names
      .filter(name => SEGMENT.test(name))
      .map(name => parseInt(name, 10))
      .sort(ascending)
  }

  segmentPath(number: number): string {
    return join(this.path, `${String(number).padStart(6, '0')}.jsonl`)
  }

  async readSegment(number: number): Promise<Segment> {
    return Segment.parse(await readFile(this.segmentPath(number)))
  }

  objectPath(sha256: string): string {
    return join(this.objects, `${sha256}.gz`)
  }

  hasObject(sha256: string): Promise<boolean> {
    return access(this.objectPath(sha256)).then(
      () => true,
      () => false
    )
  }

  /** SHA-256 of the contents in files of their own. */
  async objectNames(): Promise<readonly string[]> {
    const names = await readdir(this.objects).catch(ignoreMissing)
    return names.flatMap(name => OBJECT.exec(name)?.[1] ?? [])
  }

  /** Whether a content is stored; it may still be damaged. */
  async has(segment: Segment, sha256: string): Promise<boolean> {
    return segment.hasBlob(sha256) || (await this.hasObject(sha256))
  }

  /** @returns undefined: it is not stored, or damaged */
  async content(segment: Segment, sha256: string): Promise<Buffer | undefined> {
    const steps: BlobLine[] = []
    let next: string | undefined = sha256
    let octets: Buffer | undefined
    while (next !== undefined && octets === undefined) {
      const line: BlobLine | undefined = segment.blob(next)
      if (line === undefined) octets = await this.object(next)
      else if (steps.push(line) > MAX_DEPTH + 1) return undefined
      if (line === undefined && octets === undefined) return undefined
      next = line?.of
    }
    try {
      for (const line of steps.reverse()) octets = expand(line, octets)
    } catch {
      return undefined
    }
    return octets !== undefined && sha256Of(octets) === sha256 ? octets : undefined
  }

  private async object(sha256: string): Promise<Buffer | undefined> {
    try {
      return gunzipSync(await readFile(this.objectPath(sha256)), { maxOutputLength: MAX_CONTENT })
    } catch {
      return undefined
    }
  }
}

function expand({ data, size, of, head = 0, tail = 0 }: BlobLine, base?: Buffer): Buffer {
  const packed = Buffer.from(data, 'base64')
  const middle = inflateRawSync(packed, { maxOutputLength: Math.max(1, size) })
  return of === undefined ? middle : applyDelta(base!, { head, tail, middle })
}

const ascending = (one: number, other: number): number => one - other

function ignoreMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return []
  throw error
}

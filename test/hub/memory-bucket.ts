import type { SharedBucket, StoredValue } from '../../src/fleet/hub/pair/shared-bucket.js'

/** The bucket of two hubs as NATS has it: one value for each key, with revisions that only grow. */
export class MemoryBucket {
  readonly values = new Map<string, { octets: Uint8Array; revision: number; time: number }>()
  private revision = 0

  constructor(private readonly now: () => number) {}

  put(key: string, value: Uint8Array | string): number {
    const octets = typeof value === 'string' ? Buffer.from(value) : value
    this.values.set(key, { octets, revision: ++this.revision, time: this.now() })
    return this.revision
  }
}

/** The connection of one hub. */
export class MemoryConnection implements SharedBucket {
  /** Nothing arrives. */
  isCut = false
  /** Writes arrive, but their confirmations do not. */
  isDeaf = false

  constructor(private readonly bucket: MemoryBucket) {}

  read(key: string): Promise<StoredValue | undefined> {
    return this.use(({ values }) => {
      const found = values.get(key)
      if (found === undefined) return undefined
      const { octets, revision, time } = found
      return { text: Buffer.from(octets).toString(), revision, time }
    })
  }

  put(key: string, text: string): Promise<void> {
    return this.use(bucket => void bucket.put(key, text))
  }

  async replace(key: string, text: string, revision: number): Promise<number | undefined> {
    const written = await this.use(bucket => {
      if ((bucket.values.get(key)?.revision ?? 0) !== revision) return undefined
      return bucket.put(key, text)
    })
    if (this.isDeaf) throw new Error('timeout')
    return written
  }

  keys(): Promise<ReadonlySet<string>> {
    return this.use(({ values }) => new Set(values.keys()))
  }

  putBlob(name: string, octets: Uint8Array): Promise<void> {
    return this.use(bucket => void bucket.put(`blob.${name}.0`, octets))
  }

  blob(name: string): Promise<Uint8Array | undefined> {
    return this.use(({ values }) => values.get(`blob.${name}.0`)?.octets)
  }

  removeBlob(name: string): Promise<void> {
    return this.use(({ values }) => void values.delete(`blob.${name}.0`))
  }

  private async use<T>(act: (bucket: MemoryBucket) => T): Promise<T> {
    // As a message to a server: others run meanwhile.
    await Promise.resolve()
    if (this.isCut) throw new Error('timeout')
    return act(this.bucket)
  }
}

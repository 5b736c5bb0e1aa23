import { ClientPrefix, networkBits } from './client-prefix.js'
import type { ClientKeys } from './connections-by-client.js'
import type { LimitOptions } from './query-limit.js'

/** Limits the open connections of each client. Uses memory for clients with a connection only. */
export class ConnectionLimit {
  private readonly counts = new Map<string, number>()
  private readonly prefix: ClientPrefix
  private readonly network: ClientPrefix

  constructor(
    private readonly maxPerClient: number,
    private readonly options: Pick<LimitOptions, 'bits' | 'exempt'>
  ) {
    this.prefix = new ClientPrefix(options.bits)
    this.network = new ClientPrefix(networkBits(options.bits))
  }

  /** Number of clients with a connection. */
  get clients(): number {
    return this.counts.size
  }

  /** Counts a connection of the client with this address (four words); false if above the limit. */
  tryOpen(client: Uint32Array): boolean {
    const count = this.counts.get(this.keyOf(client)) ?? 0
    if (count >= this.maxPerClient && !this.isExempt(client)) return false
    this.open(client)
    return true
  }

  /** Counts a connection, whatever the limit. */
  open(client: Uint32Array): void {
    const key = this.keyOf(client)
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
  }

  /** Uncounts a connection. */
  close(client: Uint32Array): void {
    const key = this.keyOf(client)
    const count = this.counts.get(key) ?? 0
    if (count > 1) this.counts.set(key, count - 1)
    else this.counts.delete(key)
  }

  /** undefined: an exempt client, which does not have to make room for others. */
  keysOf(client: Uint32Array): ClientKeys | undefined {
    if (this.isExempt(client)) return undefined
    return { client: this.keyOf(client), network: this.keyOf(client, this.network) }
  }

  private isExempt(client: Uint32Array): boolean {
    const { exempt } = this.options
    return exempt !== undefined && exempt.find(client, 0) !== 0
  }

  private keyOf(client: Uint32Array, prefix = this.prefix): string {
    prefix.read(client, 0)
    return `${prefix.high} ${prefix.low}`
  }
}

import { ClientPrefix } from './client-prefix.js'
import type { LimitOptions } from './query-limit.js'

/** Connections that one client may have open. Bounded by the connections that there are. */
export class ConnectionLimit {
  private readonly open = new Map<string, number>()
  private readonly prefix: ClientPrefix

  constructor(
    private readonly maxPerClient: number,
    private readonly scope: Pick<LimitOptions, 'bits' | 'exempt'>
  ) {
    this.prefix = new ClientPrefix(scope.bits)
  }

  /** Clients with a connection. */
  get clients(): number {
    return this.open.size
  }

  /** Counts one more of the client with these four words: false, and not counted, if too many. */
  tryOpen(client: Uint32Array): boolean {
    const key = this.keyOf(client)
    const held = this.open.get(key) ?? 0
    const { exempt } = this.scope
    if (held >= this.maxPerClient && (exempt === undefined || exempt.find(client, 0) === 0))
      return false
    this.open.set(key, held + 1)
    return true
  }

  /** Takes back what `enter` counted. */
  close(client: Uint32Array): void {
    const key = this.keyOf(client)
    const held = this.open.get(key) ?? 0
    if (held > 1) this.open.set(key, held - 1)
    else this.open.delete(key)
  }

  private keyOf(client: Uint32Array): string {
    this.prefix.read(client, 0)
    return `${this.prefix.high} ${this.prefix.low}`
  }
}

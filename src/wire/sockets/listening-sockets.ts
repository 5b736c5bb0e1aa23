import type {
  BatchHandler,
  DatagramSocket,
  Endpoint,
  TcpListenOptions,
  Transport
} from './datagram.js'

/** A socket on which a process listens for clients. */
export interface ListeningSocket extends Endpoint {
  readonly protocol: 'udp' | 'tcp'
  /** The file descriptor in this process. */
  readonly fd: number
}

/** Opens sockets for clients. */
export type Listen = Pick<Transport, 'bind' | 'tcpListen'>

/**
 * Opens sockets for clients: first those inherited from another process, then new ones. It remembers which, so
 * that another process can inherit them.
 */
export class ListeningSockets implements Listen {
  /** Sockets opened so far. */
  readonly opened: ListeningSocket[] = []
  private readonly inherited: ListeningSocket[]

  constructor(
    private readonly transport: Listen,
    inherited: readonly ListeningSocket[]
  ) {
    this.inherited = [...inherited]
  }

  /**
   * Whether an inherited socket of this endpoint is not open yet.
   *
   * @param withUdp false: only TCP sockets count, since the endpoint has TLS now
   */
  hasMore(endpoint: Endpoint, withUdp: boolean): boolean {
    return this.inherited.some(
      socket => isSame(socket, endpoint) && (withUdp || socket.protocol === 'tcp')
    )
  }

  async bind(endpoint: Endpoint, handler: BatchHandler): Promise<DatagramSocket> {
    const socket = await this.transport.bind(endpoint, handler, this.take('udp', endpoint))
    this.remember('udp', endpoint, socket.fd)
    return socket
  }

  async tcpListen(endpoint: Endpoint): Promise<TcpListenOptions> {
    const options = await this.transport.tcpListen(endpoint, this.take('tcp', endpoint))
    this.remember('tcp', endpoint, 'fd' in options ? options.fd : undefined)
    return options
  }

  private take(protocol: 'udp' | 'tcp', endpoint: Endpoint): number | undefined {
    const at = this.inherited.findIndex(
      socket => socket.protocol === protocol && isSame(socket, endpoint)
    )
    return at === -1 ? undefined : this.inherited.splice(at, 1)[0]!.fd
  }

  private remember(protocol: 'udp' | 'tcp', { address, port }: Endpoint, fd?: number): void {
    if (fd !== undefined) this.opened.push({ protocol, address, port, fd })
  }
}

const isSame = (one: Endpoint, other: Endpoint): boolean =>
  one.address === other.address && one.port === other.port

/**
 * Spreads sockets over this many workers, so that each gets as many of each endpoint and protocol as the others,
 * or one more. Before, each worker had one.
 */
export function shareSockets(
  sockets: readonly ListeningSocket[],
  workers: number
): ListeningSocket[][] {
  const shares = Array.from({ length: workers }, (): ListeningSocket[] => [])
  const counts = new Map<string, number>()
  for (const socket of sockets) {
    const { protocol, address, port } = socket
    const key = `${protocol} ${address} ${port}`
    const count = counts.get(key) ?? 0
    counts.set(key, count + 1)
    shares[count % workers]!.push(socket)
  }
  return shares
}

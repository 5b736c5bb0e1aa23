import { isDeepStrictEqual } from 'node:util'
import type { TickClock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import type { Config, ListenConfig } from '../config/config.js'
import type { ServerCookies } from '../../wire/dns/edns/server-cookie.js'
import type { Resolver } from '../../resolver/stages/resolve.js'
import type { ClientRecognizer } from '../../resolver/server/client-recognizer.js'
import type { TcpService } from '../../resolver/server/tcp-service.js'
import { serveTcp } from '../../resolver/server/tcp.js'
import { serveUdp, type UdpService } from '../../resolver/server/udp.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { ListeningSocket, ListeningSockets } from '../../wire/sockets/listening-sockets.js'
import type { WorkerInit } from './worker-messages.js'
import type { ReportExcess } from '../../resolver/server/cpu-budget.js'
import { cpuBudgetOf, createLimits, type Limits } from './client-limits.js'

/** The listeners of one worker, and the limits on what clients may ask of them. */
export class WorkerListeners {
  private readonly udp: UdpService[] = []
  private readonly tcp: TcpService[] = []
  /** Index of the endpoint of each in `tcp`. */
  private readonly endpointOfTcp: number[] = []
  private opened: ListeningSockets | undefined
  private config: Config | undefined
  private limits: Limits | undefined

  constructor(
    private readonly clock: TickClock,
    private readonly recognizer: ClientRecognizer,
    private certificates: WorkerInit['certificates'],
    private readonly reportExcess: ReportExcess
  ) {}

  /** What the status counts. */
  get counted() {
    const { udp, tcp, limits } = this
    return { udp, tcp, limits }
  }

  /** On which it listens for UDP, with the ports that the system chose. */
  get endpoints(): readonly Endpoint[] {
    return this.udp.map(({ local }) => local)
  }

  get sockets(): readonly ListeningSocket[] {
    return this.opened?.opened ?? []
  }

  /**
   * After the first `configure`.
   *
   * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
   */
  async open(
    sockets: ListeningSockets,
    endpoints: readonly ListenConfig[],
    resolver: Resolver
  ): Promise<void> {
    this.opened = sockets
    const { handshakeTimeout: timeout, maxHandshakes: inProgress } = this.config!.tls
    for (const [i, endpoint] of endpoints.entries()) {
      const isPlain = endpoint.certificates === undefined
      do {
        const options = this.options()
        const material = this.certificates[i]
        const { recognition, dohPath } = endpoint
        const { recognizer } = this
        const tls = material && {
          material,
          limits: { timeout, inProgress },
          dohPath,
          recognition: recognition && { recognizer, options: recognition }
        }
        if (isPlain) this.udp.push(await serveUdp(sockets, endpoint, resolver, options))
        this.tcp.push(await serveTcp(sockets, endpoint, resolver, { ...options, tls }))
        this.endpointOfTcp.push(i)
        // The process before had more workers.
      } while (sockets.hasMore(endpoint, isPlain))
    }
    // Settings may have arrived meanwhile.
    this.configureServices()
  }

  /** Limits that have not changed keep their state. */
  configure(config: Config, cookies: ServerCookies | undefined): void {
    const { config: before } = this
    this.config = config
    if (before === undefined || !isDeepStrictEqual(ofLimits(before), ofLimits(config)))
      this.limits = createLimits(
        config,
        cookies,
        cpuBudgetOf(this.clock, this.reportExcess),
        this.limits
      )
    this.configureServices()
  }

  /** Takes other certificates and ticket keys for connections to come. */
  setCertificates(certificates: WorkerInit['certificates']): void {
    this.certificates = certificates
    for (const [i, service] of this.tcp.entries()) {
      const material = certificates[this.endpointOfTcp[i]!]
      if (material !== undefined) service.replaceCertificates(material)
    }
  }

  /** Recognizes the clients of all connections again, by other rules. */
  checkIdentities(): void {
    for (const service of this.tcp) service.checkIdentities()
  }

  /** @param leaves another process has the sockets, too: see `UdpService.drain` */
  async drain(grace: Milliseconds, leaves: boolean): Promise<void> {
    await Promise.all([
      ...this.udp.map(service => service.drain(grace, leaves)),
      ...this.tcp.map(service => service.drain(grace, leaves))
    ])
  }

  close(): void {
    for (const service of [...this.udp, ...this.tcp]) service.close()
  }

  private options() {
    const { idle, maxConnections, maxInFlight } = this.config!.tcp
    const limits = { idle, connections: maxConnections, queriesInFlight: maxInFlight }
    return { limits, clock: this.clock, ...this.limits! }
  }

  private configureServices(): void {
    const options = this.options()
    for (const service of this.udp) service.configure(options)
    for (const service of this.tcp) service.configure(options)
  }
}

function ofLimits({ limits, frontEnds, cookies, tcp }: Config): unknown {
  return [limits, frontEnds, cookies.server, tcp.maxConnectionsPerClient]
}

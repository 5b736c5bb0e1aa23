import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { failure } from '../../base/errors/error.js'
import { readSecretText } from '../../base/files/secret-file.js'
import { trackDatagramSocket } from '../../base/threads/datagram-sockets.js'
import type { Milliseconds } from '../../base/units.js'
import { addressWords, readAddress, showAddress } from '../../base/values/address.js'
import { compilePrefixes, PrefixTable } from '../../base/values/prefix-table.js'
import { RadiusAccounting } from '../../sources/bindings/radius-accounting.js'
import type { FeedReporter, OpenFeed } from './feed-reporter.js'

/** At most one line in this time; the others are counted. */
const LOG_INTERVAL: Milliseconds = 10_000
const RETRY: Milliseconds = 5_000

/** Receives RADIUS accounting over UDP. */
export class RadiusFeed implements OpenFeed {
  private socket: Socket | undefined
  private readonly accounting: RadiusAccounting
  /** By number of the prefix in the settings. */
  private secrets: readonly string[] = []
  private readonly prefixes: PrefixTable
  private logAt: Milliseconds = -Infinity
  private suppressed = 0
  private retryAt: Milliseconds = -Infinity

  constructor(private readonly reporter: FeedReporter) {
    const { name: source, lifetime, nas, needsMessageAuthenticator } = reporter.feed
    const { store } = reporter
    this.accounting = new RadiusAccounting({ source, store, lifetime, needsMessageAuthenticator })
    const prefixes = nas.map(({ prefix }) => prefix)
    // Longest first; 0: none of them.
    this.prefixes = new PrefixTable(
      compilePrefixes(prefixes, covering => (covering[0] === undefined ? 0 : covering[0] + 1))
    )
  }

  get name(): string {
    return this.reporter.feed.name
  }

  get error(): string | undefined {
    return this.reporter.error
  }

  start(): void {
    this.open()
  }

  /** Tries again to open what could not be opened. */
  poll(): void {
    if (this.socket === undefined && this.reporter.clock.now() >= this.retryAt) this.open()
  }

  close(): void {
    this.socket?.close()
    this.socket = undefined
  }

  private open(): void {
    const { feed, clock } = this.reporter
    const { address, port } = feed.listen!
    this.retryAt = clock.now() + RETRY
    try {
      this.secrets = feed.nas.map(({ secretFile }) => secretOf(secretFile))
    } catch (error) {
      return this.reporter.down(error)
    }
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    this.socket = socket
    trackDatagramSocket(socket)
    socket.on('error', error => {
      this.close()
      this.reporter.down(error)
    })
    socket.on('message', (octets, from) => this.receive(octets, from))
    socket.bind(port, address, () => this.reporter.up())
  }

  private receive(octets: Buffer, from: RemoteInfo): void {
    const address = showAddress(readAddress(from.address.split('%')[0]!))
    const number = this.prefixes.find(addressWords(readAddress(address)), 0)
    if (number === 0) return this.refuse(address, 'it is not under nas')
    const nas = { address, secret: this.secrets[number - 1]! }
    const result = this.accounting.handle(octets, nas, this.reporter.clock.wall())
    if ('refused' in result) return this.refuse(address, result.refused)
    this.socket?.send(result.response, from.port, from.address)
  }

  private refuse(address: string, why: string): void {
    const { reporter, name } = this
    const now = reporter.clock.now()
    if (now < this.logAt) {
      this.suppressed++
      return
    }
    this.logAt = now + LOG_INTERVAL
    const { code, message } = failure('RADIUS_REFUSED', name, address, why)
    const more = this.suppressed === 0 ? {} : { suppressed: this.suppressed }
    this.suppressed = 0
    reporter.log.warn({ code, ...more }, message)
  }
}

function secretOf(file: string): string {
  const secret = readSecretText(file)
  if (secret === '') throw new Error(`${file} has no secret`)
  return secret
}

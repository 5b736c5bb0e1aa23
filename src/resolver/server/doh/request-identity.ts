import type { ConnectionIdentity, ClientHandshake, Recognition } from '../client-recognizer.js'
import type { Peer } from '../client-connection.js'
import { STATUS } from './request-fields.js'

/**
 * Whose the requests of one connection are: that of the connection, by certificate or server name, or by the
 * token in the path. A token is looked up once, as long as the requests that follow have the same.
 */
export class RequestIdentity {
  private token = ''
  private ofToken: ConnectionIdentity | undefined | null
  private version = -1
  private hasOwn = false
  private own: ConnectionIdentity | undefined | null

  /** @param recognition undefined: there are no tokens */
  constructor(
    private readonly stream: ClientHandshake,
    private readonly peer: Peer,
    private readonly recognition: Recognition | undefined
  ) {}

  /** Whether a connection has to be closed: the identity of one of its requests is no longer valid. */
  get isLost(): boolean {
    return this.peer.identity?.isLost === true || this.ofToken?.isLost === true
  }

  /** Looks its identities up in the rules in force. */
  refresh(): void {
    this.peer.identity?.refresh()
    this.ofToken?.refresh()
  }

  /**
   * The identity of a request, or the status with which it is refused.
   *
   * @param token empty: none
   */
  find(token: string): ConnectionIdentity | undefined | number {
    const { recognition, peer } = this
    if (token === '') {
      if (!this.hasOwn)
        this.own = peer.identity ?? recognition?.recognizer.missing(recognition.options)
      this.hasOwn = true
      return this.own === null ? STATUS.forbidden : this.own
    }
    if (recognition === undefined) return STATUS.notFound
    const { recognizer, options } = recognition
    const isKnown = token === this.token && (this.ofToken ?? undefined) !== undefined
    if (!isKnown && (token !== this.token || this.version !== recognizer.version)) {
      this.token = token
      this.version = recognizer.version
      this.ofToken = recognizer.recognize(this.stream, peer.client, options, token)
    }
    return this.ofToken === null ? STATUS.forbidden : this.ofToken
  }
}

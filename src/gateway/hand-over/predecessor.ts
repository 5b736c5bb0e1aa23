import { closeSync } from 'node:fs'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { packageVersion } from '../../base/package.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { ListeningSocket } from '../../wire/sockets/listening-sockets.js'
import type { CookieSecrets } from '../workers/cookie-secrets.js'
import {
  FIRST_SOCKET,
  HAND_OVER_PROTOCOL,
  HAND_OVER_VARIABLE,
  readKey,
  readSecrets,
  type FromSuccessor,
  type Offer
} from './hand-over.js'

/** This process, or a part of it in tests. */
export interface ChildSide {
  readonly env: NodeJS.ProcessEnv
  send?(message: FromSuccessor): unknown
  once(event: 'message', listener: (offer: Offer) => void): unknown
  once(event: 'disconnect', listener: () => void): unknown
}

/** The running gateway that this process replaces: see `hand-over.ts`. */
export class Predecessor {
  readonly version: string
  readonly cookieSecrets: CookieSecrets | undefined
  /** Of TLS session tickets. */
  readonly ticketKey: Uint8Array | undefined
  /** Of its rules; undefined: an older version does not send it. */
  readonly rulesSha256: string | undefined
  private sockets: readonly ListeningSocket[]

  /** Resolves with UPGRADE_ABANDONED if the running gateway ends before `replace`. */
  readonly abandoned: Promise<InterdictError>
  private isReplacing = false

  private constructor(
    { version, sockets, cookieSecrets, ticketKey, rulesSha256 }: Offer,
    private readonly child: ChildSide,
    private readonly lost: Promise<void>
  ) {
    this.version = version
    this.abandoned = new Promise(resolve => {
      void lost.then(() => {
        if (!this.isReplacing) resolve(failure('UPGRADE_ABANDONED'))
      })
    })
    this.cookieSecrets = readSecrets(cookieSecrets)
    this.ticketKey = readKey(ticketKey)
    this.rulesSha256 = rulesSha256
    this.sockets = sockets.map((socket, i) => ({ ...socket, fd: FIRST_SOCKET + i }))
  }

  /**
   * Undefined: this process replaces none.
   *
   * @throws InterdictError UPGRADE_ABANDONED, UPGRADE_PROTOCOL
   */
  static async of(child: ChildSide): Promise<Predecessor | undefined> {
    if (child.env[HAND_OVER_VARIABLE] === undefined) return undefined
    // Not for processes that this one starts.
    Reflect.deleteProperty(child.env, HAND_OVER_VARIABLE)
    const lost = new Promise<void>(resolve => child.once('disconnect', resolve))
    const offer = new Promise<Offer>(resolve => child.once('message', resolve))
    const received = await Promise.race([offer, lost])
    if (received === undefined) throw failure('UPGRADE_ABANDONED')
    const { protocol, version } = received
    if (protocol !== HAND_OVER_PROTOCOL) throw failure('UPGRADE_PROTOCOL', version, protocol)
    return new Predecessor(received, child, lost)
  }

  /** The endpoint of an inherited socket; for port 0, that of any at this address which is not in `taken`. */
  find({ address, port }: Endpoint, taken: readonly Endpoint[]): Endpoint | undefined {
    const found = this.sockets.find(
      socket =>
        socket.address === address &&
        (socket.port === port ||
          (port === 0 && !taken.some(one => one.address === address && one.port === socket.port)))
    )
    return found && { address, port: found.port }
  }

  /** The sockets of these endpoints; all others are closed. */
  take(endpoints: readonly Endpoint[]): readonly ListeningSocket[] {
    const isWanted = (socket: ListeningSocket): boolean =>
      endpoints.some(({ address, port }) => socket.address === address && socket.port === port)
    for (const { fd } of this.sockets.filter(socket => !isWanted(socket))) closeSync(fd)
    this.sockets = this.sockets.filter(isWanted)
    return this.sockets
  }

  /** Tells it that the workers of this process listen; resolves when it has ended. */
  async replace(): Promise<void> {
    this.isReplacing = true
    this.child.send?.({ kind: 'listening', version: packageVersion() })
    await this.lost
  }

  /** Tells it why this process ends. */
  fail(reason: string): void {
    this.child.send?.({ kind: 'failed', reason })
  }
}

import type { ListeningSocket } from '../../wire/sockets/listening-sockets.js'
import type { CookieSecrets } from '../workers/cookie-secrets.js'

/*
 * A gateway replaces itself: it starts the installed program, the successor, which inherits its listening sockets,
 * as nginx does on SIGUSR2. Both speak over the channel that Node makes between parent and child, each in its
 * own version: an incompatible change needs a new protocol number.
 *
 * 1. The predecessor starts the successor and sends an offer. The successor reads settings and rules, and opens
 *    everything but sockets and logs.
 * 2. The successor answers queries from the same sockets, so nothing queued in them is lost, and says so.
 * 3. The predecessor stops reading, answers what is pending, writes its log, and ends. The channel closes.
 * 4. The successor opens what only one process may have: query log, admin socket, HTTP.
 *
 * Until the second step, the end of either process leaves the other as if nothing had been.
 *
 * Under systemd, a shell starts the successor and ends after the second step, so that the successor becomes a child of
 * systemd, which waits only for its children: when a service stops, another main process gets SIGKILL right after
 * SIGTERM.
 */

export const HAND_OVER_PROTOCOL = 1

/** Environment variable that tells a process that it was started for this. */
export const HAND_OVER_VARIABLE = 'INTERDICT_HAND_OVER'

/** The descriptor of the first socket: after the standard streams and the channel. */
export const FIRST_SOCKET = 4

/** First message of the parent. */
export interface Offer {
  readonly protocol: number
  readonly version: string
  /** In the order of their descriptors, from `FIRST_SOCKET`. */
  readonly sockets: readonly Omit<ListeningSocket, 'fd'>[]
  /** In hexadecimal digits; null: server cookies are off. */
  readonly cookieSecrets: readonly string[] | null
  /** The key of TLS session tickets, in hexadecimal digits; null: no TLS. */
  readonly ticketKey: string | null
  /** SHA-256 of the rules in force; missing in offers of older versions. */
  readonly rulesSha256?: string
}

/** The shell has started the successor. */
export interface FromShell {
  readonly kind: 'started'
  readonly pid: number
}

export type FromSuccessor =
  | { readonly kind: 'listening'; readonly version: string }
  /** It ends, for this reason. */
  | { readonly kind: 'failed'; readonly reason: string }

export const writeKey = (key: Uint8Array | undefined): Offer['ticketKey'] =>
  key === undefined ? null : Buffer.from(key).toString('hex')

export const readKey = (key: Offer['ticketKey']): Uint8Array | undefined =>
  key === null ? undefined : Uint8Array.from(Buffer.from(key, 'hex'))

export const writeSecrets = (secrets: CookieSecrets | undefined): Offer['cookieSecrets'] =>
  secrets?.map(secret => Buffer.from(secret).toString('hex')) ?? null

export const readSecrets = (secrets: Offer['cookieSecrets']): CookieSecrets | undefined =>
  secrets?.map(secret => Uint8Array.from(Buffer.from(secret, 'hex')))

import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { BindingStore } from '../../policy/bindings/binding-store.js'
import { readDevice } from '../../policy/bindings/read-device.js'
import {
  decodeAccounting,
  encodeAccountingResponse,
  type AccountingRequest
} from '../../wire/radius/accounting.js'
import { bindingOf } from './read-bindings.js'

/** A request says when it was made: an older one is replayed, or a clock is wrong. */
const WINDOW: Milliseconds = 300_000
/** A NAS that got no response sends the same request again for so long. */
const RETRANSMISSION: Milliseconds = 30_000

/** A server that sends accounting. */
export interface Nas {
  readonly address: string
  readonly secret: string
}

export interface AccountingOptions {
  /** Name of the feed. */
  readonly source: string
  readonly store: BindingStore
  readonly needsMessageAuthenticator: boolean
  /** How long a session lasts of which nothing more is heard. */
  readonly lifetime: Milliseconds
}

/** What becomes of a request: a response, or the reason why it is refused, without a response. */
export type AccountingResult = { readonly response: Buffer } | { readonly refused: string }

/** Turns accounting requests into bindings. RFC 2866 */
export class RadiusAccounting {
  /** Authenticators of requests, and when they were received first. */
  private readonly seen = new Map<string, Milliseconds>()
  /** Which NAS a binding is of. */
  private readonly nasOf = new Map<string, string>()

  constructor(private readonly options: AccountingOptions) {}

  handle(octets: Buffer, { address, secret }: Nas, now: Milliseconds): AccountingResult {
    const request = decodeAccounting(octets, secret, this.options.needsMessageAuthenticator)
    if (typeof request === 'string') return { refused: request }
    const { eventTimestamp } = request
    if (eventTimestamp === undefined) return { refused: 'no Event-Timestamp' }
    const at = eventTimestamp * MS_PER_SECOND
    if (Math.abs(now - at) > WINDOW)
      return { refused: `made at ${new Date(at).toISOString()}: replayed, or its clock is wrong` }
    const first = this.firstSeen(`${address} ${keyOf(request)}`, now)
    if (now - first > RETRANSMISSION) return { refused: 'replayed' }
    if (first === now) this.apply(request, address, at, now)
    return { response: encodeAccountingResponse(request, secret) }
  }

  private firstSeen(key: string, now: Milliseconds): Milliseconds {
    for (const [old, time] of this.seen) {
      if (now - time <= 2 * WINDOW) break
      this.seen.delete(old)
    }
    const before = this.seen.get(key)
    if (before === undefined) this.seen.set(key, now)
    // Two requests at the same time: the second one is a copy.
    return before === undefined ? now : Math.min(before, now - 1)
  }

  private apply(
    request: AccountingRequest,
    nas: string,
    at: Milliseconds,
    now: Milliseconds
  ): void {
    const { source, store, lifetime } = this.options
    const { status, addresses, sessionTime, sessionTimeout = Infinity } = request
    if (status === undefined) return
    if (status === 'on' || status === 'off')
      return store.endAll(source, now, it => this.nasOf.get(it.address) === nas)
    const facts = readDevice(rawFacts(request))
    for (const address of addresses) {
      if (status === 'stop') {
        store.end(source, address, at, now, facts)
        continue
      }
      const from = at - sessionTime * MS_PER_SECOND
      const until = Math.min(at + lifetime, from + sessionTimeout * MS_PER_SECOND)
      const binding = bindingOf(address, { source, from, until, ...facts })
      if (binding === undefined) continue
      this.nasOf.set(address, nas)
      store.begin(binding, now)
    }
  }
}

const keyOf = ({ authenticator, identifier }: AccountingRequest): string =>
  `${identifier} ${Buffer.from(authenticator).toString('hex')}`

function rawFacts({ user, station, groups, port }: AccountingRequest) {
  return {
    ...(user === undefined ? {} : { user }),
    ...(station === undefined ? {} : { mac: station }),
    ...(port === undefined ? {} : { port }),
    groups
  }
}

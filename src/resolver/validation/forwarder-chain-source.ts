import { InterdictError } from '../../base/errors/error.js'
import { encodeQuestion } from '../../wire/dns/message/question.js'
import { RCODE, showRcode } from '../../wire/dns/registry/rcode.js'
import { RRCLASS } from '../../wire/dns/registry/rrclass.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import { isAtOrBelow, parentOf } from '../../wire/dnssec/canonical-name.js'
import { decodeSignedMessage } from '../../wire/dnssec/signed-message.js'
import type { Forwarder, UpstreamOutcome } from '../upstream/forwarder.js'
import { showServer, type UpstreamServer } from '../../wire/sockets/upstream-server.js'
import type { ChainResponse, ChainSession, ChainSource } from './chain-source.js'

/** Upstreams for the names in one domain. */
export interface ChainRoute {
  /** In lower-cased wire form; the root for all other names. */
  readonly name: Uint8Array
  readonly servers: readonly UpstreamServer[]
}

/**
 * Queries the configured upstreams for the records of chains. All queries of one chain for the names of one domain go to one
 * upstream: records of several, which may have cached them at different times, need not fit together. If it fails, the next one is
 * queried, also for later chains.
 */
export class ForwarderChainSource implements ChainSource {
  private readonly forwarders = new Map<UpstreamServer, Forwarder>()
  /** Index of the server to begin with. */
  private readonly preferred = new Map<ChainRoute, number>()
  private readonly routes: readonly ChainRoute[]

  /** @param openForwarder to one upstream alone, which sends names in the case they have */
  constructor(
    routes: readonly ChainRoute[],
    private readonly openForwarder: (server: UpstreamServer) => Forwarder
  ) {
    this.routes = routes.toSorted((a, b) => b.name.length - a.name.length)
  }

  open(): ChainSession {
    const pinned = new Map<ChainRoute, number>()
    return {
      query: async (name, type) => {
        const route = this.routeOf(name, type)
        if (route === undefined || route.servers.length === 0)
          return { kind: 'failure', reason: 'no upstream is configured for it' }
        return this.queryRoute(route, pinned, encodeQuestion(name, type, RRCLASS.IN))
      }
    }
  }

  close(): void {
    for (const forwarder of this.forwarders.values()) forwarder.close()
    this.forwarders.clear()
  }

  /** DS is in the parent zone, which may have other upstreams. */
  private routeOf(name: Uint8Array, type: number): ChainRoute | undefined {
    const place = type === RRTYPE.DS ? (parentOf(name) ?? name) : name
    return this.routes.find(route => isAtOrBelow(place, route.name))
  }

  private async queryRoute(
    route: ChainRoute,
    pinned: Map<ChainRoute, number>,
    question: Uint8Array
  ): Promise<ChainResponse> {
    const { servers } = route
    const first = pinned.get(route) ?? this.preferred.get(route) ?? 0
    let response: ChainResponse | undefined
    for (let i = 0; i < servers.length; i++) {
      const at = (first + i) % servers.length
      const found = await this.queryServer(servers[at]!, question)
      if (found.kind === 'response') {
        pinned.set(route, at)
        this.preferred.set(route, at)
        return found
      }
      response ??= found
    }
    return response!
  }

  private queryServer(server: UpstreamServer, question: Uint8Array): Promise<ChainResponse> {
    let forwarder = this.forwarders.get(server)
    if (forwarder === undefined)
      this.forwarders.set(server, (forwarder = this.openForwarder(server)))
    const forwarded = { question, dnssecOk: true, checkingDisabled: true, forwarders: 0 }
    return new Promise(resolve => {
      // The message is valid only during the call.
      const onOutcome = (outcome: UpstreamOutcome) => {
        resolve(responseOf(outcome, showServer(server)))
      }
      forwarder.forward(forwarded, { onOutcome })
    })
  }
}

function responseOf(outcome: UpstreamOutcome, upstream: string): ChainResponse {
  if (outcome.kind === 'failure') {
    const { text } = outcome
    return {
      kind: 'failure',
      reason: `${upstream} does not answer${text === undefined ? '' : `: ${text}`}`
    }
  }
  try {
    const message = decodeSignedMessage(outcome.message)
    const { rcode } = message
    if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN)
      return { kind: 'failure', reason: `${upstream} returned ${showRcode(rcode)}` }
    return { kind: 'response', message, upstream }
  } catch (error) {
    if (!(error instanceof InterdictError)) throw error
    return { kind: 'failure', reason: `${upstream} sent a malformed response: ${error.message}` }
  }
}

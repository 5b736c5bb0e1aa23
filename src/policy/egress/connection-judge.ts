import type { Seconds } from '../../base/units.js'
import type { AnsweredAddresses } from './answered-addresses.js'

/**
 * Why a connection is a finding.
 *
 * `banned`     to an address that only banned names have
 * `resolver`   to another resolver
 * `unresolved` to an address that no answer led to
 */
export type FindingKind = 'banned' | 'resolver' | 'unresolved'

/** What is known of an address that clients of a network are not to reach. */
export interface EgressTarget {
  readonly apps: readonly string[]
  readonly names: readonly string[]
  /** Whether it is only the address of a resolver: other ports are not meant. */
  readonly ports: 'all' | 'dns'
}

/** A connection of a client of a network with `egress`. */
export interface ClientConnection {
  readonly network: string
  /** Canonical text. */
  readonly client: string
  readonly protocol: 'tcp' | 'udp'
  /** Canonical text. */
  readonly destination: string
  readonly port: number
}

export interface Judgement {
  readonly kind: FindingKind
  /** Undefined: nothing is known of the address. */
  readonly target: EgressTarget | undefined
}

/** Connections that were not judged. */
export interface JudgeCounts {
  /** Begun while answers were not known for long enough. */
  unknown: number
  /** Over UDP to a port that peers choose: calls, games. */
  peer: number
}

/** Ports on which nothing but resolvers answer: DNS, and DNS over TLS and QUIC. */
const RESOLVER_PORTS: ReadonlySet<number> = new Set([53, 853])
const HTTPS_PORT = 443
const NTP_PORT = 123
/** UDP ports from this one on are those of peers, apart from those of tunnels. */
const FIRST_PEER_PORT = 1024
/** IPsec, OpenVPN, WireGuard. */
const TUNNEL_PORTS: ReadonlySet<number> = new Set([1194, 4500, 51_820])

export interface JudgeSources {
  readonly answered: AnsweredAddresses
  /** Undefined: the address is not one that is to be out of reach. */
  readonly target: (connection: ClientConnection, now: Seconds) => EgressTarget | undefined
  /** Whether it is in the site: connections to it do not pass the gateway's policy. */
  readonly isLocal: (address: string) => boolean
}

/** Decides which connections are findings. */
export class ConnectionJudge {
  readonly counts: JudgeCounts = { unknown: 0, peer: 0 }

  constructor(private readonly sources: JudgeSources) {}

  /** Undefined: it is not a finding, or that cannot be said. */
  judge(connection: ClientConnection, now: Seconds): Judgement | undefined {
    const { answered, target: targetOf, isLocal } = this.sources
    const { network, destination, port, protocol } = connection
    if (isLocal(destination)) return undefined
    const target = targetOf(connection, now)
    // Whatever led there, another resolver answers there.
    if (RESOLVER_PORTS.has(port)) return { kind: 'resolver', target }
    const led = answered.find(network, destination, now)
    if (led === 'yes') {
      // An application may keep an address for as long as it uses it.
      answered.add(network, destination, now)
      return undefined
    }
    if (target?.ports === 'dns' && port === HTTPS_PORT) return { kind: 'resolver', target }
    if (target?.ports === 'all') return { kind: 'banned', target }
    // Names of time servers are resolved once, and used for weeks.
    if (protocol === 'udp' && port === NTP_PORT) return undefined
    if (protocol === 'udp' && port >= FIRST_PEER_PORT && !TUNNEL_PORTS.has(port)) {
      this.counts.peer++
      return undefined
    }
    if (led === 'no') return { kind: 'unresolved', target }
    // What was in use before answers were known is no finding later.
    answered.add(network, destination, now)
    this.counts.unknown++
    return undefined
  }
}

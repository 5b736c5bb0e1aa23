import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { IANA_UDP_PORTS } from './assigned-ports.js'

/** First and last port of a range. */
export type PortRange = readonly [first: number, last: number]

/** All ports that any user may bind; those below are system ports. RFC 6335 §6 */
export const UNPRIVILEGED_PORTS: PortRange = [1024, 65_535]

/** Fewest ports to draw from: with fewer, a spoofed response would have to guess less than ten bits besides the ID. */
export const MIN_SOURCE_PORTS = 1024

/** Attempts to find a free random port: one or two suffice unless nearly all are in use. */
export const PORT_TRIES = 64

/** Ports that the administrator keeps for services with fixed ports. ip(7), ip-sysctl.rst */
const RESERVED_PORTS = '/proc/sys/net/ipv4/ip_local_reserved_ports'

/** Assigned to nobody, but in wide use: WireGuard. */
const CUSTOMARY_PORTS = '51820'

/**
 * The local UDP ports that queries to upstreams may leave from: those of some ranges without the ports of other
 * services, which would fail to start while a query uses theirs.
 */
export class SourcePorts {
  private readonly ports: Uint16Array

  /** @param reserved kept by the administrator of this machine; ignored if they leave nothing */
  constructor(ranges: readonly PortRange[] = [UNPRIVILEGED_PORTS], reserved = readReservedPorts()) {
    const allowed = new Uint8Array(UNPRIVILEGED_PORTS[1] + 1)
    mark(allowed, ranges, 1)
    mark(allowed, parsePortRanges(`${IANA_UDP_PORTS},${CUSTOMARY_PORTS}`), 0)
    const unassigned = portsOf(allowed)
    mark(allowed, reserved, 0)
    const left = portsOf(allowed)
    this.ports = left.length > 0 ? left : unassigned
  }

  get count(): number {
    return this.ports.length
  }

  /** An unpredictable port. RFC 6056 §3.2 */
  draw(): number {
    return this.ports[randomInt(this.ports.length)]!
  }
}

let shared: SourcePorts | undefined

/** The ports of the default settings. */
export function defaultSourcePorts(): SourcePorts {
  shared ??= new SourcePorts()
  return shared
}

/** The ports of other services in a range: no query leaves from them, unless another program sends it. */
export function servicePorts(range: PortRange): Uint16Array {
  const isService = new Uint8Array(UNPRIVILEGED_PORTS[1] + 1)
  mark(isService, parsePortRanges(IANA_UDP_PORTS), 1)
  return portsOf(isService).filter(port => port >= range[0] && port <= range[1])
}

/** Reads the list of the kernel; none if it cannot be read. */
export function readReservedPorts(file = RESERVED_PORTS): PortRange[] {
  try {
    return parsePortRanges(readFileSync(file, 'latin1'))
  } catch {
    return []
  }
}

/** Parses a range such as `10000-60000`; undefined: not a range of unprivileged ports. */
export function readPortRange(text: string): PortRange | undefined {
  const [, from = '', to = ''] = /^(\d{4,5})-(\d{4,5})$/.exec(text) ?? []
  const range = [Number(from), Number(to)] as const
  const [first, last] = range
  return first >= UNPRIVILEGED_PORTS[0] && first <= last && last <= UNPRIVILEGED_PORTS[1]
    ? range
    : undefined
}

/** Parses a list such as `5353,8000-8100`. */
function parsePortRanges(text: string): PortRange[] {
  return [...text.matchAll(/(\d+)(?:-(\d+))?/g)].map(
    ([, first, last]) => [Number(first), Number(last ?? first)] as const
  )
}

function mark(allowed: Uint8Array, ranges: readonly PortRange[], value: 0 | 1): void {
  for (const [first, last] of ranges) allowed.fill(value, first, last + 1)
}

function portsOf(allowed: Uint8Array): Uint16Array {
  const ports = new Uint16Array(allowed.length)
  let count = 0
  for (let port = 0; port < allowed.length; port++) if (allowed[port] === 1) ports[count++] = port
  return ports.slice(0, count)
}

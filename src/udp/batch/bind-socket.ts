import { randomInt } from 'node:crypto'
import type { Octets } from '../../base/units.js'
import type { Endpoint } from '../datagram.js'
import { bindError, FIRST_PORT, PORT_TRIES, PORTS_END } from '../port.js'
import * as linux from './linux.js'
import type { System } from './linux.js'
import {
  decodeSockaddr,
  encodeSockaddr,
  familyOf,
  isWildcard,
  SOCKADDR_IN6,
  type Family
} from './sockaddr.js'

/** A bound descriptor and what it is bound to. */
export interface BoundSocket {
  readonly fd: number
  readonly family: Family
  readonly local: Endpoint
  /** Whether each datagram comes with the local address it was sent to. */
  readonly packetInfo: boolean
}

/** Asked of the kernel for both directions of a UDP socket: about 2,000 datagrams queued. */
const BUFFER_SIZE: Octets = 4 << 20

/** As Node's own: connections that wait to be accepted. */
const BACKLOG = 511

/** How a descriptor is to be bound. */
type BindOptions = { readonly type: number; readonly share: boolean }

/** A UDP socket that other threads can bind as well. @throws SOCKET_BIND, SOCKET_PERMISSION */
export function bindUdp(system: System, endpoint: Endpoint): BoundSocket {
  return bindSocket(system, endpoint, { type: linux.SOCK_DGRAM, share: true })
}

/**
 * A UDP socket on a random port of the wildcard address.
 *
 * @param tells whether what ICMP says of datagrams sent is kept to be read: see `ErrorQueue`. Where
 *   the system does not do so, silence has to tell
 * @throws InterdictError SOCKET_BIND
 */
export function bindRandomPort(system: System, family: 4 | 6, tells: boolean): BoundSocket {
  const address = family === 4 ? '0.0.0.0' : '::'
  for (let tries = 1; ; tries++) {
    // The kernel's own choice (port 0) is from a narrower range and not made to resist guessing.
    const port = randomInt(FIRST_PORT, PORTS_END)
    try {
      const manner = { type: linux.SOCK_DGRAM, share: false }
      const socket = bindSocket(system, { address, port }, manner, false)
      if (tells) enableErrorQueue(system, socket)
      return socket
    } catch (error) {
      if (tries === PORT_TRIES) throw error
    }
  }
}

/** A listening TCP socket that other threads can listen on as well. @throws as bindDatagrams */
export function listenTcp(system: System, endpoint: Endpoint, share = true): BoundSocket {
  const socket = bindSocket(system, endpoint, { type: linux.SOCK_STREAM, share })
  if (system.listen(socket.fd, BACKLOG) !== 0) throw failBind(system, endpoint, socket.fd)
  return socket
}

/** Binds both protocols without sharing, and lets go. @throws SOCKET_BIND, SOCKET_PERMISSION */
export function probeEndpoint(system: System, endpoint: Endpoint): void {
  if (endpoint.port === 0) return
  const manner = { type: linux.SOCK_DGRAM, share: false }
  system.close(bindSocket(system, endpoint, manner).fd)
  system.close(listenTcp(system, endpoint, false).fd)
}

function bindSocket(
  system: System,
  endpoint: Endpoint,
  { type, share }: BindOptions,
  wantsPacketInfo = type === linux.SOCK_DGRAM
): BoundSocket {
  const name = encodeSockaddr(endpoint, system)
  const family = familyOf(name)
  const packetInfo = wantsPacketInfo && isWildcard(name)
  const fd = system.socket(family, type | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC, 0)
  if (fd < 0) throw failBind(system, endpoint)

  // All before bind: a datagram must not get in without its packet information.
  if (share) setOption(system, fd, linux.SOL_SOCKET, linux.SO_REUSEPORT, 1)
  if (family === linux.AF_INET6) {
    setOption(system, fd, linux.IPPROTO_IPV6, linux.IPV6_V6ONLY, 1)
  }
  if (packetInfo) enablePacketInfo(system, fd, family)
  if (type === linux.SOCK_DGRAM) {
    setBuffers(system, fd)
    forbidFragments(system, fd, family)
  } else {
    // Connections of an earlier run that linger in TIME_WAIT shall not keep us from listening.
    setOption(system, fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, 1)
  }

  if (system.bind(fd, name, name.length) !== 0) throw failBind(system, endpoint, fd)
  return { fd, family, packetInfo, local: boundEndpoint(system, fd, endpoint) }
}

/** As the operator wrote the address, with the port that 0 became. */
function boundEndpoint(system: System, fd: number, { address }: Endpoint): Endpoint {
  const name = Buffer.alloc(SOCKADDR_IN6)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(SOCKADDR_IN6)
  system.getsockname(fd, name, length)
  return { address, port: decodeSockaddr(name).port }
}

function enablePacketInfo(system: System, fd: number, family: Family): void {
  if (family === linux.AF_INET) setOption(system, fd, linux.IPPROTO_IP, linux.IP_PKTINFO, 1)
  else setOption(system, fd, linux.IPPROTO_IPV6, linux.IPV6_RECVPKTINFO, 1)
}

/** ip(7), ipv6(7). Without it, ICMP is told to connected sockets only. */
function enableErrorQueue(system: System, { fd, family }: BoundSocket): void {
  if (family === linux.AF_INET) setOption(system, fd, linux.IPPROTO_IP, linux.IP_RECVERR, 1)
  else setOption(system, fd, linux.IPPROTO_IPV6, linux.IPV6_RECVERR, 1)
}

/**
 * No fragments, which can be forged: RFC 9715 §3.1 (R1, R2). Messages fit into 1,280 octets, so that
 * paths take them whole; what ICMP says of a path, anybody may say. Without fragments there is no
 * number to be found for each datagram either, which takes the kernel 0.05 µs.
 */
function forbidFragments(system: System, fd: number, family: Family): void {
  const probe = linux.PMTUDISC_PROBE
  if (family === linux.AF_INET)
    setOption(system, fd, linux.IPPROTO_IP, linux.IP_MTU_DISCOVER, probe)
  else setOption(system, fd, linux.IPPROTO_IPV6, linux.IPV6_MTU_DISCOVER, probe)
}

/** Best effort: beyond net.core.rmem_max only with CAP_NET_ADMIN, else as far as that allows. */
function setBuffers(system: System, fd: number): void {
  for (const [forced, plain] of [
    [linux.SO_RCVBUFFORCE, linux.SO_RCVBUF],
    [linux.SO_SNDBUFFORCE, linux.SO_SNDBUF]
  ] as const) {
    if (!setOption(system, fd, linux.SOL_SOCKET, forced, BUFFER_SIZE)) {
      setOption(system, fd, linux.SOL_SOCKET, plain, BUFFER_SIZE)
    }
  }
}

function setOption(
  system: System,
  fd: number,
  level: number,
  option: number,
  value: number
): boolean {
  const octets = Buffer.alloc(4)
  octets.writeInt32LE(value)
  return system.setsockopt(fd, level, option, octets, octets.length) === 0
}

/** The error for the call that just failed; closes `fd`. */
function failBind(system: System, endpoint: Endpoint, fd?: number): Error {
  const errno = system.errno()
  if (fd !== undefined) system.close(fd)
  return bindError(endpoint, system.errorText(errno), errno === system.eacces)
}

/**
 * Makes the socket deaf: a filter that keeps zero octets of every datagram (a classic BPF program
 * of one instruction, linux/filter.h), so that what is queued now is all there ever will be.
 */
export function dropIncoming(system: System, fd: number): void {
  // struct sock_filter: u16 code, u8 jump if true, u8 jump if false, u32 constant
  const filter = Buffer.alloc(8)
  filter.writeUInt16LE(linux.BPF_RETURN, 0)
  // struct sock_fprog: u16 length, padding to 8, pointer to the instructions
  const program = Buffer.alloc(16)
  program.writeUInt16LE(1, 0)
  program.writeBigUInt64LE(BigInt(system.addressOf(filter)), 8)
  system.setsockopt(fd, linux.SOL_SOCKET, linux.SO_ATTACH_FILTER, program, program.length)
}

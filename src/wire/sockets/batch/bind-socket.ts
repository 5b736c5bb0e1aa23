import type { Octets } from '../../../base/units.js'
import type { Endpoint } from '../datagram.js'
import { bindError } from '../port.js'
import { PORT_TRIES, type SourcePorts } from '../source-ports.js'
import * as linux from '../../../base/system/linux.js'
import type { System } from '../../../base/system/linux.js'
import {
  decodeSockaddr,
  encodeSockaddr,
  familyOf,
  isWildcard,
  PORT_AT,
  SOCKADDR_IN,
  SOCKADDR_IN6,
  type Family
} from './sockaddr.js'

/** A bound descriptor and its local endpoint. */
export interface BoundSocket {
  readonly fd: number
  readonly family: Family
  readonly local: Endpoint
  /** Whether the kernel delivers the local address with each datagram. */
  readonly packetInfo: boolean
}

/** Requested size of the send and receive buffers of a UDP socket: about 2,000 datagrams. */
const BUFFER_SIZE: Octets = 4 << 20

/** Connections waiting to be accepted: Node's default. */
const BACKLOG = 511

type BindOptions = { readonly type: number; readonly share: boolean }

/** Binds a UDP socket that other threads can bind too. @throws SOCKET_BIND, SOCKET_PERMISSION */
export function bindUdp(system: System, endpoint: Endpoint): BoundSocket {
  return bindSocket(system, endpoint, { type: linux.SOCK_DGRAM, share: true })
}

/**
 * Binds a UDP socket to a random port of the wildcard address.
 *
 * @param wantsErrors enables the queue of ICMP errors: see `ErrorQueue`. Without it, only timeouts
 *   show that an upstream is unreachable
 * @throws InterdictError SOCKET_BIND
 */
export function bindRandomPort(
  system: System,
  family: 4 | 6,
  ports: SourcePorts,
  wantsErrors: boolean
): BoundSocket {
  const { address, name } = WILDCARDS[family]
  const [number, size] =
    family === 4
      ? ([linux.AF_INET, SOCKADDR_IN] as const)
      : ([linux.AF_INET6, SOCKADDR_IN6] as const)
  const fd = system.socket(number, linux.SOCK_DGRAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC, 0)
  if (fd < 0) throw failBind(system, { address, port: 0 })
  if (family === 6) setOption(system, fd, linux.IPPROTO_IPV6, linux.IPV6_V6ONLY, 1)
  // The default send buffer has room for all that is sent at once.
  setBuffer(system, fd, linux.SO_RCVBUFFORCE, linux.SO_RCVBUF)
  forbidFragments(system, fd, number)
  if (wantsErrors) enableErrorQueue(system, fd, number)
  for (let tries = 1; ; tries++) {
    // The kernel's own choice (port 0) comes from a narrower range and may be predictable.
    const port = ports.draw()
    name.writeUInt16BE(port, PORT_AT)
    if (system.bind(fd, name, size) === 0) {
      return { fd, family: number, packetInfo: false, local: { address, port } }
    }
    if (tries === PORT_TRIES) throw failBind(system, { address, port }, fd)
  }
}

/** Wildcard addresses; the port is written anew for each socket. */
const WILDCARDS = { 4: wildcard('0.0.0.0', linux.AF_INET), 6: wildcard('::', linux.AF_INET6) }

function wildcard(address: string, family: Family): { address: string; name: Buffer } {
  const name = Buffer.alloc(SOCKADDR_IN6)
  name.writeUInt16LE(family, 0)
  return { address, name }
}

/** Opens a TCP listener that other threads can share. @throws SOCKET_BIND, SOCKET_PERMISSION */
export function listenTcp(system: System, endpoint: Endpoint, share = true): BoundSocket {
  const socket = bindSocket(system, endpoint, { type: linux.SOCK_STREAM, share })
  if (system.listen(socket.fd, BACKLOG) !== 0) throw failBind(system, endpoint, socket.fd)
  return socket
}

/**
 * Takes a socket that another process opened with `bindUdp`, maybe one of another version: its options are set
 * again.
 *
 * @throws InterdictError SOCKET_BIND: the descriptor is another socket, or none
 */
export function adoptUdp(system: System, fd: number, endpoint: Endpoint): BoundSocket {
  const name = adopt(system, fd, endpoint)
  const [family, packetInfo] = [familyOf(name), isWildcard(name)]
  setDatagramOptions(system, fd, family, packetInfo)
  return { fd, family, packetInfo, local: endpoint }
}

/** The same for a listener opened with `listenTcp`. */
export function adoptTcp(
  system: System,
  fd: number,
  endpoint: Endpoint
): Pick<BoundSocket, 'fd' | 'local'> {
  adopt(system, fd, endpoint)
  return { fd, local: endpoint }
}

/** @returns the socket address */
function adopt(system: System, fd: number, endpoint: Endpoint): Buffer {
  const name = encodeSockaddr(endpoint, system)
  const found = Buffer.alloc(SOCKADDR_IN6)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(SOCKADDR_IN6)
  if (system.getsockname(fd, found, length) !== 0) throw failBind(system, endpoint)
  if (!found.subarray(0, name.length).equals(name)) {
    throw bindError(endpoint, `inherited descriptor ${fd} is not bound to it`, false)
  }
  // Not for processes that this one starts.
  system.fcntl(fd, linux.F_SETFD, linux.FD_CLOEXEC)
  return name
}

/**
 * Binds UDP, unless `isStream`, and TCP without sharing and closes them.
 *
 * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
 */
export function probeEndpoint(system: System, endpoint: Endpoint, isStream = false): void {
  if (endpoint.port === 0) return
  const manner = { type: linux.SOCK_DGRAM, share: false }
  if (!isStream) system.close(bindSocket(system, endpoint, manner).fd)
  system.close(listenTcp(system, endpoint, false).fd)
}

function bindSocket(system: System, endpoint: Endpoint, { type, share }: BindOptions): BoundSocket {
  const name = encodeSockaddr(endpoint, system)
  const family = familyOf(name)
  const packetInfo = type === linux.SOCK_DGRAM && isWildcard(name)
  const fd = system.socket(family, type | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC, 0)
  if (fd < 0) throw failBind(system, endpoint)

  // Set all options before bind: no datagram may arrive without its packet information.
  if (share) setOption(system, fd, linux.SOL_SOCKET, linux.SO_REUSEPORT, 1)
  if (family === linux.AF_INET6) {
    setOption(system, fd, linux.IPPROTO_IPV6, linux.IPV6_V6ONLY, 1)
  }
  if (type === linux.SOCK_DGRAM) setDatagramOptions(system, fd, family, packetInfo)
  else {
    // Connections of an earlier run in TIME_WAIT must not prevent listening.
    setOption(system, fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, 1)
  }

  if (system.bind(fd, name, name.length) !== 0) throw failBind(system, endpoint, fd)
  return { fd, family, packetInfo, local: boundEndpoint(system, fd, endpoint) }
}

/** The address as configured, with the port that the system chose for port 0. */
function boundEndpoint(system: System, fd: number, { address }: Endpoint): Endpoint {
  const name = Buffer.alloc(SOCKADDR_IN6)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(SOCKADDR_IN6)
  system.getsockname(fd, name, length)
  return { address, port: decodeSockaddr(name).port }
}

function setDatagramOptions(system: System, fd: number, family: Family, packetInfo: boolean): void {
  if (packetInfo) enablePacketInfo(system, fd, family)
  setBuffer(system, fd, linux.SO_RCVBUFFORCE, linux.SO_RCVBUF)
  setBuffer(system, fd, linux.SO_SNDBUFFORCE, linux.SO_SNDBUF)
  forbidFragments(system, fd, family)
}

function enablePacketInfo(system: System, fd: number, family: Family): void {
  if (family === linux.AF_INET) setOption(system, fd, linux.IPPROTO_IP, linux.IP_PKTINFO, 1)
  else setOption(system, fd, linux.IPPROTO_IPV6, linux.IPV6_RECVPKTINFO, 1)
}

/** ip(7), ipv6(7). Without this option, only connected sockets receive ICMP errors. */
function enableErrorQueue(system: System, fd: number, family: Family): void {
  if (family === linux.AF_INET) setOption(system, fd, linux.IPPROTO_IP, linux.IP_RECVERR, 1)
  else setOption(system, fd, linux.IPPROTO_IPV6, linux.IPV6_RECVERR, 1)
}

/**
 * Disables fragmentation, because fragments can be forged: RFC 9715 §3.1 (R1, R2). Messages fit into
 * 1,280 octets, which every path carries; reported path MTUs are ignored, because ICMP can be forged
 * too. It also saves the kernel the choice of an IP identification, 0.05 µs per datagram.
 */
function forbidFragments(system: System, fd: number, family: Family): void {
  const probe = linux.PMTUDISC_PROBE
  if (family === linux.AF_INET)
    setOption(system, fd, linux.IPPROTO_IP, linux.IP_MTU_DISCOVER, probe)
  else setOption(system, fd, linux.IPPROTO_IPV6, linux.IPV6_MTU_DISCOVER, probe)
}

/** Best effort: CAP_NET_ADMIN allows more than net.core.rmem_max, otherwise that is the limit. */
function setBuffer(system: System, fd: number, forced: number, plain: number): void {
  if (!setOption(system, fd, linux.SOL_SOCKET, forced, BUFFER_SIZE)) {
    setOption(system, fd, linux.SOL_SOCKET, plain, BUFFER_SIZE)
  }
}

const optionValue = Buffer.alloc(4)

/** @returns whether the system accepted it */
export function setOption(
  system: System,
  fd: number,
  level: number,
  option: number,
  value: number
): boolean {
  optionValue.writeInt32LE(value)
  return system.setsockopt(fd, level, option, optionValue, optionValue.length) === 0
}

/** The error for the system call that just failed. Closes `fd`. */
function failBind(system: System, endpoint: Endpoint, fd?: number): Error {
  const errno = system.errno()
  if (fd !== undefined) system.close(fd)
  return bindError(endpoint, system.errorText(errno), errno === system.eacces)
}

/**
 * Drops all datagrams that arrive from now on: attaches a filter that accepts zero octets of each (a
 * classic BPF program of one instruction, linux/filter.h). What is queued can still be read.
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

import { createRequire } from 'node:module'
import { getSystemErrorMap } from 'node:util'
import type { DescriptorTable } from './descriptor-table.js'

/**
 * The system calls and constants of Linux that batch sockets need. The numbers are from
 * asm-generic, which x86-64 and arm64 both use; other architectures differ and are refused.
 */

/** bits/socket.h */
export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
/** bits/socket_type.h: given to socket() so that no descriptor blocks or outlives an exec. */
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000
/** bits/socket.h: in `msg_flags`, the datagram was longer than its buffer. */
export const MSG_TRUNC = 0x20
/** bits/socket.h: makes recvmmsg read the error queue. */
export const MSG_ERRQUEUE = 0x2000
/** bits/socket.h: no SIGPIPE where nobody reads. */
export const MSG_NOSIGNAL = 0x4000
/** bits/socket.h: an error instead of waiting. */
export const MSG_DONTWAIT = 0x40

/** asm-generic/fcntl.h: sets the flag that closes a descriptor on exec. */
export const F_SETFD = 2
export const FD_CLOEXEC = 1

/** asm-generic/socket.h */
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_REUSEPORT = 15
export const SO_ATTACH_FILTER = 26
export const SO_SNDBUFFORCE = 32
export const SO_RCVBUFFORCE = 33

/** linux/in.h, linux/in6.h */
export const IPPROTO_IP = 0
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IP_PKTINFO = 8
export const IP_MTU_DISCOVER = 10
export const IP_RECVERR = 11
export const IPPROTO_IPV6 = 41
export const IPV6_MTU_DISCOVER = 23
export const IPV6_RECVERR = 25
export const IPV6_V6ONLY = 26
export const IPV6_RECVPKTINFO = 49

/** linux/eventpoll.h */
export const EPOLLIN = 1
export const EPOLLERR = 8
export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLL_CLOEXEC = 0o2000000

/** linux/tcp.h: accepted connections inherit it from their listener. */
export const TCP_NODELAY = 1

/** linux/udp.h */
export const UDP_SEGMENT = 103

/** linux/in.h, linux/in6.h: never fragment, whatever path MTU ICMP reports. */
export const PMTUDISC_PROBE = 3

/** linux/errqueue.h: values of `ee_origin`, the source of the error. */
export const SO_EE_ORIGIN_ICMP = 2
export const SO_EE_ORIGIN_ICMP6 = 3

/** asm-generic/errno-base.h, errno.h */
export const EIO = 5
export const ENOMEM = 12
export const EINVAL = 22
export const EMSGSIZE = 90
export const ENOBUFS = 105

/** linux/bpf_common.h: BPF_RET | BPF_K, "return the constant". */
export const BPF_RETURN = 0x06

/** asm-generic/mman-common.h: PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS. */
const PROT_READ_WRITE = 3
const MAP_PRIVATE_ANONYMOUS = 0x22

/** Architectures with the asm-generic numbers and this structure layout: 64 bits, little endian. */
const ARCHITECTURES: readonly string[] = ['x64', 'arm64']

type Koffi = typeof import('koffi')

const require = createRequire(import.meta.url)
let koffi: Koffi | undefined
/** Of this thread. */
let ownDescriptors: DescriptorTable | undefined

/** A running poll of a descriptor. Must stay reachable, or polling silently ends. */
export interface Poll {
  start(): void
  stop(): void
  close(): void
}

/**
 * System calls. Memory addresses are numbers: user space ends below 2^53. A `Buffer` argument is
 * used only during the call.
 */
export interface System {
  socket(family: number, type: number, protocol: number): number
  bind(fd: number, name: Buffer, length: number): number
  listen(fd: number, backlog: number): number
  getsockname(fd: number, name: Buffer, length: Buffer): number
  setsockopt(fd: number, level: number, option: number, value: Buffer, length: number): number
  fcntl(fd: number, command: number, argument: number): number
  close(fd: number): number
  ioctl(fd: number, request: number, argument: Buffer): number
  sendto(
    fd: number,
    data: Buffer,
    octets: number,
    flags: number,
    name: Buffer,
    length: number
  ): number
  recvmmsg(fd: number, headers: number, count: number, flags: number, timeout: number): number
  sendmmsg(fd: number, headers: number, count: number, flags: number): number
  epollCreate(flags: number): number
  epollControl(epoll: number, operation: number, fd: number, event: Buffer): number
  epollWait(epoll: number, events: number, count: number, timeout: number): number
  /** Index of the interface with this name; 0: no such interface. */
  ifNameToIndex(name: string): number
  /** The errno of the last call. */
  errno(): number
  readonly eagain: number
  readonly eacces: number
  /** Human-readable text for an errno. */
  errorText(errno: number): string
  /** Maps zeroed private memory; returns it and its address. */
  map(octets: number): { readonly buffer: ArrayBuffer; readonly address: number }
  /** Unmaps memory. No view of it may remain: touching one kills the process. */
  unmap(address: number, octets: number): void
  addressOf(buffer: Buffer): number
  /** Lets the process close `fd` if this thread dies. */
  record(fd: number): void
  /** `fd` is about to be closed, or is another's from now on. */
  forget(fd: number): void
  /** Calls back on the event loop when `fd` is readable, or (`failed`) its error queue is. */
  readonly poll: (fd: number, readable: (failed: boolean) => void) => Poll
}

/**
 * The system calls, or the reason why batch sockets are not available here.
 *
 * @param descriptors records the mapped memory; undefined: that of an earlier call in this thread, if any
 */
export function loadSystem(descriptors?: DescriptorTable): System | string {
  if (process.platform !== 'linux') return `${process.platform} is not supported, only Linux is`
  if (!ARCHITECTURES.includes(process.arch)) return `${process.arch} is not supported`
  try {
    ownDescriptors = descriptors ?? ownDescriptors
    return systemOf(loadKoffi(), ownDescriptors)
  } catch (error) {
    return `koffi does not load: ${error instanceof Error ? error.message : String(error)}`
  }
}

/**
 * Loads koffi with `require`, not `import`: it is native code, and callers fall back where it does
 * not load. @throws whatever the loader throws
 */
export function loadKoffi(): Koffi {
  koffi ??= require('koffi') as Koffi
  return koffi
}

/**
 * Loads koffi's native library from this path, for `loadKoffi`. What koffi's own module adds to it is
 * not needed. @throws whatever the loader throws
 */
export function loadKoffiFrom(path: string): void {
  const module = { exports: {} }
  process.dlopen(module, path)
  koffi = module.exports as Koffi
}

/** The file of koffi's native library, which is the same for all threads; undefined: not loaded here. */
export function koffiFile(): string | undefined {
  return Object.keys(require.cache).find(path => path.endsWith('/koffi.node'))
}

function systemOf(koffi: Koffi, descriptors: DescriptorTable | undefined): System {
  const libc = koffi.load(null)
  const mmap: (...args: number[]) => bigint = libc.func(
    'void *mmap(size_t address, size_t length, int protection, int flags, int fd, int64_t offset)'
  )
  const munmap: (address: number, length: number) => number = libc.func(
    'int munmap(size_t address, size_t length)'
  )
  // A view may outlive its socket, and touching unmapped memory would kill the process. So memory
  // is unmapped when its buffer is garbage-collected, when no view is left. A thread that ends does
  // not collect: the main thread unmaps its memory by the descriptor table (`releaseLeftovers`).
  const unmap = (address: number, octets: number): void => void munmap(address, octets)
  const registry = new FinalizationRegistry<{ address: number; octets: number }>(
    ({ address, octets }) => {
      // Removed first: otherwise it could be unmapped twice, after the address was reused.
      descriptors?.removeMapping(address)
      unmap(address, octets)
    }
  )
  return {
    socket: libc.func('int socket(int family, int type, int protocol)'),
    bind: libc.func('int bind(int fd, void *name, uint length)'),
    listen: libc.func('int listen(int fd, int backlog)'),
    getsockname: libc.func('int getsockname(int fd, void *name, void *length)'),
    setsockopt: libc.func(
      'int setsockopt(int fd, int level, int option, void *value, uint length)'
    ),
    fcntl: libc.func('int fcntl(int fd, int command, int argument)'),
    close: libc.func('int close(int fd)'),
    // Variadic in C; with one pointer the calling conventions of both architectures do not differ.
    ioctl: libc.func('int ioctl(int fd, size_t request, void *argument)'),
    sendto: libc.func(
      'int64_t sendto(int fd, void *data, size_t octets, int flags, void *name, uint length)'
    ),
    recvmmsg: libc.func(
      'int recvmmsg(int fd, size_t headers, uint count, int flags, size_t timeout)'
    ),
    sendmmsg: libc.func('int sendmmsg(int fd, size_t headers, uint count, int flags)'),
    epollCreate: libc.func('int epoll_create1(int flags)'),
    epollControl: libc.func('int epoll_ctl(int epoll, int operation, int fd, void *event)'),
    epollWait: libc.func('int epoll_wait(int epoll, size_t events, int count, int timeout)'),
    ifNameToIndex: libc.func('uint if_nametoindex(const char *name)'),
    errno: () => koffi.errno(),
    eagain: koffi.os.errno.EAGAIN!,
    eacces: koffi.os.errno.EACCES!,
    errorText: errno => getSystemErrorMap().get(-errno)?.[1] ?? `error ${errno}`,
    map(octets) {
      const pointer = mmap(0, octets, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)
      const address = Number(koffi.address(pointer))
      if (address <= 0 || address > Number.MAX_SAFE_INTEGER) throw new RangeError('out of memory')
      const buffer = koffi.view(pointer, octets)
      descriptors?.addMapping(address, octets)
      registry.register(buffer, { address, octets })
      return { buffer, address }
    },
    unmap,
    addressOf: buffer => Number(koffi.address(buffer)),
    record: fd => descriptors?.add(fd),
    forget: fd => descriptors?.remove(fd),
    poll: (fd, readable) => pollWith(koffi, fd, readable)
  }
}

function pollWith(koffi: Koffi, fd: number, readable: (failed: boolean) => void): Poll {
  const options = { readable: true }
  // koffi's types lack the first argument: libuv's status. On EPOLLERR libuv stops polling and
  // reports a negative status; the reader then drains the error queue, so polling starts again.
  const callback = (status: unknown): void => {
    const failed = typeof status === 'number' && status < 0
    if (failed) handle.start(options, callback)
    readable(failed)
  }
  const handle = koffi.node.poll(fd, options, callback)
  return {
    start: () => handle.start(options, callback),
    stop: () => handle.stop(),
    close: () => handle.close()
  }
}

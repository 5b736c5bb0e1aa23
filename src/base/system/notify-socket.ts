import { existsSync } from 'node:fs'
import { failure } from '../errors/error.js'
import {
  AF_UNIX,
  loadSystem,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCK_DGRAM
} from './linux.js'

/** Offset of `sun_path` in `struct sockaddr_un`, after the family (linux/un.h). */
const PATH_AT = 2
/** Size of `sun_path`, with its final zero octet. */
const PATH_SIZE = 108

/** Sends one state, as sd_notify(3) does. @throws InterdictError NOTIFY_FAILED */
export type Notify = (state: string) => void

/**
 * Opens the socket on which a service manager listens: a datagram socket in the file system, or in the
 * abstract namespace (`@name`). Node has no such sockets, so this uses koffi.
 *
 * @param path value of NOTIFY_SOCKET
 * @throws InterdictError NOTIFY_FAILED where koffi does not load, or for another kind of address
 */
export function openNotifySocket(path: string): Notify {
  const name = encodeUnixName(path)
  const system = loadSystem()
  if (typeof system === 'string') throw failure('NOTIFY_FAILED', system)
  const fd = system.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (fd < 0) throw failure('NOTIFY_FAILED', system.errorText(system.errno()))
  return state => {
    const data = Buffer.from(state)
    const sent = system.sendto(fd, data, data.length, MSG_NOSIGNAL, name, name.length)
    if (sent < 0) throw failure('NOTIFY_FAILED', `${path}: ${system.errorText(system.errno())}`)
  }
}

/** The socket of the native protocol of journald. */
const JOURNAL = '/run/systemd/journal/socket'

/**
 * Opens a socket for entries of the journal.
 *
 * @returns a function that sends an entry without waiting, and returns true on success; undefined: there is no such
 *   socket, or koffi does not load
 */
export function openJournal(path = JOURNAL): ((entry: Buffer) => boolean) | undefined {
  const system = loadSystem()
  if (typeof system === 'string' || !existsSync(path)) return undefined
  const fd = system.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
  if (fd < 0) return undefined
  const name = encodeUnixName(path)
  const flags = MSG_NOSIGNAL | MSG_DONTWAIT
  return entry => system.sendto(fd, entry, entry.length, flags, name, name.length) >= 0
}

/** `struct sockaddr_un`, unix(7): an abstract name begins with a zero octet and ends with the structure. */
export function encodeUnixName(path: string): Buffer {
  const octets = Buffer.from(path)
  if (!/^[/@]./.test(path) || octets.length >= PATH_SIZE) {
    throw failure('NOTIFY_FAILED', `NOTIFY_SOCKET is ${path}, not a path or an abstract name`)
  }
  const isAbstract = path.startsWith('@')
  const name = Buffer.alloc(PATH_AT + octets.length + (isAbstract ? 0 : 1))
  name.writeUInt16LE(AF_UNIX, 0)
  name.set(octets, PATH_AT)
  if (isAbstract) name[PATH_AT] = 0
  return name
}

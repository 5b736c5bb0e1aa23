import { loadSystem } from '../../src/base/system/linux.js'
import type { ListeningSocket } from '../../src/wire/sockets/listening-sockets.js'

/** asm-generic/fcntl.h */
const F_DUPFD = 0

/** The same sockets under other descriptors, as another process has them. */
export function duplicated(sockets: readonly ListeningSocket[]): ListeningSocket[] {
  const system = loadSystem()
  if (typeof system === 'string') throw new Error(system)
  return sockets.map(socket => ({ ...socket, fd: system.fcntl(socket.fd, F_DUPFD, 3) }))
}

import type { Milliseconds, Octets } from '../../../base/units.js'
import { setOption } from '../../sockets/batch/bind-socket.js'
import {
  IPPROTO_TCP,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  TCP_NODELAY
} from '../../../base/system/linux.js'
import { SOCKADDR_IN6, sockaddrWords } from '../../sockets/batch/sockaddr.js'
import { DirectSocket } from './direct-socket.js'
import { EPOLLIN, type Polled, type TlsLoop } from './tls-loop.js'

/**
 * Connections accepted in one turn of the event loop. A full handshake takes the processor as long as a hundred
 * queries: more at once would delay queries that the thread answers over UDP.
 */
export const ACCEPTED_PER_TURN = 4
/** After an error: as a rule, no descriptors are left. Connections wait in the kernel meanwhile. */
const RETRY: Milliseconds = 100
/** Of the memory: the address of the client, and the length of the address. */
const LENGTH_AT: Octets = 32

/** Takes an accepted connection. @param client its address: four words */
export type OnAccepted = (socket: DirectSocket, client: Uint32Array) => void

/** Accepts TCP connections without Node, which would create objects for each that only its own streams need. */
export class DirectListener implements Polled {
  private readonly name: DataView
  private readonly nameAddress: number
  private retry: NodeJS.Timeout | undefined

  /**
   * @param fd listens, and belongs to this object
   * @param onError connections cannot be accepted now
   */
  constructor(
    private readonly loop: TlsLoop,
    readonly fd: number,
    private readonly onAccepted: OnAccepted,
    private readonly onError: () => void
  ) {
    const { system } = loop.openSsl
    const { buffer, address } = system.map(LENGTH_AT + 4)
    this.name = new DataView(buffer)
    this.nameAddress = address
    setOption(system, fd, IPPROTO_TCP, TCP_NODELAY, 1)
    system.record(fd)
    loop.add(this, EPOLLIN)
  }

  ready(): void {
    const { loop, name, nameAddress } = this
    const { openSsl } = loop
    const { system } = openSsl
    for (let i = 0; i < ACCEPTED_PER_TURN; i++) {
      name.setUint32(LENGTH_AT, SOCKADDR_IN6, true)
      const flags = SOCK_NONBLOCK | SOCK_CLOEXEC
      const fd = openSsl.accept(this.fd, nameAddress, nameAddress + LENGTH_AT, flags)
      if (fd < 0) {
        if (system.errno() !== system.eagain) this.pause()
        return
      }
      this.onAccepted(new DirectSocket(system, fd), sockaddrWords(name))
    }
  }

  close(): void {
    const { system } = this.loop.openSsl
    clearTimeout(this.retry)
    this.loop.remove(this)
    system.forget(this.fd)
    system.close(this.fd)
  }

  private pause(): void {
    this.onError()
    this.loop.remove(this)
    this.retry = setTimeout(() => this.loop.add(this, EPOLLIN), RETRY)
  }
}

import type { BatchHandler, Endpoint, Transport } from '../datagram.js'
import { bindDatagrams, bindRandomPort, listenStream, probeEndpoint } from '../open-socket.js'
import { BatchSocket, type Shop } from './batch-socket.js'
import { Ledger } from './descriptor-table.js'
import { AF_INET, AF_INET6, loadSystem } from './linux.js'
import { wayTo } from './reply-address.js'
import { Desk } from './send-buffers.js'
import { Turn } from './tick.js'

/** The batch transport, or the reason why it cannot be had here. One per thread. */
export function batchTransport(ledger = new Ledger()): Transport | string {
  const system = loadSystem(ledger)
  return typeof system === 'string' ? system : transportOf({ system, ledger, turn: new Turn() })
}

/** Closes what the batch sockets of a thread that has ended left open, and frees their memory. */
export function closeLeftOver(ledger: Ledger): void {
  const fds = ledger.take()
  const memory = ledger.takeMemory()
  if (fds.length + memory.length === 0) return
  const system = loadSystem()
  if (typeof system === 'string') return
  for (const fd of fds) system.close(fd)
  for (const { address, octets } of memory) system.unmap(address, octets)
}

function transportOf(shop: Shop): Transport {
  const { system } = shop
  const desks = new Map<number, Desk>()
  const deskFor = (family: 4 | 6): Desk => {
    const desk = desks.get(family) ?? new Desk(system, family === 4 ? AF_INET : AF_INET6, false)
    desks.set(family, desk)
    return desk
  }
  return {
    kind: 'batch',
    sharesPorts: true,
    bind: (endpoint, handler) => promise(() => bind(shop, endpoint, handler)),
    open: (family, handler, undelivered) =>
      promise(() => {
        const socket = bindRandomPort(system, family, undelivered !== undefined)
        return new BatchSocket(shop, socket, deskFor(family), handler, undelivered)
      }),
    peer: endpoint => wayTo(endpoint, system),
    tcpListen: endpoint => promise(() => ({ fd: listenStream(system, endpoint).fd })),
    probe: endpoint => promise(() => probeEndpoint(system, endpoint))
  }
}

function bind(shop: Shop, endpoint: Endpoint, handler: BatchHandler): BatchSocket {
  const socket = bindDatagrams(shop.system, endpoint)
  const desk = new Desk(shop.system, socket.family, socket.packetInfo)
  return new BatchSocket(shop, socket, desk, handler)
}

/** Does it now, and says how it went as the interface wants it said. */
function promise<T>(work: () => T): Promise<T> {
  return new Promise(resolve => resolve(work()))
}

import type { BatchHandler, Endpoint, Transport } from '../datagram.js'
import { BatchSocket, type SocketContext } from './batch-socket.js'
import { bindUdp, bindRandomPort, listenTcp, probeEndpoint } from './bind-socket.js'
import { upstreamAddress } from './datagram-address.js'
import { DescriptorTable } from './descriptor-table.js'
import { AF_INET, AF_INET6, loadSystem } from './linux.js'
import { SendBuffers } from './send-buffers.js'
import { Tick } from './tick.js'

/** The batch transport, or the reason why it cannot be had here. One per thread. */
export function batchTransport(ledger = new DescriptorTable()): Transport | string {
  const system = loadSystem(ledger)
  return typeof system === 'string'
    ? system
    : transportOf({ system, descriptors: ledger, tick: new Tick() })
}

/** Closes what the batch sockets of a thread that has ended left open, and frees their memory. */
export function releaseLeftovers(ledger: DescriptorTable): void {
  const fds = ledger.takeDescriptors()
  const memory = ledger.takeMappings()
  if (fds.length + memory.length === 0) return
  const system = loadSystem()
  if (typeof system === 'string') return
  for (const fd of fds) system.close(fd)
  for (const { address, octets } of memory) system.unmap(address, octets)
}

function transportOf(shop: SocketContext): Transport {
  const { system } = shop
  const desks = new Map<number, SendBuffers>()
  const deskFor = (family: 4 | 6): SendBuffers => {
    const desk =
      desks.get(family) ?? new SendBuffers(system, family === 4 ? AF_INET : AF_INET6, false)
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
    peer: endpoint => upstreamAddress(endpoint, system),
    tcpListen: endpoint => promise(() => ({ fd: listenTcp(system, endpoint).fd })),
    probe: endpoint => promise(() => probeEndpoint(system, endpoint))
  }
}

function bind(shop: SocketContext, endpoint: Endpoint, handler: BatchHandler): BatchSocket {
  const socket = bindUdp(shop.system, endpoint)
  const desk = new SendBuffers(shop.system, socket.family, socket.packetInfo)
  return new BatchSocket(shop, socket, desk, handler)
}

/** Does it now, and says how it went as the interface wants it said. */
function promise<T>(work: () => T): Promise<T> {
  return new Promise(resolve => resolve(work()))
}

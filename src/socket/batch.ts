import { BatchSocket, type Shop } from './batch-socket.js'
import type { Transport } from './datagram.js'
import { Ledger } from './ledger.js'
import { loadSystem } from './linux.js'
import { bindDatagrams, bindRandomPort, listenStream, probeEndpoint } from './open-socket.js'
import { Turn } from './turn.js'
import { wayTo } from './way.js'

/** The batch transport, or the reason why it cannot be had here. One per thread. */
export function batchTransport(ledger = new Ledger()): Transport | string {
  const system = loadSystem()
  return typeof system === 'string' ? system : transportOf({ system, ledger, turn: new Turn() })
}

/** Closes what the batch sockets of a thread that has ended left open. */
export function closeLeftOver(ledger: Ledger): void {
  const fds = ledger.take()
  if (fds.length === 0) return
  const system = loadSystem()
  if (typeof system !== 'string') for (const fd of fds) system.close(fd)
}

function transportOf(shop: Shop): Transport {
  const { system } = shop
  return {
    kind: 'batch',
    sharesPorts: true,
    bind: (endpoint, handler) =>
      promise(() => new BatchSocket(shop, bindDatagrams(system, endpoint), handler)),
    open: (family, handler) =>
      promise(() => new BatchSocket(shop, bindRandomPort(system, family), handler)),
    peer: endpoint => wayTo(endpoint, system),
    tcpListen: endpoint => promise(() => ({ fd: listenStream(system, endpoint).fd })),
    probe: endpoint => promise(() => probeEndpoint(system, endpoint))
  }
}

/** Does it now, and says how it went as the interface wants it said. */
function promise<T>(work: () => T): Promise<T> {
  return new Promise(resolve => resolve(work()))
}

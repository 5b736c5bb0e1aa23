import type { BatchHandler, Endpoint, Transport } from '../datagram.js'
import { BatchSocket, type SocketContext } from './batch-socket.js'
import {
  adoptTcp,
  adoptUdp,
  bindRandomPort,
  bindUdp,
  listenTcp,
  probeEndpoint
} from './bind-socket.js'
import { upstreamAddress } from './datagram-address.js'
import { DescriptorTable } from '../../../base/system/descriptor-table.js'
import { AF_INET, AF_INET6, loadSystem } from '../../../base/system/linux.js'
import { defaultSourcePorts } from '../source-ports.js'
import { EpollSet } from './epoll-set.js'
import { SendBuffers } from './send-buffers.js'
import { Tick } from './tick.js'

/** The batch transport, or the reason why it is not available here. One per thread. */
export function batchTransport(descriptors = new DescriptorTable()): Transport | string {
  const system = loadSystem(descriptors)
  return typeof system === 'string'
    ? system
    : transportOf({ system, descriptors, tick: new Tick(), poll: system.poll })
}

/** Closes the sockets and unmaps the memory that the batch sockets of an ended thread left behind. */
export function releaseLeftovers(descriptors: DescriptorTable): void {
  const fds = descriptors.takeDescriptors()
  const mappings = descriptors.takeMappings()
  if (fds.length + mappings.length === 0) return
  const system = loadSystem()
  if (typeof system === 'string') return
  for (const fd of fds) system.close(fd)
  for (const { address, octets } of mappings) system.unmap(address, octets)
}

function transportOf(context: SocketContext): Transport {
  const { system } = context
  let epollSet: EpollSet | undefined
  const upstreamContext: SocketContext = {
    ...context,
    poll: (fd, readable) => (epollSet ??= new EpollSet(system)).watch(fd, readable)
  }
  const upstreamBuffers = new Map<number, SendBuffers>()
  const buffersFor = (family: 4 | 6): SendBuffers => {
    const buffers =
      upstreamBuffers.get(family) ??
      new SendBuffers(system, family === 4 ? AF_INET : AF_INET6, false)
    upstreamBuffers.set(family, buffers)
    return buffers
  }
  return {
    kind: 'batch',
    sharesPorts: true,
    bind: (endpoint, handler, inherited) =>
      toPromise(() => bind(context, endpoint, handler, inherited)),
    open(family, handler, undelivered, ports = defaultSourcePorts()) {
      const socket = bindRandomPort(system, family, ports, undelivered !== undefined)
      return new BatchSocket(upstreamContext, socket, buffersFor(family), handler, undelivered)
    },
    peer: endpoint => upstreamAddress(endpoint, system),
    tcpListen: (endpoint, inherited) =>
      toPromise(() => {
        const { fd, local } =
          inherited === undefined
            ? listenTcp(system, endpoint)
            : adoptTcp(system, inherited, endpoint)
        return { fd, local }
      }),
    probe: (endpoint, isStream) => toPromise(() => probeEndpoint(system, endpoint, isStream))
  }
}

function bind(
  context: SocketContext,
  endpoint: Endpoint,
  handler: BatchHandler,
  inherited: number | undefined
): BatchSocket {
  const { system } = context
  const socket =
    inherited === undefined ? bindUdp(system, endpoint) : adoptUdp(system, inherited, endpoint)
  const buffers = new SendBuffers(context.system, socket.family, socket.packetInfo)
  return new BatchSocket(context, socket, buffers, handler)
}

/** Runs `work` now; an exception becomes a rejection, as the interface requires. */
function toPromise<T>(work: () => T): Promise<T> {
  return new Promise(resolve => resolve(work()))
}

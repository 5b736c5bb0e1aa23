import dgram from 'node:dgram'
import { once } from 'node:events'
import { readAddress } from '../../src/base/address.js'
import type {
  BatchHandler,
  DatagramBatch,
  Endpoint,
  Transport,
  UpstreamSocket
} from '../../src/socket/datagram.js'

/** The client side of a transport in its simplest form, one datagram a batch. */
export const dgramTransport: Transport = {
  kind: 'portable',
  sharesPorts: false,
  open,
  peer: endpoint => endpoint,
  bind: unused,
  tcpListen: unused,
  probe: unused
}

async function unused(): Promise<never> {
  throw new Error('not for upstreams')
}

async function open(family: 4 | 6, handler: BatchHandler): Promise<UpstreamSocket> {
  const socket = dgram.createSocket(family === 4 ? 'udp4' : 'udp6')
  socket.on('message', (octets, from) => {
    handler(batchOf(octets, from))
  })
  socket.bind(0, family === 4 ? '127.0.0.1' : '::1')
  await once(socket, 'listening')
  const { address, port } = socket.address()
  return {
    local: { address, port },
    send: (octets, start, end, peer) => {
      const to = peer as unknown as Endpoint
      socket.send(octets.slice(start, end), to.port, to.address)
    },
    close: () => void socket.close()
  }
}

function batchOf(octets: Uint8Array, from: dgram.RemoteInfo): DatagramBatch {
  const view = new DataView(readAddress(from.address).buffer)
  return {
    octets,
    starts: Uint32Array.of(0),
    lengths: Uint32Array.of(octets.length),
    replies: Uint32Array.of(0),
    peers: Uint32Array.from({ length: 4 }, (_, word) => view.getUint32(4 * word)),
    ports: Uint16Array.of(from.port),
    count: 1,
    wayBack: () => ({})
  }
}

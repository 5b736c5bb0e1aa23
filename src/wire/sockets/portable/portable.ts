import { createSocket, type Socket, type SocketOptions } from 'node:dgram'
import { createServer } from 'node:net'
import { trackDatagramSocket } from '../../../base/threads/datagram-sockets.js'
import type { BatchHandler, Endpoint, Transport } from '../datagram.js'
import { localAddresses } from '../local-addresses.js'
import { nodeBindError } from '../port.js'
import { defaultSourcePorts, PORT_TRIES } from '../source-ports.js'
import { PortableSocket } from './portable-socket.js'

/** Attempts, for port 0, to find a system-chosen port that is free on all addresses. */
const WILDCARD_TRIES = 8

/**
 * The transport built on `node:dgram`: one system call per datagram, but on every platform of Node.
 *
 * A wildcard address becomes one socket for each address that the machine has at that moment,
 * because `node:dgram` can neither report the local address of a datagram nor choose the address to
 * reply from. An address added later is served after a restart.
 */
export function portableTransport(): Transport {
  const sharesPorts = canSharePorts()
  return {
    kind: 'portable',
    sharesPorts,
    bind: (endpoint, handler) => bindAll(endpoint, handler, sharesPorts),
    open: openRandom,
    peer: endpoint => ({ ...endpoint }),
    tcpListen: ({ address, port }) =>
      Promise.resolve({ host: address, port, ipv6Only: true, reusePort: sharesPorts }),
    probe
  }
}

/** `reusePort` of node:dgram and node:net exists since Node 22.12 and 23.1; used on Linux only. */
function canSharePorts(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const known = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
  return known && process.platform === 'linux'
}

async function bindAll(
  endpoint: Endpoint,
  handler: BatchHandler,
  sharesPorts: boolean
): Promise<PortableSocket> {
  for (let tries = 1; ; tries++) {
    try {
      const sockets = await bindEach(endpoint, sharesPorts)
      const port = sockets[0]!.address().port
      return new PortableSocket(sockets, { address: endpoint.address, port }, handler)
    } catch (error) {
      if (endpoint.port !== 0 || tries === WILDCARD_TRIES) throw error
    }
  }
}

async function bindEach(endpoint: Endpoint, sharesPorts: boolean): Promise<Socket[]> {
  const sockets: Socket[] = []
  let { port } = endpoint
  try {
    for (const address of addressesOf(endpoint.address)) {
      const socket = await bindOne({ address, port }, sharesPorts)
      sockets.push(socket)
      port = socket.address().port
    }
    return sockets
  } catch (error) {
    for (const socket of sockets) socket.close()
    throw error
  }
}

/** The addresses that a wildcard currently stands for; the wildcard itself if there are none. */
function addressesOf(address: string): string[] {
  if (address !== '0.0.0.0' && address !== '::') return [address]
  const isSix = address === '::'
  const found = localAddresses()
    .filter(local => local.address.includes(':') === isSix)
    .map(local =>
      local.address.startsWith('fe80:') ? `${local.address}%${local.interface}` : local.address
    )
  return found.length > 0 ? [...new Set(found)] : [address]
}

function newSocket(isSix: boolean, reusePort: boolean): Socket {
  const options: SocketOptions & { reusePort?: boolean } = {
    type: isSix ? 'udp6' : 'udp4',
    ipv6Only: isSix,
    // Node resolves every address before it sends, one iteration later; these are never host names.
    lookup: (address, _options, done) => done(null, address, isSix ? 6 : 4)
  }
  if (reusePort) options.reusePort = true
  return trackDatagramSocket(createSocket(options))
}

/** @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION */
function bindOne(endpoint: Endpoint, reusePort: boolean): Promise<Socket> {
  const socket = newSocket(endpoint.address.includes(':'), reusePort)
  return new Promise((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close()
      reject(nodeBindError(endpoint, error))
    })
    socket.bind({ ...endpoint, exclusive: true }, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

function openRandom(
  family: 4 | 6,
  handler: BatchHandler,
  _undelivered: BatchHandler | undefined,
  ports = defaultSourcePorts()
): PortableSocket {
  const address = family === 4 ? '0.0.0.0' : '::'
  for (let tries = 1; ; tries++) {
    const endpoint = { address, port: ports.draw() }
    const socket = newSocket(family === 6, false)
    // Node binds an address that needs no lookup at once, and reports a failure before `bind` returns.
    let failed: NodeJS.ErrnoException | undefined
    socket.once('error', error => (failed = error))
    socket.bind({ ...endpoint, exclusive: true })
    socket.removeAllListeners('error')
    if (failed === undefined) return new PortableSocket([socket], endpoint, handler)
    socket.close()
    if (tries === PORT_TRIES) throw nodeBindError(endpoint, failed)
  }
}

async function probe(endpoint: Endpoint, isStream = false): Promise<void> {
  if (endpoint.port === 0) return
  if (!isStream) {
    const socket = await bindOne(endpoint, false)
    await new Promise<void>(resolve => socket.close(resolve))
  }
  await probeStream(endpoint)
}

function probeStream(endpoint: Endpoint): Promise<void> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(nodeBindError(endpoint, error)))
    const { address: host, port } = endpoint
    server.listen({ host, port, ipv6Only: true, exclusive: true }, () => {
      server.close(() => resolve())
    })
  })
}

import { randomInt } from 'node:crypto'
import { failure, InterdictError } from '../../base/errors/error.js'
import type { Endpoint, Transport } from '../../wire/sockets/datagram.js'
import type { ListenConfig } from '../config/config.js'
import { portOwner } from '../../wire/sockets/port-owner.js'
import { showEndpoint } from '../../wire/sockets/port.js'
import { servicePorts, type PortRange } from '../../wire/sockets/source-ports.js'
import { tryStartLock } from '../../wire/sockets/start-lock.js'

/** What the system says of EADDRINUSE. */
const IN_USE = 'address already in use'

/** Attempts to find a free port. */
const MAX_ATTEMPTS = 16

/**
 * Where port 0 is chosen: outside the range from which systems give ports to clients (Linux from 32768, others from 49152;
 * RFC 6335 section 6), and among those that no query of a gateway leaves from. So no client takes it before all workers have
 * bound it.
 */
const RANGE: PortRange = [10_240, 32_767]
let ports: Uint16Array | undefined

/** A port that is chosen for port 0. */
export function drawListenPort(): number {
  ports ??= servicePorts(RANGE)
  return ports[randomInt(ports.length)]!
}

/** A free endpoint, and what keeps other gateways from choosing the same port until it is bound. */
export interface FreeEndpoint {
  readonly endpoint: Endpoint
  readonly lock: { release(): void } | undefined
}

/**
 * Checks that an endpoint is free for UDP and TCP, or for TCP only where it is for encrypted DNS; for port 0, chooses
 * a port that is, and locks it. Ports of the settings are locked before.
 *
 * @throws InterdictError SOCKET_BIND, SOCKET_PERMISSION
 */
export async function findFreeEndpoint(
  transport: Pick<Transport, 'probe'>,
  endpoint: Endpoint & Pick<ListenConfig, 'certificates'>,
  draw: () => number = drawListenPort
): Promise<FreeEndpoint> {
  const isStream = endpoint.certificates !== undefined
  for (let attempts = 1; ; attempts++) {
    const isChosen = endpoint.port === 0
    const port = isChosen ? draw() : endpoint.port
    const candidate = { address: endpoint.address, port }
    const lock = isChosen ? await tryStartLock(port) : undefined
    try {
      if (isChosen && lock === undefined)
        throw failure('SOCKET_BIND', showEndpoint(candidate), IN_USE)
      await transport.probe(candidate, isStream)
      return { endpoint: candidate, lock }
    } catch (error) {
      lock?.release()
      if (endpoint.port !== 0 || attempts === MAX_ATTEMPTS)
        throw withOwner(candidate, isStream, error)
    }
  }
}

/** For a port in use: the error with the program that has it. Any other error as it is. */
function withOwner(endpoint: Endpoint, isStream: boolean, error: unknown): unknown {
  const isInUse = error instanceof InterdictError && error.message.endsWith(IN_USE)
  const owner = isInUse ? portOwner(endpoint.port, isStream) : undefined
  if (owner === undefined) return error
  const why = `${IN_USE} by ${owner}: stop it, or change \`listen\``
  return failure('SOCKET_BIND', showEndpoint(endpoint), why)
}

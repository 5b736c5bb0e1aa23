import { ownAddresses } from '../../../wire/sockets/endpoint.js'
import type { Endpoint } from '../../../wire/sockets/datagram.js'

/** Where a client on this machine can ask, and from which of its addresses. */
export interface TrialQuery extends Endpoint {
  /** Undefined: the system chooses one that is in a network. */
  readonly from: string | undefined
}

const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/**
 * A query from this machine that the gateway answers by its rules; undefined: no address of this machine that
 * can ask is in a network.
 *
 * @param listeners plain ones
 * @param isServed whether an address is in a network
 * @param own addresses of this machine
 */
export function trialQuery(
  listeners: readonly Endpoint[],
  isServed: (address: string) => boolean,
  own: readonly string[] = ownAddresses()
): TrialQuery | undefined {
  // A query to an address of this machine comes from the same address.
  const direct = listeners.flatMap(({ address, port }) => {
    const isAny = LOOPBACK[address] !== undefined
    const all = isAny ? [LOOPBACK[address]!, ...own.filter(sameFamily(address))] : [address]
    return all.map(one => ({ address: one, port, from: undefined }))
  })
  const bound = listeners.flatMap(({ address, port }) => {
    const target = LOOPBACK[address] ?? address
    return own.filter(sameFamily(address)).map(from => ({ address: target, port, from }))
  })
  return direct.find(({ address }) => isServed(address)) ?? bound.find(({ from }) => isServed(from))
}

/** Not link-local ones, which need a zone. */
const sameFamily = (address: string) => (other: string) =>
  address.includes(':') === other.includes(':') && !/^fe[89ab]/i.test(other)

/** `dig @127.0.0.1 -p 5300 -b 10.0.0.7 example.com` */
export function showTrial({ address, port, from }: TrialQuery, name: string): string {
  return `dig @${address} -p ${port}${from === undefined ? '' : ` -b ${from}`} ${name}`
}

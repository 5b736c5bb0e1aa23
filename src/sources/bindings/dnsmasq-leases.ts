import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { Binding } from '../../policy/bindings/binding.js'
import { readDevice } from '../../policy/bindings/read-device.js'
import { bindingOf, lineError, type ReadBindings } from './read-bindings.js'

/**
 * Reads a lease file of dnsmasq: `EXPIRY MAC ADDRESS HOST CLIENT-ID`. After a line `duid` the leases of DHCPv6 follow, with
 * the IAID in place of the MAC address and the client's DUID at the end. The file does not say since when a device has its address.
 *
 * @param now of bindings that begin
 */
export function readDnsmasqLeases(text: string, source: string, now: Milliseconds): ReadBindings {
  const bindings: Binding[] = []
  const errors: string[] = []
  let isSix = false
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const [expiry = '', id = '', address = '', host = '*', client = '*'] = line.trim().split(' ')
    if (expiry === 'duid') {
      isSix = true
      continue
    }
    const ends = Number(expiry)
    const facts = readDevice({
      ...(isSix ? {} : { mac: id }),
      ...(isSix && client !== '*' ? { duid: client } : {}),
      ...(host === '*' ? {} : { host })
    })
    // 0: the lease never expires.
    const until = ends === 0 ? Infinity : ends * MS_PER_SECOND
    const binding = /^\d+$/.test(expiry)
      ? bindingOf(address, { source, from: now, until, ...facts })
      : undefined
    if (binding === undefined) errors.push(lineError(i + 1, 'not a lease'))
    else bindings.push(binding)
  }
  return { bindings, errors }
}

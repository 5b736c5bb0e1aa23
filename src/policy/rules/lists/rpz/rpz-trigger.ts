import { readPrefix, type Prefix } from '../../../../base/values/address.js'
import { InterdictError } from '../../../../base/errors/error.js'
import type { Octets } from '../../../../base/units.js'
import type { ZoneName } from '../../../../wire/zonefile/zone-name.js'

/**
 * RPZ trigger types. draft-vixie-dnsop-dns-rpz §4.
 *
 * `qname`     the query name, or a CNAME target on the way to the answer
 * `client-ip` the address of the client
 * `ip`        an address in the answer
 * `nsdname`, `nsip` a name server of the query name, which a forwarder does not see
 */
export type Trigger = 'qname' | 'client-ip' | 'ip' | 'nsdname' | 'nsip'

const RPZ_PREFIX = Buffer.from('rpz-')
const TRIGGERS = new Map<string, Trigger>([
  ['rpz-client-ip', 'client-ip'],
  ['rpz-ip', 'ip'],
  ['rpz-nsdname', 'nsdname'],
  ['rpz-nsip', 'nsip']
])

/** The trigger type of an owner name, by its last label; undefined: unknown. */
export function triggerOf({ octets }: ZoneName, last: Octets): Trigger | undefined {
  if (last === -1 || octets[last]! < RPZ_PREFIX.length) return 'qname'
  for (let i = 0; i < RPZ_PREFIX.length; i++)
    if (octets[last + 1 + i] !== RPZ_PREFIX[i]) return 'qname'
  return TRIGGERS.get(labelAt(octets, last))
}

/**
 * The prefix of an IP trigger: its length, then the address in reverse order, as decimal octets of
 * IPv4 or hexadecimal groups of IPv6, where `zz` stands for `::`. Undefined if it is invalid.
 *
 * @param last offset of the `rpz-…` label
 */
export function prefixOf({ octets }: ZoneName, last: Octets): Prefix | undefined {
  const labels: string[] = []
  for (let at = 0; at < last; at += 1 + octets[at]!) labels.unshift(labelAt(octets, at))
  const length = labels.pop() ?? ''
  if (!/^[1-9]\d{0,2}$/.test(length)) return undefined
  if (labels.length === 4 && labels.every(it => /^\d{1,3}$/.test(it))) {
    return tryReadPrefix(`${labels.join('.')}/${length}`)
  }
  if (!labels.every(it => /^(?:[\da-f]{1,4}|zz)$/.test(it))) return undefined
  const groups = labels.join(':').replace(/(?:^|:)zz(?::|$)/, '::')
  return tryReadPrefix(`${groups}/${length}`)
}

function tryReadPrefix(text: string): Prefix | undefined {
  try {
    return readPrefix(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}

function labelAt(octets: Uint8Array, at: Octets): string {
  return Buffer.from(octets.subarray(at + 1, at + 1 + octets[at]!)).toString('latin1')
}

import { readPrefix, type Prefix } from '../../../base/address.js'
import { InterdictError } from '../../../base/error.js'
import type { Octets } from '../../../base/units.js'
import type { ZoneName } from '../../../zonefile/zone-name.js'

/**
 * What makes a policy of a zone hold.
 *
 * `qname`     a name, asked for or on the way to the answer
 * `client-ip` the address of who asks
 * `ip`        an address in the answer
 * `nsdname`, `nsip` a name server of the name asked for, which who forwards does not see
 */
export type Trigger = 'qname' | 'client-ip' | 'ip' | 'nsdname' | 'nsip'

const RPZ_PREFIX = Buffer.from('rpz-')
const TRIGGERS = new Map<string, Trigger>([
  ['rpz-client-ip', 'client-ip'],
  ['rpz-ip', 'ip'],
  ['rpz-nsdname', 'nsdname'],
  ['rpz-nsip', 'nsip']
])

/** Of which kind a trigger is, by its last label; undefined: of none that there is. */
export function triggerOf({ octets }: ZoneName, last: Octets): Trigger | undefined {
  if (last === -1 || octets[last]! < RPZ_PREFIX.length) return 'qname'
  for (let i = 0; i < RPZ_PREFIX.length; i++)
    if (octets[last + 1 + i] !== RPZ_PREFIX[i]) return 'qname'
  return TRIGGERS.get(labelAt(octets, last))
}

/**
 * The addresses of a trigger: length of the prefix, then the address from its end on, as numbers of
 * IPv4 or words of IPv6, of which `zz` stands for zeros. Undefined where it is none.
 *
 * @param last where the label that marks it begins
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
  const words = labels.join(':').replace(/(?:^|:)zz(?::|$)/, '::')
  return tryReadPrefix(`${words}/${length}`)
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

import { isMapped } from '../../../base/address.js'
import { readRrtype, RRTYPE } from '../../../dns/registry/rrtype.js'
import { isBlockAddress, readListAddress } from '../block-address.js'
import { isRecordType, readRecord } from '../list-records.js'
import type { Rejection } from './adblock-modifiers.js'

/** What `$dnsrewrite` answers: nothing, with a status; as the rule on the list does; or a record. */
export type Rewrite =
  | { readonly says: 'nodata' | 'nxdomain' | 'refused' | 'rule' }
  | { readonly record: Uint8Array; readonly isAlias: boolean }

const STATUS: Readonly<Record<string, 'nodata' | 'nxdomain' | 'refused' | undefined>> = {
  NOERROR: 'nodata',
  NXDOMAIN: 'nxdomain',
  REFUSED: 'refused'
}

/**
 * Reads `1.2.3.4`, `name.example`, `REFUSED` or `NOERROR;A;1.2.3.4`. An address that leads nowhere
 * means that the name is blocked.
 */
export function readRewrite(text: string): Rewrite | Rejection {
  const [first = '', type = '', ...rest] = text.split(';')
  if (/^[A-Z]+$/.test(first)) {
    const says = Object.hasOwn(STATUS, first) ? STATUS[first] : undefined
    if (says === undefined) return { unsupported: 'unsupported answers' }
    if (says !== 'nodata' || type === '') return { says }
    return recordOf(readRrtype(type) ?? 0, rest.join(';'))
  }
  const address = readListAddress(text)
  if (address === undefined) return recordOf(RRTYPE.CNAME, text)
  return recordOf(isMapped(address) ? RRTYPE.A : RRTYPE.AAAA, text)
}

function recordOf(type: number, text: string): Rewrite | Rejection {
  if (!isRecordType(type)) return { unsupported: 'unsupported answers' }
  const record = readRecord(type, text)
  if (record === undefined) return { why: `invalid answer ${text.slice(0, 80)}` }
  const address = readListAddress(text)
  if (address !== undefined && isBlockAddress(address)) return { says: 'rule' }
  return { record, isAlias: type === RRTYPE.CNAME }
}

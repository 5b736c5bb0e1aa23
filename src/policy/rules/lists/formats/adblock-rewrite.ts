import { isMapped } from '../../../../base/values/address.js'
import { readRrtype, RRTYPE } from '../../../../wire/dns/registry/rrtype.js'
import { isBlockAddress, readListAddress } from '../block-address.js'
import { isRecordType, readRecord } from '../list-records.js'
import type { Rejection } from './adblock-modifiers.js'

/** The answer of `$dnsrewrite`: an action, that of the rule on the list, or a record. */
export type Rewrite =
  | { readonly action: 'nodata' | 'nxdomain' | 'refused' | 'rule' }
  | { readonly record: Uint8Array; readonly isAlias: boolean }

const STATUS: Readonly<Record<string, 'nodata' | 'nxdomain' | 'refused' | undefined>> = {
  NOERROR: 'nodata',
  NXDOMAIN: 'nxdomain',
  REFUSED: 'refused'
}

/**
 * Reads `1.2.3.4`, `name.example`, `REFUSED` or `NOERROR;A;1.2.3.4`. A blocking address (see
 * `isBlockAddress`) blocks the name.
 */
export function readRewrite(text: string): Rewrite | Rejection {
  const [first = '', type = '', ...rest] = text.split(';')
  if (/^[A-Z]+$/.test(first)) {
    const action = Object.hasOwn(STATUS, first) ? STATUS[first] : undefined
    if (action === undefined) return { unsupported: 'unsupported answers' }
    if (action !== 'nodata' || type === '') return { action }
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
  if (address !== undefined && isBlockAddress(address)) return { action: 'rule' }
  return { record, isAlias: type === RRTYPE.CNAME }
}

import type { Defaults, ReplyEntry } from '../schema/networks-schema.js'
import type { Location } from '../model/location.js'
import type { Reply } from '../model/types.js'
import { explainOf } from './complete-explanation.js'

/** The reply of a ban or block, completed with the defaults of the file. */
export function replyOf(entry: ReplyEntry, defaults: Defaults, location: Location): Reply {
  const action = entry.action ?? defaults.action
  const { target } = entry
  const sinkhole = entry.sinkhole ?? (action === 'sinkhole' ? defaults.sinkhole : undefined)
  const reject = (key: string, problem: string): void => {
    const at = location.at(key)
    at.error('RULES_REPLY', at.pathText, problem)
  }
  if (action === 'sinkhole' && sinkhole === undefined) {
    reject('sinkhole', 'missing; action sinkhole needs addresses: { ipv4: …, ipv6: … }')
  }
  if (action !== 'sinkhole' && sinkhole !== undefined) {
    reject('sinkhole', `not allowed with action ${action}`)
  }
  if (action === 'cname' && target === undefined) {
    reject('target', 'missing; action cname needs a domain name')
  }
  if (action !== 'cname' && target !== undefined) {
    reject('target', `not allowed with action ${action}`)
  }
  const explain = explainOf(entry, defaults, location)
  return {
    action,
    ...(sinkhole && { sinkhole: defined(sinkhole) }),
    ...(target && { target }),
    ede: entry.ede,
    ttl: entry.ttl ?? defaults.ttl,
    ...(entry.action && { overrides: true }),
    ...(explain && { explain })
  }
}

/** Without undefined values: for types with optional keys. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const found: Partial<T> = {}
  for (const key in value) if (value[key] !== undefined) found[key] = value[key]
  return found as { [K in keyof T]: Exclude<T[K], undefined> }
}

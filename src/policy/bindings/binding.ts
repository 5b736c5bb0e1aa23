import type { Milliseconds } from '../../base/units.js'

/** What a feed says of the device behind an address. Text is as `readDevice` leaves it. */
export interface DeviceFacts {
  /** `02:00:5e:10:00:07` */
  readonly mac?: string
  /** In lower case, without the final dot. */
  readonly host?: string
  /** DHCPv6 client identifier: hexadecimal octets with colons. RFC 8415 §11. */
  readonly duid?: string
  readonly user?: string
  readonly groups?: readonly string[]
  /** Port of the switch or access point. */
  readonly port?: string
}

/** The device that has an address for a time, by one feed. Plain data. */
export interface Binding extends DeviceFacts {
  /** As `showAddress` writes it. */
  readonly address: string
  /** Name of the feed. */
  readonly source: string
  readonly from: Milliseconds
  /** The address may belong to another device from then on; Infinity: not known. */
  readonly until: Milliseconds
}

/** What tells one device from another, strongest first. */
const IDENTIFIERS = ['mac', 'duid', 'user'] as const

/**
 * Whether two bindings cannot be of the same device. Feeds know different facts: only what both have counts. Of the same
 * feed, bindings that share no fact are of different devices.
 */
export function isOtherDevice(one: Binding, other: Binding): boolean {
  const shared = IDENTIFIERS.filter(key => one[key] !== undefined && other[key] !== undefined)
  if (shared.length > 0) return shared.some(key => one[key] !== other[key])
  if (one.source !== other.source) return false
  return one.host === undefined || one.host !== other.host
}

/** The facts of bindings of one device together; of two values, that of the later binding. */
export function mergeFacts(bindings: readonly Binding[]): DeviceFacts {
  const merged: { -readonly [Key in keyof DeviceFacts]: DeviceFacts[Key] } = {}
  for (const { mac, host, duid, user, groups, port } of bindings.toSorted(byStart)) {
    if (mac !== undefined) merged.mac = mac
    if (host !== undefined) merged.host = host
    if (duid !== undefined) merged.duid = duid
    if (user !== undefined) merged.user = user
    if (port !== undefined) merged.port = port
    if (groups !== undefined) merged.groups = [...new Set([...(merged.groups ?? []), ...groups])]
  }
  return merged
}

const byStart = (one: Binding, other: Binding): number => one.from - other.from

/** Whether two bindings say the same of a device. */
export function hasSameFacts(one: DeviceFacts, other: DeviceFacts): boolean {
  const keys = ['mac', 'host', 'duid', 'user', 'port'] as const
  return (
    keys.every(key => one[key] === other[key]) &&
    (one.groups ?? []).join('\n') === (other.groups ?? []).join('\n')
  )
}

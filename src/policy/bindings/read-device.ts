import type { DeviceFacts } from './binding.js'

/** Longest text of a fact; longer ones would fill the log. */
const MAX_TEXT = 253
const MAX_GROUPS = 64
const HEX_OCTETS = /^[0-9a-f]{2}([:.-]?[0-9a-f]{2})*$/i

/** A MAC address of six octets in any usual notation, such as `02-00-5E-10-00-07` or `0200.5e10.0007`; undefined: it is not one. */
export function readMac(text: string): string | undefined {
  const octets = readOctets(text)
  return octets?.length === 17 ? octets : undefined
}

/** Hexadecimal octets, separated or not, as `02:00:5e`; undefined: they are not. */
export function readOctets(text: string): string | undefined {
  if (!HEX_OCTETS.test(text) || text.length > 3 * 128) return undefined
  return text.replaceAll(/[:.-]/g, '').toLowerCase().match(/../g)!.join(':')
}

/** A host name in lower case without final dot; undefined: it has other characters, which could look like another name. */
export function readHost(text: string): string | undefined {
  const name = text.toLowerCase().replace(/\.$/, '')
  return name.length <= MAX_TEXT && /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/.test(name)
    ? name
    : undefined
}

/** Text without control characters; undefined: it is empty or too long. */
export function readText(text: string): string | undefined {
  const trimmed = text.trim()
  const isText = !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(trimmed)
  return isText && trimmed !== '' && trimmed.length <= MAX_TEXT ? trimmed : undefined
}

/** Facts as they were received. */
export interface RawFacts extends Readonly<
  Partial<Record<Exclude<keyof DeviceFacts, 'groups'>, string>>
> {
  readonly groups?: readonly string[]
}

/** The facts in the form in which they are compared. What cannot be read is left out. */
export function readDevice(raw: RawFacts): DeviceFacts {
  const facts = {
    mac: raw.mac === undefined ? undefined : readMac(raw.mac),
    host: raw.host === undefined ? undefined : readHost(raw.host),
    duid: raw.duid === undefined ? undefined : readOctets(raw.duid),
    user: raw.user === undefined ? undefined : readText(raw.user)?.toLowerCase(),
    port: raw.port === undefined ? undefined : readText(raw.port)
  }
  const groups = (raw.groups ?? []).flatMap(group => readText(group)?.toLowerCase() ?? [])
  const present = Object.entries(facts).filter(([, value]) => value !== undefined)
  const known = Object.fromEntries(present) as DeviceFacts
  return groups.length === 0 ? known : { ...known, groups: groups.slice(0, MAX_GROUPS) }
}

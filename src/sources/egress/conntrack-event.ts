import { MS_PER_SECOND, type Milliseconds, type Octets } from '../../base/units.js'
import { readAddress, showAddress } from '../../base/values/address.js'

/** A connection of a client, as the kernel tracks it: it begins with its first packet, and ends when it is closed or idle. */
export interface ConnectionEvent {
  readonly kind: 'begin' | 'end'
  /** The same for its beginning and its end. */
  readonly id: number
  readonly time: Milliseconds
  readonly protocol: 'tcp' | 'udp'
  /** Before NAT, in canonical text. */
  readonly client: string
  /** After NAT: a query that the firewall redirects to the gateway goes to the gateway. Canonical text. */
  readonly destination: string
  readonly port: number
  /** In both directions; undefined while it lasts, or if the kernel does not count (net.netfilter.nf_conntrack_acct). */
  readonly octets: Octets | undefined
}

/** Arguments of `conntrack` for lines that `parseConntrackEvent` reads. */
export const CONNTRACK_ARGUMENTS = ['-E', '-e', 'NEW,DESTROY', '-o', 'timestamp,id'] as const

const HEAD = /^\[(\d{1,12}\.\d{1,9})\]\s+\[(NEW|DESTROY)\]\s+(tcp|udp)\s+(?:6|17)\s/
/** Octets of one connection, in one direction, that a number holds exactly. */
const MAX_ID = 2 ** 32 - 1
const MAX_PORT = 65_535

/**
 * Reads a line of `conntrack -E -o timestamp,id`. Undefined: of another protocol, or not such a line. The fields of the first
 * direction come first, then those of the replies, with the same keys.
 */
export function parseConntrackEvent(line: string): ConnectionEvent | undefined {
  const head = HEAD.exec(line)
  if (head === null) return undefined
  const [, stamp, word, protocol] = head
  const fields = fieldsOf(line)
  const client = addressIn(fields.src?.[0])
  const destination = addressIn(fields.src?.[1])
  const port = numberIn(fields.sport?.[1], MAX_PORT)
  const id = numberIn(fields.id?.[0], MAX_ID)
  if (client === undefined || destination === undefined || !port || id === undefined)
    return undefined
  const time = Math.round(Number(stamp) * MS_PER_SECOND)
  const kind = word === 'NEW' ? 'begin' : 'end'
  const octets = sum(fields.bytes)
  return { kind, id, time, protocol: protocol as 'tcp', client, destination, port, octets }
}

type Key = 'src' | 'sport' | 'bytes' | 'id'
const FIELD = /\b(src|sport|bytes|id)=([^\s=]{1,45})(?=\s|$)/g

/** The values of each key, in their order. */
function fieldsOf(line: string): Partial<Record<Key, string[]>> {
  const fields: Partial<Record<Key, string[]>> = {}
  for (const [, key, value] of line.matchAll(FIELD)) (fields[key as Key] ??= []).push(value!)
  return fields
}

function addressIn(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    return showAddress(readAddress(text))
  } catch {
    return undefined
  }
}

function numberIn(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return value <= max ? value : undefined
}

function sum(values: readonly string[] | undefined): Octets | undefined {
  const octets = values?.map(value => numberIn(value, Number.MAX_SAFE_INTEGER))
  if (octets === undefined || octets.includes(undefined)) return undefined
  return octets.reduce<number>((total, value) => total + value!, 0)
}

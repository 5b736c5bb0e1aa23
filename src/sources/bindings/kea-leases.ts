import { MS_PER_SECOND } from '../../base/units.js'
import { readDevice } from '../../policy/bindings/read-device.js'
import { bindingOf, lineError, type ReadBindings } from './read-bindings.js'
import type { Binding } from '../../policy/bindings/binding.js'

/** State of a lease: assigned. Others are declined, expired and reclaimed, and released. */
const ASSIGNED = '0'
/** Lease type of DHCPv6: a prefix is delegated to a router, behind which are many devices. */
const DELEGATED_PREFIX = ['2', 'IA_PD', 'PD']
/** "Infinite" lifetime: RFC 2131 §3.3. */
const INFINITE = 0xffff_ffff

/**
 * Reads a lease file of Kea (memfile), `kea-leases4.csv` or `kea-leases6.csv`. Kea appends a line for each change and compacts the
 * file now and then, so the last line of an address counts.
 */
export function readKeaLeases(text: string, source: string): ReadBindings {
  const { leases, errors } = readKeaChanges([text], source)
  return { bindings: [...leases.values()].flatMap(one => one ?? []), errors }
}

/** What several files say, one after the other, each with its header. */
export interface KeaChanges {
  /** By address; undefined: it is not assigned. */
  readonly leases: ReadonlyMap<string, Binding | undefined>
  readonly errors: readonly string[]
}

/** @param texts the oldest first */
export function readKeaChanges(texts: readonly string[], source: string): KeaChanges {
  const leases = new Map<string, Binding | undefined>()
  const errors = texts.flatMap(text => readKeaFile(text, source, leases))
  return { leases, errors }
}

function readKeaFile(
  text: string,
  source: string,
  latest: Map<string, Binding | undefined>
): readonly string[] {
  const [head = '', ...lines] = text.split('\n')
  const columns = head.split(',')
  if (!columns.includes('address') || !columns.includes('expire'))
    return [lineError(1, 'no header of a Kea lease file')]
  const errors: string[] = []
  for (const [i, line] of lines.entries()) {
    // The last line may be half written.
    if (line === '' || i === lines.length - 1) continue
    const fields = line.split(',')
    const row: Record<string, string> = {}
    for (const [n, column] of columns.entries()) row[column] = unescape(fields[n] ?? '')
    const lease = leaseOf(row, source)
    if (lease === undefined) errors.push(lineError(i + 2, 'not a lease'))
    else latest.set(lease.address, lease.binding)
  }
  return errors
}

/** Commas in a value are written `&#x2c`. */
const unescape = (text: string): string =>
  text.includes('&') ? text.replaceAll(/&#x2c;?/gi, ',') : text

interface Lease {
  readonly address: string
  /** Undefined: the address is not assigned. */
  readonly binding: Binding | undefined
}

/** A lease by the names that both the file and the control socket use. @returns undefined: it is not a lease */
function leaseOf(row: Readonly<Record<string, string>>, source: string): Lease | undefined {
  const { address = '', expire, valid_lifetime: lifetime, state = ASSIGNED } = row
  const ends = Number(expire)
  const valid = Number(lifetime)
  if (!Number.isFinite(ends) || !Number.isFinite(valid) || expire === '') return undefined
  const raw = {
    ...(row.hwaddr === undefined ? {} : { mac: row.hwaddr }),
    ...(row.hostname === undefined ? {} : { host: row.hostname }),
    ...(row.duid === undefined ? {} : { duid: row.duid })
  }
  const until = valid >= INFINITE ? Infinity : ends * MS_PER_SECOND
  const from = (ends - valid) * MS_PER_SECOND
  const binding = bindingOf(address, { source, from, until, ...readDevice(raw) })
  if (binding === undefined) return undefined
  // Kea deletes a lease by a line with a lifetime of 0.
  const isDeleted = state !== ASSIGNED || valid === 0
  const isAssigned = !isDeleted && !DELEGATED_PREFIX.includes(row.lease_type ?? '')
  return { address: binding.address, binding: isAssigned ? binding : undefined }
}

/** A lease in replies to `lease4-get-all` and `lease6-get-all`. */
interface ControlLease {
  readonly 'ip-address'?: unknown
  readonly 'hw-address'?: unknown
  readonly 'valid-lft'?: unknown
  readonly [key: string]: unknown
}

/** Reads the reply of Kea's control socket to `lease4-get-all` or `lease6-get-all`. Throws an error that says why not. */
export function readKeaReply(reply: unknown, source: string): ReadBindings {
  const first: unknown = Array.isArray(reply) ? reply[0] : reply
  const { result, text, arguments: given } = (first ?? {}) as Readonly<Record<string, unknown>>
  // 3: there are no leases.
  if (result === 3) return { bindings: [], errors: [] }
  if (result !== 0) throw new Error(typeof text === 'string' ? text : 'Kea returned an error')
  const { leases } = (given ?? {}) as { leases?: unknown }
  if (!Array.isArray(leases)) throw new Error('the reply of Kea has no leases')
  const errors: string[] = []
  const bindings = (leases as readonly ControlLease[]).flatMap((lease, i) => {
    const found = leaseOf(rowOf(lease), source)
    if (found === undefined) errors.push(`lease ${i + 1}: not a lease`)
    return found?.binding ?? []
  })
  return { bindings, errors }
}

function rowOf(lease: ControlLease): Record<string, string> {
  const textOf = (key: string): string => {
    const value = lease[key]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  }
  return {
    address: textOf('ip-address'),
    hwaddr: textOf('hw-address'),
    hostname: textOf('hostname'),
    duid: textOf('duid'),
    valid_lifetime: textOf('valid-lft'),
    expire: String(Number(textOf('cltt')) + Number(textOf('valid-lft'))),
    state: textOf('state') || ASSIGNED,
    lease_type: textOf('type')
  }
}

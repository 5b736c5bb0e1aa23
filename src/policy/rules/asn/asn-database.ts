import { Reader, type AsnResponse } from 'mmdb-lib'
import { showAddress, type Prefix } from '../../../base/values/address.js'
import type { Milliseconds, Octets } from '../../../base/units.js'

/** A database that cannot be used. */
export class AsnDatabaseError extends Error {}

/** The whole Internet has about 10 MB in 2026. */
export const MAX_ASN_DATABASE: Octets = 256 * 1024 * 1024

/** What was found for the autonomous systems that were looked for. */
export interface FoundAsns {
  /** When the database was made. */
  readonly built: Milliseconds
  /** By number; without those that the database does not have. */
  readonly prefixes: ReadonlyMap<number, readonly Prefix[]>
}

const MAPPED_BITS = 96
/** Where databases repeat the IPv4 tree, which rules match by themselves: mapped, 6to4 and Teredo. */
const ALIASES = [
  { octets: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], length: 96 },
  { octets: [0x20, 0x02], length: 16 },
  { octets: [0x20, 0x01, 0, 0], length: 32 }
]

/**
 * Finds the prefixes of some autonomous systems in a MaxMind DB file (format 2.0).
 *
 * @throws AsnDatabaseError
 */
export function findAsns(octets: Buffer, wanted: readonly number[]): FoundAsns {
  const reader = openReader(octets)
  const { ipVersion, buildEpoch } = reader.metadata
  const walk = new TreeWalk(octets, reader, new Set(wanted))
  try {
    walk.from(0, new Uint8Array(16), ipVersion === 4 ? MAPPED_BITS : 0)
  } catch (error) {
    if (error instanceof AsnDatabaseError) throw error
    throw new AsnDatabaseError(`corrupt: ${(error as Error).message}`)
  }
  if (!walk.hasAsns) throw new AsnDatabaseError('its records have no autonomous_system_number')
  return { built: buildEpoch.getTime(), prefixes: walk.found }
}

function openReader(octets: Buffer): Reader<AsnResponse> {
  let reader
  try {
    reader = new Reader<AsnResponse>(octets)
  } catch {
    throw new AsnDatabaseError('not a MaxMind DB file, or corrupt')
  }
  const { metadata } = reader
  const isKnown =
    metadata.binaryFormatMajorVersion === 2 &&
    [24, 28, 32].includes(metadata.recordSize) &&
    [4, 6].includes(metadata.ipVersion)
  if (!isKnown) throw new AsnDatabaseError('not version 2 of the MaxMind DB format')
  if (metadata.searchTreeSize > octets.length) throw new AsnDatabaseError('file is truncated')
  return reader
}

/**
 * Visits the whole tree once. The library can only look up single addresses, so it decodes the record of the first
 * prefix that has it, and all others with the same record need no decoding.
 */
class TreeWalk {
  readonly found = new Map<number, Prefix[]>()
  hasAsns = false
  /** ASN of each record that was decoded; undefined: not wanted. */
  private readonly known = new Map<number, number | undefined>()
  private visited = 0
  private readonly isIpv4: boolean

  constructor(
    private readonly octets: Buffer,
    private readonly reader: Reader<AsnResponse>,
    private readonly wanted: ReadonlySet<number>
  ) {
    this.isIpv4 = reader.metadata.ipVersion === 4
  }

  from(node: number, address: Uint8Array, depth: number): void {
    const { nodeCount } = this.reader.metadata
    if (node === nodeCount || ALIASES.some(alias => !this.isIpv4 && isAt(alias, address, depth)))
      return
    if (node > nodeCount) return this.add(node, address, depth)
    // A tree has each node once, and the IPv4 part is not visited again under its aliases.
    if (depth === 128 || ++this.visited > nodeCount) throw new AsnDatabaseError('corrupt tree')
    this.from(this.child(node, 0), address, depth + 1)
    const mask = 0x80 >> (depth & 7)
    address[depth >> 3]! |= mask
    this.from(this.child(node, 1), address, depth + 1)
    address[depth >> 3]! &= ~mask
  }

  private child(node: number, side: 0 | 1): number {
    const { recordSize, nodeByteSize } = this.reader.metadata
    const at = node * nodeByteSize
    if (recordSize === 24) return this.octets.readUIntBE(at + 3 * side, 3)
    if (recordSize === 32) return this.octets.readUInt32BE(at + 4 * side)
    const middle = this.octets[at + 3]!
    const high = side === 0 ? middle >> 4 : middle & 0xf
    return high * 2 ** 24 + this.octets.readUIntBE(at + 4 * side, 3)
  }

  private add(record: number, address: Uint8Array, depth: number): void {
    const prefix = this.prefixOf(address, depth)
    if (!this.known.has(record)) this.known.set(record, this.decode(prefix))
    const asn = this.known.get(record)
    if (asn === undefined) return
    const list = this.found.get(asn)
    if (list === undefined) this.found.set(asn, [prefix])
    else list.push(prefix)
  }

  /** In a tree of both families, IPv4 is `::/96`. */
  private prefixOf(address: Uint8Array, depth: number): Prefix {
    const copy = address.slice()
    const isIpv4 = depth >= MAPPED_BITS && copy.subarray(0, 12).every(octet => octet === 0)
    if (isIpv4) copy.fill(0xff, 10, 12)
    return { address: copy, length: depth }
  }

  private decode({ address }: Prefix): number | undefined {
    const { autonomous_system_number: asn } = this.reader.get(showAddress(address)) ?? {}
    if (typeof asn !== 'number') return undefined
    this.hasAsns = true
    return this.wanted.has(asn) ? asn : undefined
  }
}

function isAt(alias: (typeof ALIASES)[number], address: Uint8Array, depth: number): boolean {
  return depth === alias.length && alias.octets.every((octet, i) => address[i] === octet)
}

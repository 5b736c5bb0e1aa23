import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'
import { readChain, type Fault } from '../chain/read-chain.js'
import type { Day } from '../files/log-layout.js'
import { digestFile } from '../files/file-digest.js'
import type { WitnessVerification } from '../witness/verify-witness.js'
import { centralFiles, centralPath, chainedGateways, type CentralFile } from './central-layout.js'
import { arrivedChains, RecordedFiles } from './chain-of-gateway.js'
import { fleetWitness, type FleetWitnesses } from './fleet-witness.js'

/**
 * Kind of failure.
 *
 * `key`       no public key is known for the gateway
 * `absent`    it has files, but no chain
 * `line`      a line of its chain is altered, missing, or not signed by its key
 * `restarted` a previous chain was broken, and another was started in its place
 * `forged`    a witness has confirmed another line
 * `altered`   a file does not have the digest of its name; a tally, that of no tally in the chain
 * `extra`     no line of the chain has the file, or the lookups of the tally: it is from someone else
 */
export type FleetBreakKind =
  'key' | 'absent' | 'line' | 'restarted' | 'forged' | 'altered' | 'extra'

export interface FleetBreak {
  readonly kind: FleetBreakKind
  /** A path relative to the central folder; for a chain, with a line number. */
  readonly at: string
  readonly fault?: Fault
}

/** A Parquet file that the chain has and the centre has not. */
export interface FleetGap {
  readonly sha256: string
  /** When it was made. */
  readonly made: string
  /** Why the gateway removed it before it arrived; undefined: it may still arrive. */
  readonly removed?: string
}

/** Result for one gateway; its JSON form is public, see docs/operations/fleet.md. */
export interface GatewayVerification {
  readonly gateway: string
  readonly proven: boolean
  readonly breaks: readonly FleetBreak[]
  readonly gaps: readonly FleetGap[]
  /** Files that match the chain. */
  readonly files: number
  readonly octets: Octets
  /** Lines of its chain. */
  readonly lines: number
  /** The newest day of the lookups in its chain; undefined: it has none. */
  readonly lastDay: Day | undefined
  /** When its chain began; undefined: nothing of it is valid. */
  readonly began: string | undefined
  /** What witnesses confirm about its newest chain. */
  readonly witness: WitnessVerification
}

/**
 * Verifies the files of a fleet, each against the chain of its gateway, and chains against the keys of their gateways.
 *
 * @param keysOf public keys of a gateway, by which a file of another gateway is recognized
 * @param witnesses what receipts are verified with, and those that others hold
 * @param expected gateways that are in the result even if nothing of them has arrived
 * @throws InterdictError FLEET_FOLDER
 */
export async function verifyFleet(
  folder: string,
  keysOf: (gateway: string) => readonly KeyObject[],
  witnesses: FleetWitnesses = NO_WITNESSES,
  expected: readonly string[] = []
): Promise<GatewayVerification[]> {
  try {
    const files = new Map<string, CentralFile[]>()
    for (const gateway of [...expected, ...chainedGateways(folder)]) files.set(gateway, [])
    for (const all of centralFiles(folder))
      for (const file of all) files.set(file.gateway, [...(files.get(file.gateway) ?? []), file])
    const results: GatewayVerification[] = []
    for (const [gateway, own] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
      results.push(await verifyGateway(folder, gateway, own, keysOf(gateway), witnesses))
    return results
  } catch (error) {
    throw failure('FLEET_FOLDER', folder, reasonOf(error, folder))
  }
}

const NO_WITNESSES: FleetWitnesses = { authorities: undefined, heldOf: () => [] }

async function verifyGateway(
  folder: string,
  gateway: string,
  files: readonly CentralFile[],
  keys: readonly KeyObject[],
  witnesses: FleetWitnesses
): Promise<GatewayVerification> {
  const breaks: FleetBreak[] = []
  const recorded = new RecordedFiles()
  const chains = arrivedChains(folder, gateway)
  let lines = 0
  if (keys.length === 0) breaks.push({ kind: 'key', at: gateway })
  if (chains.length === 0) breaks.push({ kind: 'absent', at: `chains/${gateway}` })
  for (const { first, octets, gap } of chains) {
    const at = (line: number): string => `chains/${gateway}/${first}:${line}`
    const { fault, broken, lines: read } = readChain(octets, keys)
    lines += read
    for (const { line } of broken) breaks.push({ kind: 'restarted', at: at(line) })
    if (fault !== undefined) breaks.push({ kind: 'line', at: at(fault.line), fault: fault.fault })
    else recorded.add(octets)
    if (gap !== undefined) breaks.push({ kind: 'line', at: at(gap), fault: 'order' })
  }
  const { witness, began } = fleetWitness(folder, gateway, chains, witnesses)
  for (const { at } of witness.contradicted)
    breaks.push({ kind: 'forged', at: `chains/${gateway}/${at}` })
  const there = new Set<string>()
  const verified = { files: 0, octets: 0 }
  for (const file of files) {
    const path = centralPath(file)
    const { sha256, octets } = await digestFile(join(folder, path))
    const expected = file.kind === 'parquet' ? `archive/day=${file.day}` : 'archive/tallies'
    const isAltered =
      file.kind === 'parquet'
        ? sha256 !== file.parquet
        : !recorded.folders.has(sha256) && recorded.folders.has(file.parquet)
    if (isAltered) breaks.push({ kind: 'altered', at: path })
    else if (recorded.folders.get(sha256) !== expected) breaks.push({ kind: 'extra', at: path })
    else {
      there.add(sha256)
      verified.files++
      verified.octets += octets
    }
  }
  const gaps = recorded
    .missing(sha256 => there.has(sha256))
    .map((sha256): FleetGap => {
      const removed = recorded.removed.get(sha256)
      return { sha256, made: recorded.made.get(sha256)!, ...(removed !== undefined && { removed }) }
    })
  const proven = breaks.length === 0
  const { lastDay } = recorded
  return { gateway, proven, breaks, gaps, ...verified, lines, lastDay, began, witness }
}

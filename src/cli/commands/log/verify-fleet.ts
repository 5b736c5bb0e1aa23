import { readdirSync, readFileSync } from 'node:fs'
import type { KeyObject } from 'node:crypto'
import { basename, join } from 'node:path'
import { readPublicKey } from '../../../base/files/ed25519.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import {
  verifyFleet,
  type FleetBreakKind,
  type GatewayVerification
} from '../../../lookups/central/verify-fleet.js'
import { gatewayOfReceipt } from '../../../lookups/central/fleet-witness.js'
import type { HeldReceipt } from '../../../lookups/witness/external-receipts.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount, formatNumber } from '../../output/format.js'
import { witnessLines } from '../../output/log/verification-text.js'
import { readHeld, witnessTrust, type WitnessOptions } from './verify-log.js'

/** What the logs of a fleet are verified with. */
export interface FleetWitnessOptions extends CommonOptions, WitnessOptions {
  /** Folder of the public keys of its gateways. */
  readonly keys?: string
  /** Files of receipts that others hold, such as the hub's copies. */
  readonly witness?: readonly string[]
}

export interface VerifyFleetOptions extends FleetWitnessOptions {
  readonly fleet: string
  readonly json?: boolean
}

const BREAKS: Readonly<Record<FleetBreakKind, string>> = {
  key: 'no public key of this gateway in the folder of keys',
  absent: 'no chain has arrived',
  line: 'the chain is altered, incomplete, or not signed by the key of this gateway',
  restarted: 'a previous chain was broken, and another was started',
  forged: 'a witness has confirmed another line: the chain was rewritten or replaced',
  altered: 'the content was changed',
  extra: 'not in the chain: not from this gateway'
}

/**
 * `interdict verify-log --fleet`: whether the logs of a fleet are unaltered, each from its own gateway.
 *
 * @throws InterdictError FLEET_FOLDER
 */
export async function verifyFleetLogs(options: VerifyFleetOptions, io: Io): Promise<number> {
  const { fleet, json } = options
  const results = await fleetVerification(options)
  if (json === true) printJson(io, { fleet, gateways: results })
  else print(io, `${results.flatMap(linesOf).join('\n')}\n`)
  return results.every(({ proven }) => proven) ? EXIT.success : EXIT.failure
}

/**
 * The verification of each gateway of a fleet.
 *
 * @param expected gateways that are in the result even if nothing of them has arrived; gets those with a public key; by default none
 * @throws InterdictError BUNDLE_TRUST, FLEET_FOLDER, WITNESS_CA
 */
export async function fleetVerification(
  options: VerifyFleetOptions,
  expected: (keyed: readonly string[]) => readonly string[] = () => []
): Promise<readonly GatewayVerification[]> {
  const { fleet, keys = join(fleet, 'keys'), witness = [] } = options
  const config = await loadSettings(options)
  const files = witness.map(file => ({ gateway: stemOf(file), held: readHeld(file) }))
  const known = publicKeys(keys)
  const keysOf = (gateway: string): readonly KeyObject[] => known.get(gateway) ?? []
  const witnesses = {
    ...(await witnessTrust(options, config)),
    heldOf: (gateway: string, hashes: ReadonlySet<string>) =>
      files.flatMap(({ gateway: named, held }) =>
        held.filter(one => isAbout(one, gateway, named, hashes))
      )
  }
  const results = await verifyFleet(fleet, keysOf, witnesses, expected([...known.keys()]))
  if (results.length === 0) throw failure('FLEET_FOLDER', fleet, 'it has no logs')
  return results
}

/** The name of the gateway, if the file is named after it, as the hub's copies are. */
const stemOf = (file: string): string => basename(file).replace(/\..*$/, '')

/**
 * Whether a receipt is about a gateway. One that names no gateway, in a file that is not named after one either, is about
 * the gateway whose chain has the line.
 */
function isAbout(
  held: HeldReceipt,
  gateway: string,
  named: string,
  hashes: ReadonlySet<string>
): boolean {
  if (held.kind === 'response') return named === gateway
  const line = held.kind === 'stored' ? held.receipt : held
  const about = held.kind === 'stored' ? gatewayOfReceipt(held.receipt) : undefined
  return about === undefined ? named === gateway || hashes.has(line.sha256) : about === gateway
}

/** Reads `NAME.pub` of each gateway: one public key per line, for several in case it was changed. */
function publicKeys(folder: string): ReadonlyMap<string, readonly KeyObject[]> {
  const keys = new Map<string, readonly KeyObject[]>()
  try {
    for (const name of readdirSync(folder).filter(one => one.endsWith('.pub'))) {
      const lines = readFileSync(join(folder, name), 'utf8').split('\n')
      const texts = lines.map(line => line.trim()).filter(line => line !== '')
      const read = texts.map(
        text =>
          readPublicKey(text) ?? usageError(`${join(folder, name)}: not a public key: ${text}`)
      )
      keys.set(name.slice(0, -'.pub'.length), read)
    }
  } catch (error) {
    if (!(error instanceof Error && 'errno' in error)) throw error
    usageError(`--keys: cannot read the public keys in ${folder}: ${reasonOf(error, folder)}`)
  }
  return keys
}

function linesOf(found: GatewayVerification) {
  const { gateway, proven, breaks, gaps, files, octets, lines, began, witness } = found
  const size = `${formatCount(files, 'file')}, ${formatNumber(octets)} bytes`
  const head = `${gateway}: ${proven ? 'unaltered' : 'NOT PROVEN'}: ${size}, ${formatCount(lines, 'line')} of its chain`
  const lost = gaps.filter(({ removed }) => removed !== undefined)
  const waiting = gaps.filter(({ removed }) => removed === undefined)
  const [oldest] = waiting.map(({ made }) => made).sort()
  return [
    head,
    ...breaks.map(({ kind, at }) => `  ${at}: ${BREAKS[kind]}`),
    ...witnessLines(witness, began).map(line => `  witness: ${line}`),
    ...lost.map(
      ({ sha256, made, removed }) =>
        `  gap: the file of ${made} (${sha256}) was removed at the gateway before it arrived (${removed})`
    ),
    ...(waiting.length === 0
      ? []
      : [`  not here yet: ${formatCount(waiting.length, 'file')}, the oldest of ${oldest}`])
  ]
}

import { readdirSync, readFileSync } from 'node:fs'
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { readPublicKey } from '../../../base/files/ed25519.js'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import {
  verifyFleet,
  type FleetBreakKind,
  type GatewayVerification
} from '../../../lookups/central/verify-fleet.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount, formatNumber } from '../../output/format.js'

export interface VerifyFleetOptions {
  readonly fleet: string
  readonly keys?: string
  readonly json?: boolean
}

const BREAKS: Readonly<Record<FleetBreakKind, string>> = {
  key: 'no public key of this gateway in the folder of keys',
  absent: 'no chain has arrived',
  line: 'the chain is altered, incomplete, or not signed by the key of this gateway',
  restarted: 'a previous chain was broken, and another was started',
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

/** The verification of each gateway of a fleet. @throws InterdictError FLEET_FOLDER */
export async function fleetVerification({
  fleet,
  keys = join(fleet, 'keys')
}: VerifyFleetOptions): Promise<readonly GatewayVerification[]> {
  const results = await verifyFleet(fleet, publicKeys(keys))
  if (results.length === 0) throw failure('FLEET_FOLDER', fleet, 'it has no logs')
  return results
}

/** Reads `NAME.pub` of each gateway: one public key per line, for several in case it was changed. */
function publicKeys(folder: string): (gateway: string) => readonly KeyObject[] {
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
  return gateway => keys.get(gateway) ?? []
}

function linesOf({ gateway, proven, breaks, gaps, files, octets, lines }: GatewayVerification) {
  const size = `${formatCount(files, 'file')}, ${formatNumber(octets)} bytes`
  const head = `${gateway}: ${proven ? 'unaltered' : 'NOT PROVEN'}: ${size}, ${formatCount(lines, 'line')} of its chain`
  const lost = gaps.filter(({ removed }) => removed !== undefined)
  const waiting = gaps.filter(({ removed }) => removed === undefined)
  const [oldest] = waiting.map(({ made }) => made).sort()
  return [
    head,
    ...breaks.map(({ kind, at }) => `  ${at}: ${BREAKS[kind]}`),
    ...lost.map(
      ({ sha256, made, removed }) =>
        `  gap: the file of ${made} (${sha256}) was removed at the gateway before it arrived (${removed})`
    ),
    ...(waiting.length === 0
      ? []
      : [`  not here yet: ${formatCount(waiting.length, 'file')}, the oldest of ${oldest}`])
  ]
}

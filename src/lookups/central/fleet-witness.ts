import type { Milliseconds } from '../../base/units.js'
import { readChain, type ChainContents } from '../chain/read-chain.js'
import type { HeldReceipt } from '../witness/external-receipts.js'
import { parseReceipts, type Receipt } from '../witness/receipts.js'
import {
  compareReceipts,
  type WitnessSources,
  type WitnessVerification
} from '../witness/verify-witness.js'
import { arrivedChains, type ArrivedChain } from './chain-of-gateway.js'

/** What the receipts of a fleet are verified with. */
export interface FleetWitnesses extends Pick<WitnessSources, 'authorities' | 'hubKeys' | 'now'> {
  /** Receipts about a gateway that others hold. @param hashes of all lines of its chains */
  heldOf(gateway: string, hashes: ReadonlySet<string>): readonly HeldReceipt[]
}

/**
 * Compares the newest chain of a gateway with the receipts that have arrived, and with those that others hold. Whatever
 * key has signed the chain: a witness confirms its hashes.
 */
export function fleetWitness(
  folder: string,
  gateway: string,
  arrived: readonly ArrivedChain[],
  witnesses: FleetWitnesses
): { readonly witness: WitnessVerification; readonly began: string | undefined } {
  const chains = arrived.map(({ octets }) => readChain(octets, undefined))
  const newest = chains.toSorted((a, b) => beginOf(a) - beginOf(b)).at(-1)
  const contents = newest ?? readChain(Buffer.alloc(0), undefined)
  const hashes = new Set(chains.flatMap(one => [...one.hashes]))
  const others = new Set([...hashes].filter(sha256 => !contents.hashes.has(sha256)))
  const held = [...arrivedReceipts(folder, gateway), ...witnesses.heldOf(gateway, hashes)]
  const witness = compareReceipts(contents, held, witnesses, { others })
  return { witness, began: contents.state.startedAt }
}

const beginOf = ({ state: { startedAt } }: ChainContents): Milliseconds =>
  startedAt === undefined ? -Infinity : Date.parse(startedAt)

/** Receipts that a gateway has sent. A hub also signs receipts for other gateways, which are left out. */
function arrivedReceipts(folder: string, gateway: string): HeldReceipt[] {
  const receipts = arrivedChains(folder, gateway, 'receipts').flatMap(({ octets }) =>
    parseReceipts(octets.toString())
  )
  return receipts
    .filter(receipt => (gatewayOfReceipt(receipt) ?? gateway) === gateway)
    .map((receipt): HeldReceipt => ({ kind: 'stored', receipt }))
}

/** The gateway that a receipt of the hub is about; undefined: other receipts do not say. */
export const gatewayOfReceipt = (receipt: Receipt): string | undefined =>
  receipt.by === 'hub' ? receipt.gateway : undefined

import { readPublicKey, type PublicKey } from '../../base/files/ed25519.js'
import type { WitnessChannel } from './chain-witness.js'
import { isCountersigned, type Countersignature } from './countersignature.js'
import type { Checkpoint } from './receipts.js'

/**
 * The hub of a fleet, which countersigns checkpoints and stores them.
 *
 * @param keys public keys that the hub may sign with, read for each checkpoint
 * @param ask sends a checkpoint to the hub; rejects with the reason
 */
export function hubChannel(
  gateway: string,
  keys: () => readonly PublicKey[],
  ask: (checkpoint: Checkpoint) => Promise<Countersignature>
): WitnessChannel {
  return {
    by: 'hub',
    to: 'the hub of the fleet',
    submit: async checkpoint => {
      const { at, signature } = await ask(checkpoint)
      const trusted = keys().map(key => readPublicKey(key)!)
      if (!trusted.some(key => isCountersigned(gateway, checkpoint, { at, signature }, key)))
        throw new Error('it is signed with another key than log.queries.witness.hub-key')
      return { by: 'hub', gateway, at, signature }
    }
  }
}

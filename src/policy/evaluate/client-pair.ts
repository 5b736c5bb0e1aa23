import type { ClientTable } from '../tables/client-table.js'
import { TIER } from '../tables/claim.js'
import type { Decision } from '../tables/decision.js'
import type { Policy } from './policy.js'

/*
 * A client that is recognized has two client classes: one in its own network, and one in the network of its
 * address. It is under the rules of its own network and, besides, under the bans of the other one; the stricter
 * decision applies. Both are evaluated one after the other, and nothing is compiled for a pair of networks. See
 * docs/reference/rules.md#clients.
 */

/**
 * The client class of an address, if it adds rules to those of a client's own class.
 *
 * @param own client class by the identity of the client
 * @param ofAddress client class of its address
 * @returns 0: the address is in the same network, or in none
 */
export function addressClassOf(
  { networkOf }: Pick<ClientTable, 'networkOf'>,
  own: number,
  ofAddress: number
): number {
  return networkOf[own] === networkOf[ofAddress] ? 0 : ofAddress
}

/** Whether a decision is that of an enforced ban. */
export function isBanned({ claims }: Policy, { claim, tier }: Decision): boolean {
  if (tier < TIER.ban || tier >= TIER.sourceException) return false
  return claims.at(claim)?.reply !== undefined
}

/**
 * Adds the bans of the network of a client's address to the decision of its own network:
 *
 * 1. an enforced ban of the own network,
 * 2. an enforced ban of the network of the address,
 * 3. whatever else the own network decides; only if that is nothing, an exception of the other one is recorded.
 *
 * Of rules in monitor mode, those of the own network are recorded first.
 *
 * @param bans was evaluated after `Decision.clearForBans`
 */
export function addBans(policy: Policy, decision: Decision, bans: Decision): void {
  if (isBanned(policy, bans)) {
    if (!isBanned(policy, decision)) decision.takeDecision(bans)
  } else if (decision.claim === -1) {
    // For the log alone: the tier stays, by which the exception would lift bans of the own network.
    decision.claim = bans.claim
    decision.entry = bans.entry
    decision.label = bans.label
  }
  if (decision.monitorClaim === -1) decision.takeMonitored(bans)
}

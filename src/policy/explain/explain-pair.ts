import type { Claim } from '../tables/claim.js'
import type { Candidate, CandidateOutcome } from './explain.js'

/** A claim that matches for one of the two networks of a recognized client. */
export interface PairCandidate extends Candidate {
  /** It is a rule of the network of the client's address, not of its own. */
  readonly isOfAddress: boolean
}

/**
 * What becomes of the claims that match in the two networks of a recognized client, as `addBans` decides.
 *
 * @param own candidates for its own network
 * @param ofAddress candidates for the network of its address: only bans and exceptions count
 */
export function explainPair(
  own: readonly Candidate[],
  ofAddress: readonly Candidate[],
  claimOf: (number: number) => Claim
): readonly PairCandidate[] {
  const bans = ofAddress.filter(({ claim }) => ['ban', 'exception'].includes(claimOf(claim).kind))
  const isBanned = (all: readonly Candidate[]): boolean =>
    all.some(({ claim, outcome }) => outcome === 'decides' && claimOf(claim).kind === 'ban')
  const isDecided = own.some(({ outcome }) => outcome === 'decides')
  const isMonitored = own.some(({ outcome }) => outcome === 'monitors')
  const [ownBan, otherBan] = [isBanned(own), isBanned(bans)]
  const outcomeOfOwn = (outcome: CandidateOutcome): CandidateOutcome =>
    outcome === 'decides' && otherBan && !ownBan ? 'loses to the other network' : outcome
  const outcomeOfOther = ({ claim, outcome }: Candidate): CandidateOutcome => {
    if (outcome === 'monitors') return isMonitored ? 'loses to the other network' : outcome
    if (outcome !== 'decides') return outcome
    if (claimOf(claim).kind === 'exception')
      return isDecided ? 'lifts no bans of the other network' : outcome
    return ownBan ? 'loses to the other network' : outcome
  }
  return [
    ...own.map(one => ({ ...one, outcome: outcomeOfOwn(one.outcome), isOfAddress: false })),
    ...bans.map(one => ({ ...one, outcome: outcomeOfOther(one), isOfAddress: true }))
  ]
}

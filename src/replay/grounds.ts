import type { Claim } from '../policy/snapshot.js'
import { STATE, stateOf, type Outcome } from './judge.js'
import { NO_GROUND, RECORDED, type Ground } from './lookup.js'

const grounds = new WeakMap<Claim, Ground>()

/** What a claim is, for people; the same object for the same claim. */
export function groundOf(claim: Claim | undefined): Ground {
  if (claim === undefined) return NO_GROUND
  const known = grounds.get(claim)
  if (known !== undefined) return known
  const { kind, ruleId, source } = claim
  const through = source.kind === 'inline' ? '' : `${source.kind} ${source.id}`
  const made = { through, by: `${kind} ${ruleId}` }
  grounds.set(claim, made)
  return made
}

/** `nxdomain by ban phones/tiktok`, `allowed by exception press`, `forwarded`. */
export function outcomeText(outcome: Outcome, claim: Claim | undefined): string {
  const state = stateOf(outcome)
  if (state === STATE.refused) return 'refused: in no network'
  if (claim === undefined) return 'forwarded'
  const { by } = groundOf(claim)
  const action = claim.reply?.action ?? ''
  if (state === STATE.blocked) return `${action} by ${by}`
  return state === STATE.monitored ? `monitored by ${by}` : `allowed by ${by}`
}

/** What a log says became of a lookup. */
export function recordedText(recorded: number, { by, through }: Ground): string {
  if (recorded === RECORDED.refused) return 'refused: in no network'
  if (recorded === RECORDED.open) return 'answered'
  const what = by === '' ? through : by
  return what === '' ? 'blocked' : `blocked by ${what}`
}

import { STATE, judgedStateOf, type Judge, type Judgement } from './rule-judge.js'
import { RECORDED, type Reason, type RecordedState } from './parsed-lookup.js'

/** `nxdomain by ban phones/tiktok`, `allowed by exception press`, `forwarded`. */
export function outcomeText(outcome: Judgement, judge: Judge): string {
  const state = judgedStateOf(outcome)
  if (state === STATE.refused) return 'refused: in no network'
  const claim = judge.claimOf(outcome)
  if (claim === undefined) return 'forwarded'
  const { by } = judge.reasonOf(outcome)
  const action = claim.reply?.action ?? ''
  if (state === STATE.blocked) return `${action} by ${by}`
  return state === STATE.monitored ? `monitored by ${by}` : `allowed by ${by}`
}

/** The recorded verdict of a lookup. */
export function recordedText(recorded: RecordedState, { by, through }: Reason): string {
  if (recorded === RECORDED.refused) return 'refused: in no network'
  if (recorded === RECORDED.open) return 'answered'
  const what = by === '' ? through : by
  return what === '' ? 'blocked' : `blocked by ${what}`
}
